# SPDX-License-Identifier: Apache-2.0
"""Counts the calls of whole traces and makes the rows of the stored tables: calls, traces, spans above calls."""

from __future__ import annotations

import marshal
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from spancost.config import data
from spancost.core.ledger.failed import failed_record
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.recorder import Recorder
from spancost.core.record import CallRecord
from spancost.core.semconv import APP_OUTCOME, LLM_COST_STATUS
from spancost.core.span import Span
from spancost.store.call_lines import CallLines
from spancost.store.enrich import Key, count, place, unique_ids
from spancost.store.log_facts import LogFact, record_of_log
from spancost.store.log_records import OWN_TRACE
from spancost.store.otlp_fields import Json
from spancost.store.otlp_json import service_of
from spancost.store.pricing_choice import PricingChoice
from spancost.store.repricing import repricer
from spancost.store.rows import Row
from spancost.store.span_facts import END, ERROR, KIND, PARENT, SPAN, TRACE, VALUES, Batch, Fact
from spancost.store.summary_rows import Above, is_score, scores_of, trace_row

_by_trace = attrgetter("trace_id", "start_ns", "span_id")
_trace_of = itemgetter(0)
_span = partial(tuple.__new__, Span)  # a third of the time of Span(...)
_UNCOUNTED = ("duplicate", "aggregate")


class Counted(NamedTuple):
    """What whole traces come to. spans: how many of them were in hand. uncounted: spans that repeat a call.

    failed: attempts that failed before anything was billed, which are no calls.
    """

    records: list[CallRecord]
    traces: list[Row]
    above: list[Above]
    spans: dict[int, int]
    uncounted: list[Key]
    failed: list[CallRecord]

    def call_lines(self) -> Iterator[bytes]:
        """Yield the lines of the calls table, the calls of a trace next to each other."""
        line, spans = CallLines().line, self.spans
        for record in sorted(self.records, key=_by_trace):
            yield line(record, spans.get(record.trace_id, 0))


class Origin(NamedTuple):
    """What the spans of a kind have in common. service: what identifies it; named: its name. outcome: where it is."""

    keys: tuple[str, ...]
    is_candidate: bool
    scope: tuple[str, str]
    resource: dict[str, Any]
    service: str
    named: str | None
    language: str
    outcome: int | None
    has_scores: bool


class TraceSet:
    """Spans of whole traces; those given more than once are kept once."""

    def __init__(self) -> None:
        self._spans: dict[Key, tuple[Fact, Origin]] = {}
        self._logs: list[LogFact] = []
        self._origins: dict[Any, Origin] = {}
        self._resources: dict[bytes, tuple[int, dict[str, Any]]] = {}

    def add(self, batch: Batch) -> None:
        """Add the spans of *batch*."""
        origins = self._origins_of(batch)
        spans = self._spans
        for fact in batch.facts:
            key = (fact[TRACE], fact[SPAN])
            held = (fact, origins[fact[KIND]])
            known = spans.get(key)
            if known is None or _precedes(held, known):
                spans[key] = held

    def _origins_of(self, batch: Batch) -> list[Origin]:
        resources = [
            self._resources.setdefault(marshal.dumps(resource), (len(self._resources), resource))
            for resource in batch.resources
        ]
        origins = []
        for keys, is_candidate, name, version, number in batch.kinds:
            resource_number, resource = resources[number]
            what = (keys, is_candidate, name, version, resource_number)
            found = self._origins.get(what)
            if found is None:
                found = self._origins[what] = _origin(keys, is_candidate, (name, version), resource)
            origins.append(found)
        return origins

    def add_logs(self, facts: Iterable[LogFact]) -> None:
        """Add log records that may report a call."""
        self._logs.extend(facts)

    def _log_ids(self) -> dict[Key, int]:
        """Return the id that stands for the span of each log record, as `place` numbers them: from its digest."""
        alike = sorted({(record.span.end_ns, record.text) for record in map(record_of_log, self._logs)})
        return {(number * OWN_TRACE, 0): int(digest, 16) for number, (_, digest) in enumerate(alike, 1)}

    def __len__(self) -> int:
        """Return the number of spans."""
        return len(self._spans)

    def count(self, choice: PricingChoice, ledger: Ledger) -> Counted:
        """Count the calls of all traces as one set; the order in which spans were added does not matter.

        *ledger* is empty and remembers all the spans.
        """
        numbers = Counter(map(_trace_of, self._spans))
        dialects = data.default_dialects()
        spans = self._calls_and_above()
        if choice.reprice:
            reprice = repricer(dialects, choice.pricer(), data.default_names())
            spans = {key: reprice(span) for key, span in spans.items()}
        recorder = Recorder(dialects.record_keys)
        errors = [(key, failed_record(span, dialects, recorder)) for key, span in spans.items() if span.is_error]
        uncounted: list[Key] = []

        def note(key: Key, writes: Mapping[str, object]) -> None:
            if writes.get(LLM_COST_STATUS) in _UNCOUNTED:
                uncounted.append(key)

        keys = list(spans)
        services = {key: self._spans[key][1].service for key in keys} if self._logs else {}
        raws: dict[Key, list[Json]] = {}
        made_in = place(map(record_of_log, self._logs), spans, raws, services)
        counted = count(spans, services, made_in, ledger, dialects, note)
        ids = self._log_ids() if made_in else {}
        records = [
            record._replace(span_id=ids[key]) if key in ids else self._with_parent(key, record)
            for key, record in counted.items()
        ]
        traces, above = self._tables(records, keys, numbers)
        failed = [self._with_parent(key, record) for key, record in errors if record is not None]
        return Counted(records, traces, above, numbers, uncounted, failed)

    def _with_parent(self, key: Key, record: CallRecord) -> CallRecord:
        """Return a record with its parent, which the ledger does not know when its span is not in hand."""
        parent_id = self._spans[key][0][PARENT] or None
        return record if record.parent_id == parent_id else record._replace(parent_id=parent_id)

    def _calls_and_above(self) -> dict[Key, Span]:
        """Return the spans that may be calls and all spans above them, by key, with ids that are unique."""
        held = self._spans
        kept: set[Key] = set()
        for key, (_, origin) in held.items():
            if origin.is_candidate:
                trace = key[0]
                while key not in kept and key in held:
                    kept.add(key)
                    key = (trace, held[key][0][PARENT])
        keys = sorted(kept)
        ids = unique_ids(keys)
        spans: dict[Key, Span] = {}
        for key in keys:
            fact, origin = held[key]
            trace, _, parent_id, start_ns, end_ns, name, values, error, _ = fact
            parent = (trace, parent_id)
            above = ids.get(parent)
            is_local_root = above is None or held[parent][1].service != origin.service
            attributes = dict(zip(origin.keys, values)) if values else {}  # noqa: B905 (this runs for every span)
            what = (*origin.scope, name, attributes, error is not None, origin.resource, origin.language, error or "")
            spans[key] = _span((trace, ids[key], above, is_local_root, start_ns, end_ns, *what))
        return spans

    def _tables(
        self, records: list[CallRecord], keys: Iterable[Key], numbers: Mapping[int, int]
    ) -> tuple[list[Row], list[Above]]:
        """Return the rows of the traces with a call, and the spans above calls; *keys* are sorted."""
        by_trace: dict[int, list[CallRecord]] = defaultdict(list)
        for record in records:
            by_trace[record.trace_id].append(record)
        calls = {(record.trace_id, record.span_id) for record in records}
        above: dict[int, list[Above]] = defaultdict(list)
        for key in keys:
            if key not in calls and key[0] in by_trace:
                fact, origin = self._spans[key]
                outcome = None if origin.outcome is None else fact[VALUES][origin.outcome]
                outcome = outcome if isinstance(outcome, str) and outcome else None
                above[key[0]].append(Above(fact, origin.named, outcome))
        scores = self._scores(by_trace)
        traces = [
            trace_row(trace, by_trace[trace], above.get(trace, ()), numbers[trace], scores.get(trace, {}))
            for trace in sorted(by_trace)
        ]
        return traces, [each for trace in sorted(above) for each in above[trace]]

    def _scores(self, traces: Container[int]) -> dict[int, dict[str, float]]:
        """Return the evaluation scores of each trace; of several scores with one name the one with the latest end."""
        found: dict[int, dict[str, tuple[int, float]]] = defaultdict(dict)
        if any(origin.has_scores for origin in self._origins.values()):
            for (trace, _), (fact, origin) in self._spans.items():
                if origin.has_scores and trace in traces:
                    for name, value in scores_of(dict(zip(origin.keys, fact[VALUES], strict=True))):
                        known = found[trace].get(name)
                        if known is None or (fact[END], value) > known:
                            found[trace][name] = (fact[END], value)
        return {trace: {name: value for name, (_, value) in held.items()} for trace, held in found.items()}


def _origin(keys: tuple[str, ...], is_candidate: bool, scope: tuple[str, str], resource: dict[str, Any]) -> Origin:
    language, named = resource.get("telemetry.sdk.language"), resource.get("service.name")
    return Origin(
        keys,
        is_candidate,
        scope,
        resource,
        service_of(resource),
        named if isinstance(named, str) and named else None,
        language if isinstance(language, str) else "",
        keys.index(APP_OUTCOME) if APP_OUTCOME in keys else None,
        any(map(is_score, keys)),
    )


def _precedes(one: tuple[Fact, Origin], known: tuple[Fact, Origin]) -> bool:
    """Whether of two copies of a span *one* is kept: the one with more attributes, and then any, but always it."""
    sizes = len(one[0][VALUES]), len(known[0][VALUES])
    return sizes[0] > sizes[1] or (sizes[0] == sizes[1] and _text_of(*one) > _text_of(*known))


def _text_of(fact: Fact, origin: Origin) -> str:
    return repr(
        (fact[:VALUES], list(zip(origin.keys, fact[VALUES], strict=True)), fact[ERROR], origin.scope, origin.resource)
    )
