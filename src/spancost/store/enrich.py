# SPDX-License-Identifier: Apache-2.0
"""All spans and log records in hand at once: in order, once each, through a ledger, and what it says is written."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeAlias

from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.sources import LOGS, SPANS, Repeat, Report, repeats
from spancost.core.ledger.writes import Written, write_repeat
from spancost.core.reading import Reading
from spancost.core.record import CallRecord
from spancost.core.semconv import APP_OUTCOME, LLM_COST_STATUS, LLM_TRACE_COST_COMPLETE
from spancost.core.span import Span
from spancost.store.log_records import OWN_TRACE, CarriedRecord
from spancost.store.otlp_fields import Json
from spancost.store.otlp_json import Carried, put

Key: TypeAlias = "tuple[int, int]"
"""Trace and span id; a record has a trace id of its own and the span id 0."""
_OTHER_TRACE = 1 << 64
_OUTCOME = CallRecord._fields.index("outcome")
_make = partial(tuple.__new__, CallRecord)  # a third of the time of `_replace`: this runs for every call of a load


class Reads(Protocol):
    """What is asked of `Dialects` where records are in hand."""

    def read(self, span: Span) -> Reading | None:
        """Return what the span or record says about a model call."""

    def source(self, span: Span) -> tuple[str, str, tuple[str, ...]] | None:
        """Return the dialect's id, the signal it prefers, and the keys of its session."""


def enrich(
    spans_in_hand: Iterable[Carried],
    ledger: Ledger,
    records_in_hand: Iterable[CarriedRecord] = (),
    reads: Reads | None = None,
) -> list[CallRecord]:
    """Write `llm.*` on the requests that spans and records came from; all of them are taken as one set.

    Return the records of the counted calls, corrected, in the order in which they were counted, when *ledger* makes
    records; [] when it does not. The outcome of a record is that of its span or of the nearest span above it.

    Order, batches and copies do not matter: children go before their parents, else the earlier end, start and id go
    first; a span or record given more than once is counted once and every copy gets the same attributes. A call that
    spans and records report is counted once (`core/ledger/sources`); *reads* gives what that needs.
    """
    copies: dict[Key, list[Carried]] = defaultdict(list)
    for carried in spans_in_hand:
        copies[carried.span.trace_id, carried.span.span_id].append(carried)
    services = {key: first.service for key, (first, *_) in copies.items()}
    spans = joined(copies)
    raws = {key: [copy.raw for copy in found] for key, found in copies.items()}
    made_in = place(records_in_hand, spans, raws, services)

    def write(key: Key, writes: Written) -> None:
        for raw in raws[key]:
            put(raw, writes)

    return list(count(spans, services, made_in, ledger, reads, write).values())


def count(
    spans: dict[Key, Span],
    services: dict[Key, str],
    made_in: dict[Key, Key | None],
    ledger: Ledger,
    reads: Reads | None,
    write: Callable[[Key, Written], None],
) -> dict[Key, CallRecord]:
    """Count the calls of *spans* (as `joined` and `place` return them); *write* is given what is written on each span.

    *ledger* joins services: all spans are in hand.

    Return the records by the key of their span, corrected, in the order in which the calls were counted.
    """
    repeated = repeats_in(spans, services, reads) if made_in and reads is not None else {}
    counted: dict[Key, CallRecord] = {}
    totalled: set[Key] = set()
    markers = ledger.watched.markers
    for key in in_order(spans):
        span = spans[key]
        repeat = repeated.get(key) if repeated else None
        if markers.isdisjoint(span.attributes):  # no call: as `Ledger.end`, in a third of the time
            if not ledger.ends(span.span_id, span.parent_id, span.attributes):
                continue
            written: Written = {}
            if not ledger.end_ancestor(span.span_id, span.parent_id, span.is_local_root, span.attributes, written):
                continue
        elif repeat is None:
            written, record, corrections = ledger.end(span)
            if record is not None:
                counted[key] = record
            for correction in corrections:
                counted.pop((correction.record.trace_id, correction.record.span_id), None)
        else:
            written = {}
            write_repeat(repeat, written)
            written.update(ledger.end(span._replace(attributes={})).writes)
        if written:
            if LLM_TRACE_COST_COMPLETE in written:
                totalled.add(key)
            write(key, written)
    for key in doubted_roots(spans, ledger):
        if key in totalled:
            write(key, {LLM_TRACE_COST_COMPLETE: False})
    return completed(counted, spans, made_in)


def doubted_roots(spans: dict[Key, Span], ledger: Ledger) -> list[Key]:
    """Return the local roots above calls that *ledger* doubts: they may have been written before it did."""
    doubted = [span for span in spans.values() if ledger.has_doubts and ledger.is_doubted(span.span_id)]
    key_of = {span.span_id: key for key, span in spans.items()} if doubted else {}
    roots: dict[Key, bool] = {}
    passed: set[int] = set()
    for span in doubted:
        above: Span | None = span
        while above is not None and above.span_id not in passed:
            passed.add(above.span_id)
            if above.is_local_root:
                roots[key_of[above.span_id]] = True
            above = spans.get(key_of.get(above.parent_id or 0, (0, 0)))
    return list(roots)


def completed(
    counted: dict[Key, CallRecord], spans: dict[Key, Span], made_in: dict[Key, Key | None]
) -> dict[Key, CallRecord]:
    """Return the records with what other spans say: the outcome above them, the trace that a log record is of."""
    if not made_in and not any(APP_OUTCOME in span.attributes for span in spans.values()):
        return counted
    by_id = {span.span_id: span for span in spans.values()} if counted else {}
    found = {}
    for key, record in counted.items():
        if key in made_in:
            trace_id, span_id = made_in[key] or (0, 0)
            own = record.session_id != f"{key[0]:032x}"
            session_id = record.session_id if own else f"{trace_id:032x}"
            record = record._replace(trace_id=trace_id, parent_id=span_id or None, session_id=session_id)
        if record.outcome is None:
            outcome = _outcome_above(spans[key], by_id)
            record = record if outcome is None else _make((*record[:_OUTCOME], outcome, *record[_OUTCOME + 1 :]))
        found[key] = record
    return found


def _outcome_above(span: Span, by_id: dict[int, Span]) -> str | None:
    passed: set[int] = set()
    above: Span | None = span
    while above is not None and above.span_id not in passed:
        outcome = above.attributes.get(APP_OUTCOME)
        if isinstance(outcome, str) and outcome:
            return outcome
        passed.add(above.span_id)
        above = by_id.get(above.parent_id or 0)
    return None


def place(
    records: Iterable[CarriedRecord], spans: dict[Key, Span], raws: dict[Key, list[Json]], services: dict[Key, str]
) -> dict[Key, Key | None]:
    """Put *records* among the spans, each once, below the span it was made in; return that span's key by its own."""
    placed: dict[Key, Key | None] = {}
    copies: dict[tuple[int, str], list[CarriedRecord]] = defaultdict(list)
    for record in records:
        copies[record.span.end_ns, record.text].append(record)
    for number, (_, alike) in enumerate(sorted(copies.items()), 1):
        first = alike[0]
        key = (number * OWN_TRACE, 0)
        above = spans.get(first.made_in) if first.made_in is not None else None
        placed[key] = first.made_in
        raws[key] = [record.raw for record in alike]
        services[key] = first.service
        spans[key] = first.span._replace(
            trace_id=key[0], span_id=key[0], parent_id=None if above is None else above.span_id
        )
    return placed


def repeats_in(spans: dict[Key, Span], services: dict[Key, str], reads: Reads) -> dict[Key, Repeat]:
    """Return the spans and records that repeat a call of the other signal; those written before are as they are."""
    reports = {
        key: report
        for key, span in spans.items()
        if (report := _report(span, key[0] >= OWN_TRACE, services[key], reads)) is not None
    }
    found = repeats(list(reports.values()))
    return {
        key: repeat
        for key, repeat in zip(reports, found, strict=True)
        if repeat is not None and LLM_COST_STATUS not in spans[key].attributes
    }


def _report(span: Span, is_record: bool, service: str, reads: Reads) -> Report | None:
    reading = reads.read(span)
    if reading is None or not reading.usage:
        return None
    signal, span_id = (LOGS, 0) if is_record else (SPANS, span.span_id)
    source = reads.source(span)
    if source is not None:
        dialect, prefer, session = source
        values = (span.attributes.get(key) for key in session)
        group = next((name for name in values if isinstance(name, str) and name), service)
        return Report(signal, prefer, (dialect, group), reading.response_id, span_id)
    # An event of any other instrumentation is made within the span of its call.
    group = str(span.parent_id if is_record else span.span_id)
    return Report(signal, SPANS, ("", group), reading.response_id, span_id)


def joined(copies: Mapping[Key, Sequence[Carried]]) -> dict[Key, Span]:
    """Return each span once, as `unique_spans` does."""
    firsts = {key: first for key, (first, *_) in copies.items()}
    return unique_spans(
        {key: first.span for key, first in firsts.items()}, {key: first.service for key, first in firsts.items()}
    )


def unique_spans(found: dict[Key, Span], services: Mapping[Key, str]) -> dict[Key, Span]:
    """Return the spans with ids that are unique among all traces, `is_local_root` by the service of their parent."""
    unique = unique_ids(found)
    spans = {}
    for key, span in found.items():
        parent = (key[0], span.parent_id or 0)
        above = unique.get(parent)
        is_local_root = above is None or services[parent] != services[key]
        # Not `_replace`, which takes four times as long: this runs for every span of a file.
        spans[key] = Span(key[0], unique[key], above, is_local_root, *span[4:])
    return spans


def unique_ids(keys: Collection[Key]) -> dict[Key, int]:
    """Return a span id for each of *keys* that no other of them has; their order does not matter."""
    taken = dict.fromkeys([span_id for _, span_id in keys])
    if len(taken) == len(keys):
        return dict(zip(keys, taken, strict=True))
    unique: dict[Key, int] = {}
    taken = {}
    for number, key in enumerate(sorted(keys)):
        span_id = key[1]
        unique[key] = span_id if span_id not in taken else span_id + number * _OTHER_TRACE
        taken[span_id] = None
    return unique


def in_order(spans: dict[Key, Span]) -> list[Key]:
    """Return the keys of *spans*, children before parents, else by end, start and id; a circle of parents is cut."""
    entries = sorted([(span[5], span[4], key, span[1], span[2]) for key, span in spans.items()])
    place = {entry[3]: number for number, entry in enumerate(entries)}
    for number, entry in enumerate(entries):
        if (parent := entry[4]) is not None and place[parent] <= number:
            break
    else:
        return [entry[2] for entry in entries]  # every child ends before its parent, as most do
    key_of = {span.span_id: key for key, span in spans.items()}
    open_children = dict.fromkeys(spans, 0)
    for span in spans.values():
        if span.parent_id is not None:
            open_children[key_of[span.parent_id]] += 1
    ready = [(span.end_ns, span.start_ns, key) for key, span in spans.items() if not open_children[key]]
    heapq.heapify(ready)
    waiting = [(span_end, start, key) for span_end, start, key, _, _ in reversed(entries)]
    order: list[Key] = []
    done: set[tuple[int, int]] = set()
    while len(order) < len(spans):
        while not ready:
            latest = waiting.pop()
            if latest[2] not in done:
                ready.append(latest)
        key = heapq.heappop(ready)[2]
        if key in done:
            continue
        done.add(key)
        order.append(key)
        parent = spans[key].parent_id
        if parent is not None:
            above = key_of[parent]
            open_children[above] -= 1
            if not open_children[above]:
                heapq.heappush(ready, (spans[above].end_ns, spans[above].start_ns, above))
    return order
