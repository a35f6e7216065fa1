# SPDX-License-Identifier: Apache-2.0
"""Counts the calls of whole traces and makes the rows of the stored tables: calls, traces, spans above calls."""

from __future__ import annotations

import marshal
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from spancost.config import data
from spancost.core.ledger.failed import failed_record
from spancost.core.ledger.recorder import Recorder
from spancost.core.record import CallRecord
from spancost.core.semconv import LLM_COST_STATUS
from spancost.core.span import Span
from spancost.store.call_lines import CallLines
from spancost.store.enrich import Key, count, place, unique_spans
from spancost.store.log_facts import LogFact, record_of_log
from spancost.store.log_records import OWN_TRACE
from spancost.store.otlp_fields import Json
from spancost.store.otlp_json import service_of
from spancost.store.pricing_choice import PricingChoice
from spancost.store.repricing import repricer
from spancost.store.rows import Row
from spancost.store.span_facts import (
    ATTRIBUTES,
    END,
    IS_CANDIDATE,
    PARENT,
    RESOURCE,
    SCOPE,
    SPAN,
    TRACE,
    Batch,
    Fact,
    span_of,
)
from spancost.store.summary_rows import is_score, scores_of, span_row, trace_row

_by_trace = attrgetter("trace_id", "start_ns", "span_id")
_UNCOUNTED = ("duplicate", "aggregate")


class Counted(NamedTuple):
    """What whole traces come to. spans: how many of them were in hand. uncounted: spans that repeat a call.

    failed: attempts that failed before anything was billed, which are no calls.
    """

    records: list[CallRecord]
    traces: list[Row]
    above: list[Row]
    spans: dict[int, int]
    uncounted: list[Key]
    failed: list[CallRecord]

    def call_lines(self) -> Iterator[bytes]:
        """Yield the lines of the calls table, the calls of a trace next to each other."""
        line, spans = CallLines().line, self.spans
        for record in sorted(self.records, key=_by_trace):
            yield line(record, spans.get(record.trace_id, 0))


class TraceSet:
    """Spans of whole traces; those given more than once are kept once."""

    def __init__(self) -> None:
        self.facts: dict[Key, Fact] = {}
        self._logs: list[LogFact] = []
        self._scopes: dict[tuple[str, str], tuple[str, str]] = {}
        self._resources: dict[bytes, tuple[dict[str, Any], str]] = {}
        self._places: dict[Key, tuple[tuple[str, str], tuple[dict[str, Any], str]]] = {}

    def add(self, batch: Batch) -> None:
        """Add the spans of *batch*."""
        scopes = [self._scopes.setdefault(scope, scope) for scope in batch.scopes]
        resources = [
            self._resources.setdefault(marshal.dumps(resource), (resource, service_of(resource)))
            for resource in batch.resources
        ]
        facts, places = self.facts, self._places
        for fact in batch.facts:
            key = (fact[TRACE], fact[SPAN])
            known = facts.get(key)
            if known is None or _precedes(fact, known):
                facts[key] = fact
                places[key] = scopes[fact[SCOPE]], resources[fact[RESOURCE]]

    def add_logs(self, facts: Iterable[LogFact]) -> None:
        """Add log records that may report a call."""
        self._logs.extend(facts)

    def _log_ids(self) -> dict[Key, int]:
        """Return the id that stands for the span of each log record, as `place` numbers them: from its digest."""
        alike = sorted({(record.span.end_ns, record.text) for record in map(record_of_log, self._logs)})
        return {(number * OWN_TRACE, 0): int(digest, 16) for number, (_, digest) in enumerate(alike, 1)}

    def count(self, choice: PricingChoice) -> Counted:
        """Count the calls of all traces as one set; the order in which spans were added does not matter."""
        numbers: Counter[int] = Counter(trace for trace, _ in self.facts)
        dialects = data.default_dialects()
        spans, services = self._calls_and_above()
        ledger = choice.ledger(dialects, max(1024, len(spans)))
        if choice.reprice:
            reprice = repricer(dialects, choice.pricer(), data.default_names())
            spans = {key: reprice(span) for key, span in spans.items()}
        uncounted: list[Key] = []

        def note(key: Key, writes: Mapping[str, object]) -> None:
            if writes.get(LLM_COST_STATUS) in _UNCOUNTED:
                uncounted.append(key)

        unique = unique_spans(spans, services)
        raws: dict[Key, list[Json]] = {}
        made_in = place(map(record_of_log, self._logs), unique, raws, services)
        counted = count(unique, services, made_in, ledger, dialects, note)
        ids = self._log_ids() if made_in else {}
        records = [
            record._replace(span_id=ids[key]) if key in ids else _with_parent(record, spans[key].parent_id)
            for key, record in counted.items()
        ]
        traces, above = self._tables(records, spans, numbers)
        recorder = Recorder(dialects.record_keys)
        failed = [failed_record(span, dialects, recorder) for span in spans.values() if span.is_error]
        attempts = [record for record in failed if record is not None]
        return Counted(records, traces, above, numbers, uncounted, attempts)

    def _calls_and_above(self) -> tuple[dict[Key, Span], dict[Key, str]]:
        """Return the spans that may be calls and all spans above them, and the service of each."""
        facts = self.facts
        kept: set[Key] = set()
        for key, fact in facts.items():
            if fact[IS_CANDIDATE]:
                trace = key[0]
                while key not in kept and key in facts:
                    kept.add(key)
                    key = (trace, facts[key][PARENT])
        spans: dict[Key, Span] = {}
        services: dict[Key, str] = {}
        for key in sorted(kept):
            scope, (resource, service) = self._places[key]
            spans[key], services[key] = span_of(facts[key], scope, resource), service
        return spans, services

    def _tables(
        self, records: list[CallRecord], spans: dict[Key, Span], numbers: Mapping[int, int]
    ) -> tuple[list[Row], list[Row]]:
        """Return the rows of the traces with a call, and of the spans above calls."""
        by_trace: dict[int, list[CallRecord]] = defaultdict(list)
        for record in records:
            by_trace[record.trace_id].append(record)
        calls = {(record.trace_id, record.span_id) for record in records}
        above: dict[int, list[Span]] = defaultdict(list)
        for key, span in spans.items():
            if key[0] in by_trace and key not in calls:
                above[key[0]].append(span)
        scores = self._scores(by_trace)
        traces = [
            trace_row(trace, by_trace[trace], above[trace], numbers[trace], scores.get(trace, {}))
            for trace in sorted(by_trace)
        ]
        return traces, [span_row(span) for trace in sorted(above) for span in above[trace]]

    def _scores(self, traces: Container[int]) -> dict[int, dict[str, float]]:
        """Return the evaluation scores of each trace; of several scores with one name the one with the latest end."""
        found: dict[int, dict[str, tuple[int, float]]] = defaultdict(dict)
        known_keys: dict[tuple[str, ...], bool] = {}
        for (trace, _), fact in self.facts.items():
            attributes = fact[ATTRIBUTES]
            if not attributes or trace not in traces:
                continue
            keys = tuple(attributes)
            has_scores = known_keys.get(keys)
            if has_scores is None:
                has_scores = known_keys[keys] = any(is_score(key) for key in keys)
            if has_scores:
                for name, value in scores_of(attributes):
                    known = found[trace].get(name)
                    if known is None or (fact[END], value) > known:
                        found[trace][name] = (fact[END], value)
        return {trace: {name: value for name, (_, value) in held.items()} for trace, held in found.items()}


def _with_parent(record: CallRecord, parent_id: int | None) -> CallRecord:
    """Return a record with its parent, which the ledger does not know when its span is not in hand."""
    return record if record.parent_id == parent_id else record._replace(parent_id=parent_id)


def _precedes(fact: Fact, known: Fact) -> bool:
    """Whether of two copies of a span this one is kept: the one with more attributes, and then any, but always it."""
    sizes = len(fact[ATTRIBUTES]), len(known[ATTRIBUTES])
    return sizes[0] > sizes[1] or (sizes[0] == sizes[1] and repr(fact[:SCOPE]) > repr(known[:SCOPE]))
