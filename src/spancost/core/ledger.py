# SPDX-License-Identifier: Apache-2.0
"""The one state machine: spans end, attributes come back. In process and offline take the same road."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, Protocol

from spancost.core import call as status
from spancost.core import semconv as names
from spancost.core.call import Call, Cost
from spancost.core.counting import AGGREGATE, DUPLICATE, OWN, Counted, Memory, Verdict, counted, judge
from spancost.core.money import FEMTO_PER_USD, bucket, nano, usd_float
from spancost.core.reading import Reading
from spancost.core.rollup import RollUp, Subtotal
from spancost.core.span import Attributes, AttributeValue, Span

_SPAN_ID = (1 << 64) - 1
_call = partial(tuple.__new__, Call)  # a third of the time of Call(...)

Written = dict[str, AttributeValue]

_WORSE = {
    name: rank
    for rank, name in enumerate(
        (status.PRICED, status.FREE, status.NOT_BILLED, status.ESTIMATED, status.PARTIAL, status.UNPRICED)
    )
}
_UNSURE = frozenset((status.PARTIAL, status.UNPRICED))


class Prices(Protocol):
    """What the ledger asks of `Pricer`."""

    version: str

    def price(self, call: Call) -> Cost:
        """Return the exact cost of one call."""


class Reads(Protocol):
    """What the ledger asks of `Dialects`."""

    @property
    def markers(self) -> frozenset[str]:
        """Keys of which a span that speaks of a model call carries at least one."""

    def read(self, span: Span) -> Reading | None:
        """Return what the span says about a model call."""


class LedgerOptions(NamedTuple):
    """How a ledger behaves.

    keep_provider: an `llm.provider` already on the span stays. join_services: totals pass from a local root to the
    parent in another process too, for when the spans of all services are in hand. roll_up: write totals above the calls.
    open_spans, closed_spans, recent_calls: how many of each are remembered at least (at most twice as many).
    """

    keep_provider: bool = False
    join_services: bool = False
    roll_up: bool = True
    open_spans: int = 32_768
    closed_spans: int = 32_768
    recent_calls: int = 8_192


class Ledger:
    """Decides for each ended span what is written on it.

    Not thread-safe: the adapter holds a lock around `end`. `is_idle` and `close` need none. Hand in children before
    their parents where possible; a child that comes later is added to the nearest ancestor still open.
    """

    def __init__(self, dialects: Reads, pricer: Prices, options: LedgerOptions = LedgerOptions()) -> None:  # noqa: B008
        self.options = options
        self._dialects = dialects
        self._pricer = pricer
        self._markers = dialects.markers | {names.LLM_COST_STATUS}
        self._counts = dict.fromkeys((OWN, DUPLICATE, AGGREGATE, "failed", "evidence"), 0)
        self.clear()

    def clear(self) -> None:
        """Forget every span in hand (after a fork, say); the counters stay."""
        self._rollup = RollUp(self.options.open_spans, self.options.closed_spans)
        self._memory = Memory(self.options.recent_calls)
        self._pending = self._rollup.pending
        self._closed = self._rollup.closed

    @property
    def counters(self) -> dict[str, int]:
        """Spans by role (own, duplicate, aggregate, failed, evidence), calls that ended after their root (late), and
        subtotals forgotten because their span never ended (evicted)."""
        return {**self._counts, "late": self._rollup.late, "evicted": self._pending.forgotten}

    def is_idle(self, span_id: int, attributes: Attributes) -> bool:
        """Whether there is nothing to do for this span: it speaks of no model call and nothing was passed up to it."""
        return self._markers.isdisjoint(attributes) and span_id not in self._pending

    def close(self, span_id: int, parent_id: int | None) -> None:
        """Note the end of an idle span. Call it before `is_idle`, so that a child ending meanwhile is not lost."""
        self._rollup.close(span_id, parent_id)

    def passes(self, span_id: int, parent_id: int | None, attributes: Attributes) -> bool:
        """`close`, then `is_idle`, in one call and spelled out: it is the price of every span that is no model call."""
        closed, pending = self._closed, self._pending
        if len(closed.new) < closed.size - 1:
            closed.new[span_id] = parent_id or 0
        else:
            closed.set(span_id, parent_id or 0)
        return span_id not in pending.new and span_id not in pending.old and self._markers.isdisjoint(attributes)

    def end(self, span: Span) -> Written:
        """Return the attributes to write on *span*, {} for none. Never raises on what a span holds."""
        above = span.parent_id if self.options.join_services or not span.is_local_root else None
        self._rollup.close(span.span_id, above)
        beneath = self._rollup.take(span.span_id)
        written: Written = {}
        own = self._own(span, beneath, written)
        total = beneath
        if own is not None:
            total = own
            if beneath is not None:
                if beneath.blanks and own.count and not beneath.count:
                    beneath.absorb_blanks()
                total = beneath
                total.add(own)
        if total is None:
            return written
        if self.options.roll_up:
            if beneath is not None:
                _write_subtree(total, written)
            if span.is_local_root:
                _write_trace(total, written)
        if span.parent_id is not None and (self.options.join_services or not span.is_local_root):
            self._rollup.pass_up(span.parent_id, total)
        return written

    def _own(self, span: Span, beneath: Subtotal | None, written: Written) -> Subtotal | None:
        """Put into *written* what the span says of its own call; return the call as a subtotal when it is counted."""
        if names.LLM_COST_STATUS in span.attributes:
            return self._evidence(span)
        reading = self._dialects.read(span)
        if reading is None:
            return None
        if span.is_error and not reading.usage:
            self._counts["failed"] += 1
            return None
        this = counted(reading, span)
        verdict = judge(reading, this, beneath.beneath() if beneath is not None else None, self._memory)
        self._counts[verdict.role] += 1
        if verdict.role != OWN:
            _write_verdict(verdict, written)
            return None
        cost = self._cost(reading, span, verdict)
        keep = self.options.keep_provider and names.LLM_PROVIDER in span.attributes
        _write_call(reading, cost, self._pricer.version, keep, written)
        return self._count(this, cost)

    def _count(self, call: Counted, cost: Cost) -> Subtotal:
        self._memory.add(call)
        subtotal = Subtotal()
        subtotal.input, subtotal.output = call.input or 0, call.output or 0
        subtotal.requests = 1
        if call.input is None and call.output is None:
            subtotal.blank, subtotal.blanks = call, 1
        else:
            subtotal.calls, subtotal.count = [call], 1
        subtotal.doubtful = int(cost.status in _UNSURE)
        if cost.femto is None:
            subtotal.unpriced = 1
        else:
            subtotal.femto, subtotal.priced = cost.femto, 1
        return subtotal

    def _cost(self, reading: Reading, span: Span, verdict: Verdict) -> Cost:
        """Return what the reading costs: the seller's own bill before the rate card; its doubts go into the status."""
        if not reading.usage:
            return Cost(status.UNPRICED, "no_usage", None)
        cost = self._pricer.price(
            _call(
                (
                    reading.provider or "",
                    reading.model or "",
                    reading.usage,
                    span.start_ns,
                    reading.request_model,
                    reading.operation,
                    reading.service_tier,
                    reading.processing,
                    reading.context,
                )
            )
        )
        if reading.billed and reading.reported_femto is not None:
            return Cost(status.PRICED, None, reading.reported_femto, cost.rate_id, "provider", cost.femto)
        doubt = reading.doubt or ((status.ESTIMATED, verdict.reason) if verdict.reason else None)
        if doubt is None or _WORSE[doubt[0]] <= _WORSE[cost.status]:
            return cost
        femto = None if doubt[0] == status.UNPRICED else cost.femto
        return cost._replace(status=doubt[0], reason=doubt[1], femto=femto)

    def _evidence(self, span: Span) -> Subtotal | None:
        """Return the call that attributes of an earlier run tell, None when they tell of none."""
        self._counts["evidence"] += 1
        get = span.attributes.get
        found = get(names.LLM_COST_STATUS)
        if found in (DUPLICATE, AGGREGATE):
            return None
        usd = get(names.LLM_REQUEST_COST_USD)
        femto = _femto(usd)
        model, response_id = get(names.LLM_MODEL), get(names.LLM_REQUEST_ID)
        call = Counted(
            span.span_id,
            span.scope_name,
            frozenset((model,)) if isinstance(model, str) else frozenset(),
            _count_of(get(names.LLM_INPUT_TOKENS)),
            _count_of(get(names.LLM_OUTPUT_TOKENS)),
            response_id if isinstance(response_id, str) else None,
            span.start_ns,
            span.end_ns,
        )
        return self._count(call, Cost(str(found), None, femto))


def _count_of(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _femto(value: object) -> int | None:
    """Return an `llm.request_cost_usd` as femto-dollars: exact below 4.5 USD, to the precision of a double above."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15:
        numerator, denominator = value.as_integer_ratio()
        return (numerator * FEMTO_PER_USD * 2 + denominator) // (2 * denominator)
    return None


def _write_verdict(verdict: Verdict, written: Written) -> None:
    written[names.LLM_COST_STATUS] = verdict.role
    if verdict.reason:
        written[names.LLM_COST_REASON] = verdict.reason
    if verdict.of is not None:
        written[names.LLM_DUPLICATE_OF] = f"{verdict.of.span_id & _SPAN_ID:016x}"


_TOKENS = (
    ("input_tokens", names.LLM_INPUT_TOKENS),
    ("cache_read_tokens", names.LLM_CACHED_INPUT_TOKENS),
    ("cache_write_tokens", names.LLM_CACHE_WRITE_INPUT_TOKENS),
    ("output_tokens", names.LLM_OUTPUT_TOKENS),
    ("reasoning_tokens", names.LLM_REASONING_OUTPUT_TOKENS),
)
"""In the order in which they are written, whatever the order of the usage: the same span gives the same bytes."""


def _write_call(reading: Reading, cost: Cost, version: str, keep_provider: bool, written: Written) -> None:
    usage = reading.usage
    if reading.provider and not keep_provider:
        written[names.LLM_PROVIDER] = reading.provider
    if reading.model:
        written[names.LLM_MODEL] = reading.model
    written[names.LLM_OPERATION] = reading.operation
    for meter, name in _TOKENS:
        amount = usage.get(meter)
        if amount.__class__ is int:
            written[name] = amount  # type: ignore[assignment]
    if "input_tokens" in usage or "output_tokens" in usage:
        written[names.LLM_TOTAL_TOKENS] = int(usage.get("input_tokens", 0) + usage.get("output_tokens", 0))
    said, reason, femto, rate_id, source, list_femto = cost
    if femto is not None:
        written[names.LLM_REQUEST_COST_USD] = usd_float(femto)
        written[names.LLM_REQUEST_COST_NANOUSD] = nano(femto)
        written[names.LLM_COST_BUCKET] = bucket(femto)
    written[names.LLM_COST_STATUS] = said
    written[names.LLM_PRICING_VERSION] = version
    if list_femto is not None:
        written[names.LLM_LIST_COST_USD] = usd_float(list_femto)
    # One line each: this runs for every call, and a loop over pairs takes twice as long.
    if reason:
        written[names.LLM_COST_REASON] = reason
    if source:
        written[names.LLM_COST_SOURCE] = source
    if rate_id:
        written[names.LLM_RATE_ID] = rate_id
    if reading.response_id:
        written[names.LLM_REQUEST_ID] = reading.response_id
    if reading.finish_reason:
        written[names.LLM_FINISH_REASON] = reading.finish_reason
    if reading.service_tier:
        written[names.LLM_SERVICE_TIER] = reading.service_tier


def _write_subtree(total: Subtotal, written: Written) -> None:
    if total.priced:
        written[names.LLM_SUBTREE_COST_USD] = usd_float(total.femto)
    written[names.LLM_SUBTREE_INPUT_TOKENS] = int(total.input)
    written[names.LLM_SUBTREE_OUTPUT_TOKENS] = int(total.output)
    written[names.LLM_SUBTREE_REQUESTS] = total.requests
    written[names.LLM_SUBTREE_UNPRICED_REQUESTS] = total.unpriced


def _write_trace(total: Subtotal, written: Written) -> None:
    if total.priced:
        written[names.LLM_TRACE_COST_USD] = usd_float(total.femto)
        written[names.LLM_TRACE_COST_NANOUSD] = nano(total.femto)
    written[names.LLM_TRACE_INPUT_TOKENS] = int(total.input)
    written[names.LLM_TRACE_OUTPUT_TOKENS] = int(total.output)
    written[names.LLM_TRACE_REQUESTS] = total.requests
    written[names.LLM_TRACE_COST_COMPLETE] = not total.doubtful
