# SPDX-License-Identifier: Apache-2.0
"""State machine that turns ended spans into attributes and records. The SDK processor and offline commands share it."""

from __future__ import annotations

from spancost.core import call as status
from spancost.core import semconv as names
from spancost.core.call import Cost
from spancost.core.dialect.dialects import Dialects
from spancost.core.ledger.classification import (
    AGGREGATE,
    DUPLICATE,
    LOCAL_CACHE,
    OWN,
    POSSIBLE_CACHE,
    REASONS,
    REPORTS_MORE,
    SAME_TOKENS,
    Classification,
)
from spancost.core.ledger.counting import classify, counted, meters_only_on
from spancost.core.ledger.failed import failed_record
from spancost.core.ledger.memory import SPAN_ID, CountedCall, Process, RecentCalls
from spancost.core.ledger.options import Ended, LedgerOptions, Reads, Watched
from spancost.core.ledger.plan import PlanCache
from spancost.core.ledger.reading_pricer import UNCERTAIN, Prices, ReadingPricer
from spancost.core.ledger.recorder import OTHER_ERROR, PricedCall, Recorder
from spancost.core.ledger.rollup import RollUp, Subtotal, incomplete_subtotal, is_one_request, subtotal_of_call
from spancost.core.ledger.span_plan import PlannedCall, describe
from spancost.core.ledger.writes import (
    SUMS,
    Written,
    keep_totals,
    prior_call,
    prior_result,
    span_id_of,
    texts_of,
    write_call,
    write_classification,
    write_subtree,
    write_trace,
)
from spancost.core.reading import Reading
from spancost.core.reasons import INTERRUPTED
from spancost.core.record import CallRecord, Correction
from spancost.core.span import Attributes, Span

_OURS = frozenset((names.LLM_COST_STATUS, names.LLM_SUBTREE_REQUESTS, names.LLM_TRACE_REQUESTS))

IDLE, HAS_COSTED_CHILDREN, CALL, AGAIN = range(4)
"""What there is to do for a span that ends: nothing; write totals, because calls below it have ended; read it, because
it may report a call; the same, but a span of this id has ended before and nothing was written on it."""


class Ledger:
    """Decides for each ended span what is written on it.

    Not thread-safe: the adapter holds a lock around all but `ends`, which needs none. Hand in children before
    their parents where possible; a child that comes later is added to the nearest ancestor still open.
    makes_records may be changed at any time: while it is False no record is made.
    """

    def __init__(self, dialects: Reads, pricer: Prices, options: LedgerOptions = LedgerOptions()) -> None:  # noqa: B008
        self.options = options
        self._dialects = dialects
        self._pricer = pricer
        self._charge = ReadingPricer(pricer)
        self._markers = dialects.markers | {names.LLM_COST_STATUS}
        self._identity = dialects.identity
        self.makes_records = options.records
        self._recorder = Recorder(dialects.record_keys)
        self._counts = dict.fromkeys((OWN, DUPLICATE, AGGREGATE, "failed", "already_priced", *REASONS), 0)
        self._plans: PlanCache | None = None
        if type(dialects) is Dialects:
            self._plans = PlanCache(dialects, self._charge, self._recorder, self._counts, options)
        self.try_plan = _no_plan if self._plans is None else self._plans.try_plan
        self._rollup = RollUp(options.open_spans, options.closed_spans)
        self._memory = RecentCalls(options.recent_calls, self._identity)
        if self._plans is not None:
            self._plans.attach(self._rollup, self._memory)
        self._pending = self._rollup.pending
        self._closed = self._rollup.closed

    def clear(self) -> None:
        """Forget every span in hand (after a fork, say); the counters stay."""
        self._rollup.clear()
        self._memory.clear()

    @property
    def counters(self) -> dict[str, int]:
        """Spans by role (own, duplicate, aggregate, failed, already_priced), duplicates and aggregates by reason.

        Also response ids that are no identity (response_ids_reused), calls that ended after their root (late), and
        subtotals evicted because their span never ended (evicted).
        """
        return {
            **self._counts,
            "response_ids_reused": self._memory.reused,
            "late": self._rollup.late,
            "evicted": self._pending.evicted,
        }

    def ends(self, span_id: int, parent_id: int | None, attributes: Attributes) -> int:
        """Note the end of a span and return what there is to do for it: IDLE, HAS_COSTED_CHILDREN, CALL or AGAIN.

        Inlined: this runs for every span, including those that are not LLM calls. The end is noted first, so that a
        child that ends meanwhile, in another thread, is not lost.
        """
        closed, pending = self._closed, self._pending
        new = closed.new
        known = len(new)
        new[span_id] = parent_id or 0
        count = len(new)
        if count >= closed.size:
            closed.turn()
        if self._markers.isdisjoint(attributes):
            return HAS_COSTED_CHILDREN if span_id in pending.new or span_id in pending.old else IDLE
        if count != known and (span_id not in closed.old or closed.old is new):  # or this span has filled the newer one
            return CALL
        return AGAIN if _OURS.isdisjoint(attributes) else IDLE

    @property
    def watched(self) -> Watched:
        """What decides that there is nothing to do for a span, until `clear`: for adapters that inline `ends`."""
        return Watched(self._markers, self._closed, self._pending)

    @property
    def has_doubts(self) -> bool:
        """Whether `is_doubted` is true of any span."""
        return self._memory.has_doubts

    def is_doubted(self, span_id: int) -> bool:
        """Return whether a span was taken for a copy of the call on this one, without an id that shows it.

        The totals above both say that they may not be complete; those that were written before cannot.
        """
        return self._memory.is_doubted(span_id)

    def descendants(self, span_id: int) -> Subtotal | None:
        """Return what was passed up to an open span so far, None when nothing was."""
        return self._rollup.descendants(span_id)

    def nearest_open(self, span_id: int) -> int | None:
        """Return *span_id* if that span is open, else its nearest ancestor in this process that is, None when none."""
        return self._rollup.nearest_open(span_id)

    def reopen(self, span_id: int) -> None:
        """Take a span and those above it as open: their ids are used again."""
        above: int | None = span_id
        self._closed.settle()
        while above:
            above = self._closed.pop(above)

    def end(self, span: Span) -> Ended:
        """Return what to write on *span*, and its record. Never raises on what a span holds."""
        if self._plans is None:
            return self.process_uncached(span)
        above = span.parent_id if self.options.join_services or not span.is_local_root else None
        self._closed.set(span.span_id, above or 0)
        writes: Written = {}
        if self._markers.isdisjoint(span.attributes):
            self.end_ancestor(span.span_id, span.parent_id, span.is_local_root, span.attributes, writes)
            return Ended(writes)
        emitter = (span.scope_name, span.scope_version, span.language), span.name
        place = (span.trace_id, self._process(span), span.resource)
        ids = (span.span_id, span.parent_id, span.is_local_root, span.start_ns, span.end_ns)
        planned = self.try_plan(place, ids, emitter, span.attributes, writes)
        if planned is None:
            return self.process_uncached(span)
        if not self.makes_records:
            return Ended(writes)
        record = self.record_planned(planned, place, ids, span.attributes)
        if span.is_error and record.error is None:
            record = record._replace(error=span.raised or OTHER_ERROR)
        return Ended(writes, record)

    def record_planned(
        self,
        planned: PlannedCall,
        place: tuple[int, Process, Attributes | None],
        ids: tuple[int, int | None, bool, int, int],
        attributes: Attributes,
    ) -> CallRecord:
        """Return the record of a call that `try_plan` priced; the arguments are those of `try_plan`."""
        return self._recorder.describe(describe(planned), (place[0], place[2]), ids, attributes)

    def process_uncached(self, span: Span) -> Ended:
        """Do what `end` does, without a look at spans seen before."""
        above = span.parent_id if self.options.join_services or not span.is_local_root else None
        self._closed.set(span.span_id, above or 0)
        children = self._rollup.take(span.span_id)
        writes: Written = {}
        own, priced = self._own(span, children, writes)
        if own is not None and own.without_usage and children is not None and children.count:
            # Written when its children had not ended yet: they report its usage.
            own = None if is_one_request(children.latest, own.latest, self._identity) else own
        if own is None and children is None:
            return Ended(writes)
        record = None
        if self.makes_records and own is not None and priced is not None:
            record = self._recorder.record(priced, span, writes or texts_of(span.attributes))
            if own.without_usage:
                self._rollup.without_usage.set(span.span_id, (own.latest, record))
        corrections: tuple[Correction, ...] = ()
        total = children or own or Subtotal()
        if own is not None and children is not None:
            is_silent = children.without_usage and own.count and not children.count
            if is_silent and is_one_request(own.latest, children.unreported[-1], self._identity):
                corrections = self._absorb(children, span)
            total.add(own)
        self._write_totals(total, children is not None, span.is_local_root, span.attributes, writes)
        if own is not None and span.parent_id is not None and own.count:
            corrected = self._rollup.late_parent(span.parent_id, total, self._identity)
            if corrected is not None:
                corrections = (*corrections, Correction(corrected, span.span_id & SPAN_ID))
        self._rollup.pass_up(above, total)
        return Ended(writes, record, corrections)

    def failed_record(self, span: Span) -> CallRecord | None:
        """Return the record of an attempt that failed before anything was billed, which is no call."""
        return failed_record(span, self._dialects, self._recorder)

    def _absorb(self, children: Subtotal, span: Span) -> tuple[Correction, ...]:
        """Take the calls without usage below *span*, which reports it, out of the totals and correct their records."""
        found = [self._rollup.take_record(call.span_id) for call in children.absorb_unreported()]
        return tuple(Correction(record, span.span_id & SPAN_ID) for record in found if record is not None)

    def end_ancestor(
        self, span_id: int, parent_id: int | None, is_local_root: bool, attributes: Attributes, writes: Written
    ) -> bool:
        """Put the totals of a span that reports no call itself (`HAS_COSTED_CHILDREN`) into *writes* and pass them up.

        Return whether anything was written. The span must have been noted as closed; *writes* may be *attributes*.
        """
        above = parent_id if self.options.join_services or not is_local_root else None
        if not self.options.roll_up:
            return self._rollup.pass_through(span_id, above)
        total = self._rollup.take(span_id)
        if total is None:
            return False
        self._write_totals(total, True, is_local_root, attributes, writes)
        self._rollup.pass_up(above, total)
        return True

    def _write_totals(
        self, total: Subtotal, is_above: bool, is_local_root: bool, attributes: Attributes, writes: Written
    ) -> None:
        if not self.options.roll_up:
            return
        had = None if SUMS.isdisjoint(attributes) else {name: attributes[name] for name in SUMS if name in attributes}
        if is_above:
            write_subtree(total, writes)
        if is_local_root:
            if self._memory.has_doubts and any(self._memory.is_doubted(call[0]) for call in total.calls):
                total.doubtful += 1
            write_trace(total, writes)
        if had:
            keep_totals(writes, had)

    def _own(self, span: Span, children: Subtotal | None, writes: Written) -> tuple[Subtotal | None, PricedCall | None]:
        """Put into *writes* what the span reports of its own call; return it as a subtotal and as it was priced.

        Both are None when the span reports none; a duplicate or aggregate may have a subtotal.
        """
        if names.LLM_COST_STATUS in span.attributes:
            return self._prior_result(span)
        reading = self._dialects.read(span) if self._plans is None else self._plans.read(span)
        if reading is None:
            return None, None
        if span.is_error and not reading.usage:
            if not self._dialects.may_be_billed(span, reading):
                self._counts["failed"] += 1
                return None, None
            reading = reading._replace(caveat=(status.UNPRICED, INTERRUPTED))
        this = counted(reading, span, self._process(span))
        classification = classify(reading, this, children.descendants() if children is not None else None, self._memory)
        self._counts[classification.role] += 1
        if classification.role != OWN:
            return self._repeated(span, reading, this, classification, children, writes), None
        is_replay = classification.reason == LOCAL_CACHE
        if is_replay:
            reading = reading._replace(usage={}, caveat=(status.NOT_BILLED, LOCAL_CACHE))
        cost = self._charge.cost(reading, span, classification.reason)
        keep = self.options.keep_provider and names.LLM_PROVIDER in span.attributes
        write_call(reading, cost, self._pricer.version, keep, writes)
        if self._plans is not None and children is None and classification.reason not in (LOCAL_CACHE, POSSIBLE_CACHE):
            self._plans.learn(span, this, cost, writes)
        return self._count(this, cost), PricedCall(self._charge.call(reading, span), cost.femto, cost.list_femto)

    def _repeated(
        self,
        span: Span,
        reading: Reading,
        this: CountedCall,
        classification: Classification,
        children: Subtotal | None,
        writes: Written,
    ) -> Subtotal | None:
        """Write that the span is a duplicate or aggregate; return what makes the totals above it incomplete."""
        calls = children.descendants() if children is not None else None
        meter = self._charge.changed_by(reading, span, meters_only_on(reading, classification, calls))
        carrier = classification.of
        if carrier is not None:
            self._memory.claim(carrier, this)
            if classification.reason == SAME_TOKENS:
                self._memory.doubt(carrier.span_id)
            elif reading.response_id:
                self._memory.add_alias(reading.response_id, carrier)
        if meter is not None:
            classification = classification._replace(reason=f"{REPORTS_MORE}:{meter}")
        self._counts[REPORTS_MORE if meter is not None else str(classification.reason)] += 1
        write_classification(classification, writes)
        return incomplete_subtotal(classification.reason)

    def _count(self, call: CountedCall, cost: Cost) -> Subtotal:
        self._memory.add(call)
        subtotal = subtotal_of_call(call, cost.femto, cost.status in UNCERTAIN)
        if cost.status == status.NOT_BILLED:
            subtotal.input, subtotal.output = 0, 0
        if subtotal.without_usage:
            self._rollup.without_usage.set(call.span_id, (call, None))
        return subtotal

    def _prior_result(self, span: Span) -> tuple[Subtotal | None, PricedCall | None]:
        """Return the call that attributes of an earlier run report, as `_own` does."""
        self._counts["already_priced"] += 1
        attributes = span.attributes
        if attributes[names.LLM_COST_STATUS] in (DUPLICATE, AGGREGATE):
            reason, carrier = attributes.get(names.LLM_COST_REASON), span_id_of(attributes.get(names.LLM_DUPLICATE_OF))
            if reason == SAME_TOKENS and carrier is not None:
                self._memory.doubt(carrier)
            return incomplete_subtotal(reason), None
        call, cost = prior_result(span, self._process(span))
        subtotal = self._count(call, cost)
        if not self.makes_records:
            return subtotal, None
        reading = self._dialects.read(span._replace(attributes={**attributes, names.LLM_COST_STATUS: ""}))
        if reading is None:
            return subtotal, prior_call(span, None, cost, None)
        return subtotal, prior_call(span, self._charge.call(reading, span), cost, reading.finish_reason)

    def _process(self, span: Span) -> Process:
        return 0 if self.options.one_process else self._identity.process(span.resource)


def _no_plan(*_: object) -> None:
    """Stand in for `PlanCache.try_plan` where spans are read by something else than dialects."""
