# SPDX-License-Identifier: Apache-2.0
"""The one state machine: spans end, attributes come back. In process and offline take the same road."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from spancost.core import call as status
from spancost.core import semconv as names
from spancost.core.call import Cost
from spancost.core.dialect.identity import Identity
from spancost.core.ledger.counting import (
    AGGREGATE,
    DUPLICATE,
    OWN,
    REASONS,
    REPORTS_MORE,
    classify,
    counted,
    is_incomplete,
    meters_only_on,
)
from spancost.core.ledger.memory import CountedCall, Process, RecentCalls
from spancost.core.ledger.plan import plan_cache
from spancost.core.ledger.reading_pricer import UNCERTAIN, Prices, ReadingPricer
from spancost.core.ledger.rollup import RollUp, Subtotal
from spancost.core.ledger.writes import (
    SUMS,
    Written,
    keep_totals,
    prior_result,
    write_call,
    write_classification,
    write_subtree,
    write_trace,
)
from spancost.core.reading import Reading
from spancost.core.reasons import INTERRUPTED
from spancost.core.span import Attributes, Span

_OURS = frozenset((names.LLM_COST_STATUS, names.LLM_SUBTREE_REQUESTS, names.LLM_TRACE_REQUESTS))

IDLE, ABOVE, CALL, AGAIN = range(4)
"""What there is to do for a span that ends: nothing; totals, for calls ended beneath it; it may speak of a model call;
the same, but a span of this id has ended before and nothing was written on it."""


class Reads(Protocol):
    """What the ledger asks of `Dialects`."""

    @property
    def markers(self) -> frozenset[str]:
        """Keys of which a span that speaks of a model call carries at least one."""

    @property
    def identity(self) -> Identity:
        """What tells that spans of different traces may be one call."""

    def read(self, span: Span) -> Reading | None:
        """Return what the span says about a model call."""

    def may_be_billed(self, span: Span, reading: Reading) -> bool:
        """Return whether a call that failed, and of which no usage is reported, may have been billed."""


class LedgerOptions(NamedTuple):
    """How a ledger behaves.

    keep_provider: an `llm.provider` already on the span stays. join_services: totals pass from a local root to its
    parent in another process too, for when all services' spans are in hand. roll_up: write totals above the calls.
    one_process: all spans are of this process, whatever their resources say.
    open_spans, closed_spans, recent_calls: how many of each are remembered at least (at most twice as many).
    """

    keep_provider: bool = False
    join_services: bool = False
    roll_up: bool = True
    one_process: bool = False
    open_spans: int = 32_768
    closed_spans: int = 32_768
    recent_calls: int = 8_192


class Ledger:
    """Decides for each ended span what is written on it.

    Not thread-safe: the adapter holds a lock around all but `ends`, which needs none. Hand in children before
    their parents where possible; a child that comes later is added to the nearest ancestor still open.
    """

    def __init__(self, dialects: Reads, pricer: Prices, options: LedgerOptions = LedgerOptions()) -> None:  # noqa: B008
        self.options = options
        self._dialects = dialects
        self._pricer = pricer
        self._charge = ReadingPricer(pricer)
        self._markers = dialects.markers | {names.LLM_COST_STATUS}
        self._identity = dialects.identity
        self._reused = 0
        self._counts = dict.fromkeys((OWN, DUPLICATE, AGGREGATE, "failed", "already_priced", *REASONS), 0)
        self._plans = plan_cache(dialects, self._charge, self._counts, options.roll_up, options.join_services)
        self.try_plan = _no_plan if self._plans is None else self._plans.try_plan
        self.clear()

    def clear(self) -> None:
        """Forget every span in hand (after a fork, say); the counters stay."""
        self._rollup = RollUp(self.options.open_spans, self.options.closed_spans)
        self._reused = self.response_ids_reused
        self._memory = RecentCalls(self.options.recent_calls, self._identity)
        if self._plans is not None:
            self._plans.attach(self._rollup, self._memory)
        self._pending = self._rollup.pending
        self._closed = self._rollup.closed

    @property
    def response_ids_reused(self) -> int:
        """How many response ids came with other tokens, and are no identity any more."""
        memory = getattr(self, "_memory", None)
        return self._reused + (0 if memory is None else memory.reused)

    @property
    def counters(self) -> dict[str, int]:
        """Spans by role (own, duplicate, aggregate, failed, evidence), duplicates and aggregates by reason, response
        ids that are no identity (response_ids_reused), calls that ended after their root (late), and subtotals
        forgotten because their span never ended (evicted)."""
        return {
            **self._counts,
            "response_ids_reused": self.response_ids_reused,
            "late": self._rollup.late,
            "evicted": self._pending.evicted,
        }

    def ends(self, span_id: int, parent_id: int | None, attributes: Attributes) -> int:
        """Note the end of a span and return what there is to do for it: `IDLE`, `ABOVE`, `CALL` or `AGAIN`.

        Spelled out, as it is the price of every span that is no model call. The end is noted first, so that a child
        that ends meanwhile, in another thread, is not lost.
        """
        closed, pending = self._closed, self._pending
        new = closed.new
        known = len(new)
        new[span_id] = parent_id or 0
        count = len(new)
        if count >= closed.size:
            closed.turn()
        if self._markers.isdisjoint(attributes):
            return ABOVE if span_id in pending.new or span_id in pending.old else IDLE
        if count != known and (span_id not in closed.old or closed.old is new):  # or this span has filled the newer one
            return CALL
        return AGAIN if _OURS.isdisjoint(attributes) else IDLE

    def beneath(self, span_id: int) -> Subtotal | None:
        """Return what was passed up to an open span so far, None when nothing was."""
        return self._rollup.beneath(span_id)

    def nearest_open(self, span_id: int) -> int | None:
        """Return *span_id* if that span is open, else its nearest ancestor in this process that is, None when none."""
        return self._rollup.nearest_open(span_id)

    def reopen(self, span_id: int) -> None:
        """Take a span and those above it as open: their ids are used again."""
        above: int | None = span_id
        while above:
            above = self._closed.pop(above)

    def end(self, span: Span) -> Written:
        """Return the attributes to write on *span*, {} for none. Never raises on what a span holds."""
        if self._plans is not None:
            above = span.parent_id if self.options.join_services or not span.is_local_root else None
            self._closed.set(span.span_id, above or 0)
            written: Written = {}
            scope, times = (span.scope_name, span.scope_version, span.language), (span.start_ns, span.end_ns)
            place = (span.trace_id, self._process(span), span.resource)
            ids = (span.span_id, span.parent_id, span.is_local_root)
            if self.try_plan(place, ids, times, scope, span.name, span.attributes, written):
                return written
        return self.process_uncached(span)

    def process_uncached(self, span: Span) -> Written:
        """Do what `end` does, without a look at spans seen before."""
        above = span.parent_id if self.options.join_services or not span.is_local_root else None
        self._closed.set(span.span_id, above or 0)
        beneath = self._rollup.take(span.span_id)
        written: Written = {}
        own = self._own(span, beneath, written)
        total = beneath
        if own is not None and own.blanks and beneath is not None and beneath.count:
            own = None  # written when the calls beneath had not ended yet: they are its request
        if own is not None:
            total = own
            if beneath is not None:
                if beneath.blanks and own.count and not beneath.count:
                    beneath.absorb_unreported()
                total = beneath
                total.add(own)
        if total is None:
            return written
        self._write_totals(total, beneath is not None, span.is_local_root, span.attributes, written)
        if own is not None and span.parent_id is not None and own.count:
            self._rollup.late_parent(span.parent_id, total)
        if span.parent_id is not None and (self.options.join_services or not span.is_local_root):
            self._rollup.pass_up(span.parent_id, total)
        return written

    def end_ancestor(
        self, span_id: int, parent_id: int | None, is_local_root: bool, attributes: Attributes, written: Written
    ) -> bool:
        """Put into *written* the totals of a span that says nothing of a model call itself (`ABOVE`), and pass them up.

        The arguments are those of `Span`; *written* may be *attributes*. The span must have been noted as closed.
        Return whether anything was written.
        """
        total = self._rollup.take(span_id)
        if total is None:
            return False
        self._write_totals(total, True, is_local_root, attributes, written)
        if parent_id is not None and (self.options.join_services or not is_local_root):
            self._rollup.pass_up(parent_id, total)
        return self.options.roll_up

    def _write_totals(
        self, total: Subtotal, is_above: bool, is_local_root: bool, attributes: Attributes, written: Written
    ) -> None:
        if not self.options.roll_up:
            return
        had = None if SUMS.isdisjoint(attributes) else {name: attributes[name] for name in SUMS & attributes.keys()}
        if is_above:
            write_subtree(total, written)
        if is_local_root:
            write_trace(total, written)
        if had:
            keep_totals(written, had)

    def _own(self, span: Span, beneath: Subtotal | None, written: Written) -> Subtotal | None:
        """Put into *written* what the span says of its own call; return the call as a subtotal when it is counted."""
        if names.LLM_COST_STATUS in span.attributes:
            return self._prior_result(span)
        reading = self._dialects.read(span)
        if reading is None:
            return None
        if span.is_error and not reading.usage:
            if not self._dialects.may_be_billed(span, reading):
                self._counts["failed"] += 1
                return None
            reading = reading._replace(caveat=(status.UNPRICED, INTERRUPTED))
        this = counted(reading, span, self._process(span))
        classification = classify(reading, this, beneath.beneath() if beneath is not None else None, self._memory)
        self._counts[classification.role] += 1
        if classification.role != OWN:
            calls = beneath.beneath() if beneath is not None else None
            meter = self._charge.changed_by(reading, span, meters_only_on(reading, classification, calls))
            if meter is not None:
                classification = classification._replace(reason=f"{REPORTS_MORE}:{meter}")
            self._counts[REPORTS_MORE if meter is not None else str(classification.reason)] += 1
            write_classification(classification, written)
            if classification.of is not None:
                self._memory.claim(classification.of, this)
            if classification.of is not None and reading.response_id:
                self._memory.add_alias(reading.response_id, classification.of)
            return self._short(classification.reason)
        cost = self._charge.cost(reading, span, classification.reason)
        keep = self.options.keep_provider and names.LLM_PROVIDER in span.attributes
        write_call(reading, cost, self._pricer.version, keep, written)
        if self._plans is not None and beneath is None:
            self._plans.learn(span, this, cost, written)
        return self._count(this, cost)

    def _short(self, reason: object) -> Subtotal | None:
        """Return what says above a duplicate or aggregate that what was counted in its place is not all; else None."""
        if not is_incomplete(reason):
            return None
        subtotal = Subtotal()
        subtotal.doubtful = 1
        return subtotal

    def _count(self, call: CountedCall, cost: Cost) -> Subtotal:
        self._memory.add(call)
        subtotal = Subtotal()
        subtotal.input, subtotal.output = call.input or 0, call.output or 0
        subtotal.requests = 1
        if call.input is None and call.output is None and cost.femto is None:
            subtotal.blank, subtotal.blanks = call, 1
            self._rollup.blanks.set(call.span_id, True)
        else:
            subtotal.calls, subtotal.count = [call], 1
        subtotal.doubtful = int(cost.status in UNCERTAIN)
        if cost.femto is None:
            subtotal.unpriced = 1
        else:
            subtotal.femto, subtotal.priced = cost.femto, 1
        return subtotal

    def _prior_result(self, span: Span) -> Subtotal | None:
        """Return the call that attributes of an earlier run tell, None when they tell of none."""
        self._counts["already_priced"] += 1
        if span.attributes[names.LLM_COST_STATUS] in (DUPLICATE, AGGREGATE):
            return self._short(span.attributes.get(names.LLM_COST_REASON))
        return self._count(*prior_result(span, self._process(span)))

    def _process(self, span: Span) -> Process:
        return 0 if self.options.one_process else self._identity.process(span.resource)


def _no_plan(*_: object) -> bool:
    """Stand in for `PlanCache.try_plan` where spans are read by something else than dialects."""
    return False
