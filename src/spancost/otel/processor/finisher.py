# SPDX-License-Identifier: Apache-2.0
"""Finishes each span once: prices it, rolls it up, writes on it, and hands the record of its call over."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from spancost.config.attribute_sets import Selection
from spancost.config.pricers import SpanLedger
from spancost.core.generational import GenerationalCache
from spancost.core.ledger.ledger import AGAIN, CALL, HAS_COSTED_CHILDREN, IDLE, Ledger
from spancost.core.record import CallRecord
from spancost.core.span import AttributeValue, Span
from spancost.otel.outcome import Outcomes
from spancost.otel.processor.attribution import Completion
from spancost.otel.processor.call_events import CallEvents
from spancost.otel.processor.diagnostics import ErrorCounter
from spancost.otel.processor.duplicate_ids import as_on_spans, unique
from spancost.otel.processor.move_outcome import move_outcome
from spancost.otel.processor.observers import Anomalies, Metrics, Observers
from spancost.otel.processor.reentrancy import EndedSpan, Reentrancy
from spancost.otel.processor.sdk_access import (
    IS_REMOTE,
    SPAN_ID,
    TRACE_ID,
    About,
    Reader,
    has_meter_provider,
    hooks,
    identity,
    public_identity,
    with_error,
    write,
)

SEEN_KEPT = 1024
"""Spans remembered as finished though nothing was written on them, at least: they may come by two ways."""


class SpanFinisher:
    """Finishes spans with a ledger.

    finished: the context of the span that was finished last. sees_all: whether `finish` must see every span.
    anomalous: traces whose root has something to say of anomalies.
    """

    def __init__(
        self,
        ledger: SpanLedger,
        required: Sequence[str],
        errors: ErrorCounter,
        events: CallEvents,
        metrics: Metrics | None = None,
        anomalies: Anomalies | None = None,
        selection: Selection | None = None,
    ) -> None:
        self.counts = {"attribution_missing": 0, "deferred": 0, "ids_repeated": 0, "unsampled": 0}
        self.outcomes = Outcomes()
        self.finished: SpanContext | None = None
        self._ledger = ledger
        self._ends = ledger.ends
        self._errors = errors
        self._observers = Observers(ledger, events, metrics, anomalies)
        self._anomalies, self._selection = anomalies, selection
        self._completion = Completion(required)
        reader = Reader()
        self._about, self._read = reader.about, reader.read
        self.restart()

    def restart(self) -> None:
        """Begin with an empty ledger and a free lock: in a forked child, where another thread may hold the old one."""
        self.reentrancy = Reentrancy()
        self._ids_repeat = False
        self.sees_all = self.outcomes.is_used or not isinstance(self._ledger, Ledger)
        self._already_seen = GenerationalCache[int, int](SEEN_KEPT)
        self._ledger.clear()
        self._observers.restart()
        self.anomalous: Sized = () if self._anomalies is None else self._anomalies.traces

    def finish(self, span: ReadableSpan, end_ns: int = 0, where: str = "on_ending") -> bool:
        """Finish *span* unless that was done; return whether there was something to do.

        Never raises; an error is counted under *where*.
        """
        try:
            try:
                context, parent, attributes = identity(span)
            except AttributeError:
                context, parent, attributes = public_identity(span)
        except Exception as error:
            self._errors.record(where, error)
            return False
        return self.finish_identified(span, context, parent, attributes, end_ns, where)

    def finish_identified(
        self, span: Any, context: Any, parent: Any, attributes: Any, end_ns: int = 0, where: str = "on_ending"
    ) -> bool:
        """Do what `finish` does with what `identity` returned. Never raises."""
        try:
            if context is self.finished:
                return False
            self.finished = context
            span_id = context[SPAN_ID]
            above = None if parent is None or parent[IS_REMOTE] else parent[SPAN_ID]
            ids: tuple[int, int | None] = unique(context, above) if self._ids_repeat else (span_id, above)
            todo = self._ends(*ids, attributes)
            if todo == IDLE:
                if not self.anomalous and not (self.outcomes.is_used and span_id in self.outcomes.waiting):
                    return False
            elif todo == AGAIN:
                if self._already_seen.get(span_id) == context[TRACE_ID]:
                    return False
                todo = self._end_again(context, above, attributes)
            self._finish((span, context, parent, todo, attributes, end_ns))
            self._follow_up()
            return True
        except Exception as error:
            self._errors.record(where, error)
            return False

    def finish_call(self, span: Any, context: Any, parent: Any, attributes: dict[str, Any]) -> None:
        """Finish a span with the marks of a call, whose end is noted and whose id is new. Never raises.

        *attributes* are its own. This is `finish` for most calls, without what few of them need.
        """
        if context is self.finished:
            return
        self.finished = context
        ended = span, context, parent, CALL, attributes, 0
        reentrancy = self.reentrancy
        try:
            about = self._about(span, 0)
            if self._selection is not None or attributes.__class__ is not dict or not about[6]:
                self._finish(ended)
                self._follow_up()
                return
            is_local_root = parent is None or parent[IS_REMOTE]
            ids = (context[SPAN_ID], None if parent is None else parent[SPAN_ID], is_local_root, about[1], about[2])
            reentrancy.lock.acquire()  # half the time of `with`
            try:
                if reentrancy.is_busy:
                    self._defer(ended)
                    return
                reentrancy.is_busy = True
                try:
                    writes = self._end_call(ended, about, ids, attributes)
                finally:
                    reentrancy.is_busy = False
            finally:
                reentrancy.lock.release()
            if writes is not attributes or self.anomalous or about[4] is not self._completion.complete_on:
                self._complete(ended, about, writes, True)
            if reentrancy.waiting or self._anomalies is not None:
                self._follow_up()
        except Exception as error:
            self._errors.record("on_ending", error)

    def record_outcome(self, span_id: int, order: int, text: str) -> None:
        """Keep the outcome that was recorded on an open span."""
        self.sees_all = True
        self.outcomes.record(span_id, order, text)

    def hooks(self, finish_late: Callable[[Any], None]) -> tuple[Callable[[Any], object], Callable[[Any], None]]:
        """Return `_on_ending` and `on_end`, which serve until `restart` (see `sdk_access.hooks`)."""
        if not isinstance(self._ledger, Ledger):
            return self.finish, finish_late
        return hooks(self._ledger.watched, self, finish_late)

    def _end_again(self, context: Any, above: int | None, attributes: Any) -> int:
        """Note the end of a span whose id was another's, and return what there is to do for it.

        Python's `random.seed` makes the SDK repeat its ids (opentelemetry-python #4376). From the first time on, spans
        are distinguished by their trace too; those above in a trace that is repeated as a whole are open again.
        """
        self.counts["ids_repeated"] += 1
        if not self._ids_repeat:
            self._ids_repeat = self.sees_all = True
            self._errors.say_once("ids", "span ids repeat, as random.seed() makes them; backends will mix the traces")
            return self._ends(*unique(context, above), attributes)
        _, parent_id = unique(context, above)
        if parent_id is not None:
            with self.reentrancy.lock:
                self._ledger.reopen(parent_id)
        return CALL

    def count(self, span: Span) -> CallRecord | None:
        """Count the call of a span that the sampler dropped; return its record, None when it is not counted.

        Never raises. In the middle of other work of this thread the call is counted right after it, and None returned.
        """
        try:
            record = self._count(span)
            if self.reentrancy.waiting:
                self._finish_waiting()
            return record
        except Exception as error:
            self._errors.record("count", error)
            return None

    def _count(self, span: Span) -> CallRecord | None:
        reentrancy, ledger = self.reentrancy, self._ledger
        with reentrancy.lock:
            if reentrancy.is_busy:
                self.counts["deferred"] += 1
                reentrancy.waiting.append(span)
                return None
            reentrancy.is_busy = True
            self._observers.begin_metrics()
            makes_records = ledger.makes_records
            try:
                ledger.makes_records = True
                _, record, corrections = ledger.process_uncached(span)
                for event in (*corrections, *(() if record is None else (record,))):
                    self._observers.tell(event, None)
            finally:
                ledger.makes_records = makes_records
                reentrancy.is_busy = False
        self.counts["unsampled"] += record is not None
        return record

    def _follow_up(self) -> None:
        """Finish spans that ended in the middle of this work, and tell of anomalies that it found."""
        if self.reentrancy.waiting:
            self._finish_waiting()
        if self._anomalies is not None and self._anomalies.waiting:
            self._anomalies.tell()

    def _finish_waiting(self) -> None:
        while (waiting := self.reentrancy.next()) is not None:
            if isinstance(waiting, Span):
                self._count(waiting)
            else:
                self._finish(waiting)

    def _finish(self, ended: EndedSpan) -> None:
        attributes = ended[4]
        about = self._about(ended[0], ended[5])
        may_write = about[6] and self._selection is None and attributes.__class__ is dict
        room: dict[str, AttributeValue] = attributes if may_write else {}
        reentrancy = self.reentrancy
        reentrancy.lock.acquire()  # half the time of `with`
        try:
            if reentrancy.is_busy:
                self._defer(ended)
                return
            reentrancy.is_busy = True
            try:
                writes = self._end(ended, about, room)
            finally:
                reentrancy.is_busy = False
        finally:
            reentrancy.lock.release()
        self._complete(ended, about, writes, may_write)

    def _defer(self, ended: EndedSpan) -> None:
        context = ended[1]
        self.counts["deferred"] += 1
        self._already_seen.set(context[SPAN_ID], context[TRACE_ID])  # `on_end` may come before its turn does
        self.reentrancy.waiting.append(ended)

    def _complete(self, ended: EndedSpan, about: About, writes: dict[str, AttributeValue], may_write: bool) -> None:
        """Add to *writes* what the ledger does not know, and write on the span what is not on it."""
        span, context, parent, _, attributes, _ = ended
        if not writes:
            self._already_seen.set(context[SPAN_ID], context[TRACE_ID])
        if self.outcomes.is_used:
            nearest = self._ledger.nearest_open
            move_outcome(ended, writes, self.outcomes, as_on_spans(nearest, context) if self._ids_repeat else nearest)
        anomalies = self._anomalies
        if anomalies is not None and self.anomalous and (parent is None or parent[IS_REMOTE]):
            writes.update(anomalies.on_root(context[TRACE_ID]))
        if not writes:
            return
        completion, resource = self._completion, about[4]
        if resource is not completion.complete_on and completion.add(attributes, resource, writes):
            with self.reentrancy.lock:
                self.counts["attribution_missing"] += 1
        if self._selection is not None:
            self._selection.apply(writes, attributes)
        if not may_write:
            write(span, writes)
        elif writes is not attributes:
            attributes.update(writes)

    def _end(self, ended: EndedSpan, about: About, room: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
        """End a span in the ledger, with its lock held; return what is to be written, which may be *room*."""
        _, context, parent, todo, attributes, _ = ended
        if todo == IDLE:
            return {}
        span_id, parent_id = context[SPAN_ID], None if parent is None else parent[SPAN_ID]
        if self._ids_repeat:
            span_id, parent_id = unique(context, parent_id)
        is_local_root = parent is None or parent[IS_REMOTE]
        if todo == HAS_COSTED_CHILDREN:
            is_written = self._ledger.end_ancestor(span_id, parent_id, is_local_root, attributes, room)
            return room if is_written else {}
        return self._end_call(ended, about, (span_id, parent_id, is_local_root, about[1], about[2]), room)

    def _end_call(
        self,
        ended: EndedSpan,
        about: About,
        ids: tuple[int, int | None, bool, int, int],
        room: dict[str, AttributeValue],
    ) -> dict[str, AttributeValue]:
        """Do what `_end` does for a span that may report a call; *ids* are those of `try_plan`."""
        span, context, parent, _, attributes, _ = ended
        ledger = self._ledger
        observers = self._observers
        if observers.awaits_metrics and (has_meter_provider() or observers.is_new):
            observers.begin_metrics()
        scope, _, _, name, resource, resource_attributes, _ = about
        place = (context[TRACE_ID], 0, resource_attributes)
        planned = ledger.try_plan(place, ids, (scope, name), attributes, room)
        if planned is not None:
            if ledger.makes_records:
                add = observers.add_planned
                if add is None or not add(planned, attributes, resource):
                    record = ledger.record_planned(planned, place, ids, attributes)
                    observers.tell(record if record.error is not None else with_error(record, span), context)
                    if add is not None and observers.metrics is not None:
                        observers.metrics.learn(planned, attributes, resource, record)
            return room
        core_span = self._read(span, context, parent, attributes.copy(), about)
        if self._ids_repeat:
            core_span = core_span._replace(span_id=ids[0], parent_id=ids[1])
        writes, found, corrections = ledger.process_uncached(core_span)
        for correction in corrections:
            observers.tell(correction, context)
        if found is not None:
            observers.tell(found, context)
        elif core_span.is_error:
            observers.tell_failed(core_span)
        return dict(writes)
