# SPDX-License-Identifier: Apache-2.0
"""The attributes of a span, as the ledger writes them and as it reads its own from an earlier run."""

from __future__ import annotations

from bisect import bisect_right
from math import isclose

from spancost.core import semconv as names
from spancost.core.call import Call, Cost, Quantity
from spancost.core.ledger.classification import DUPLICATE, Classification
from spancost.core.ledger.counting import bare_model
from spancost.core.ledger.memory import SPAN_ID, CountedCall, Process
from spancost.core.ledger.recorder import PricedCall
from spancost.core.ledger.rollup import Subtotal
from spancost.core.ledger.sources import Repeat
from spancost.core.money import BUCKET_BOUNDS, BUCKET_NAMES, FEMTO_PER_USD, nano, usd_float
from spancost.core.reading import Reading
from spancost.core.semconv import (  # by name: these are written on every call, or on every span above one
    LLM_COST_BUCKET,
    LLM_REQUEST_COST_NANOUSD,
    LLM_REQUEST_COST_USD,
    LLM_SUBTREE_COST_USD,
    LLM_SUBTREE_INPUT_TOKENS,
    LLM_SUBTREE_OUTPUT_TOKENS,
    LLM_SUBTREE_REQUESTS,
    LLM_SUBTREE_UNPRICED_REQUESTS,
)
from spancost.core.span import Attributes, AttributeValue, Span

Written = dict[str, AttributeValue]

CONTRACT_MARK = "+o"
"""What a pricing version holds before the hash of a contract."""
SUMS = frozenset((names.LLM_SUBTREE_COST_USD, names.LLM_TRACE_COST_USD))
"""Sums of money on spans above calls."""


def prior_result(span: Span, process: Process) -> tuple[CountedCall, Cost]:
    """Return the call that attributes of an earlier run report, and its cost."""
    get = span.attributes.get
    model, provider = get(names.LLM_MODEL), get(names.LLM_PROVIDER)
    response_id = get(names.LLM_REQUEST_ID) or get(names.STATED_BY[names.LLM_REQUEST_ID])
    call = CountedCall(
        span.span_id,
        span.scope_name,
        frozenset((bare_model(model),)) if isinstance(model, str) else frozenset(),
        span.trace_id,
        _count_of(get(names.LLM_INPUT_TOKENS)),
        _count_of(get(names.LLM_OUTPUT_TOKENS)),
        process,
        response_id if isinstance(response_id, str) else None,
        span.start_ns,
        span.end_ns,
        None,
        provider if isinstance(provider, str) else None,
        (
            _count_of(get(names.LLM_CACHED_INPUT_TOKENS)),
            _count_of(get(names.LLM_CACHE_WRITE_INPUT_TOKENS)),
            _count_of(get(names.LLM_REASONING_OUTPUT_TOKENS)),
        ),
        span.parent_id is not None,
        names.LLM_CAPTURE in span.attributes,
    )
    return call, Cost(str(get(names.LLM_COST_STATUS)), None, _femto(get(names.LLM_REQUEST_COST_USD)))


def prior_call(span: Span, read: Call | None, cost: Cost, finish_reason: str | None) -> PricedCall:
    """Return the call that attributes of an earlier run report, as it was priced.

    read and finish_reason: as its dialect reads it, for what the earlier run did not write (setting `attributes`).
    """
    get = span.attributes.get
    usage: dict[str, Quantity] = dict(read.usage) if read is not None else {}
    for meter, name in TOKENS:
        amount = _count_of(get(name))
        if amount is not None:
            usage[meter] = amount
    provider, model, operation, tier = (_text(get(name)) for name in _CALL_NAMES)
    duration_ns = span.end_ns - span.start_ns if read is None else read.duration_ns
    call = Call(
        provider or (read.provider if read is not None else ""),
        model or (read.model if read is not None else ""),
        usage,
        span.start_ns,
        None,
        operation or (read.operation if read is not None else None),
        tier or (read.service_tier if read is not None else None),
        read.processing if read is not None else None,
        None,
        duration_ns,
    )
    return PricedCall(call, cost.femto, _femto(get(names.LLM_LIST_COST_USD)), finish_reason)


def texts_of(attributes: Attributes) -> Written:
    """Return the attributes that hold a string: those of an earlier run may hold anything.

    The set `standard` leaves out the source `rate_card`: a rate id without a source, of no contract, implies it.
    """
    found: Written = {key: value for key, value in attributes.items() if isinstance(value, str)}
    if found.get(names.LLM_RATE_ID) and CONTRACT_MARK not in str(found.get(names.LLM_PRICING_VERSION, "")):
        found.setdefault(names.LLM_COST_SOURCE, names.IMPLIED[names.LLM_COST_SOURCE])
    return found


def keep_totals(writes: Written, attributes: Attributes) -> None:
    """Leave out of *writes* the sums that the span has already but for the last bits of a double.

    Costs of an earlier run come back as doubles; above 4.5 USD these do not hold every femto-dollar.
    """
    for name in SUMS:
        new, old = writes.get(name), attributes.get(name)
        if isinstance(new, float) and isinstance(old, float) and isclose(new, old, rel_tol=1e-14):
            writes[name] = old


def span_id_of(value: object) -> int | None:
    """Return the span id that a value of `llm.duplicate_of` names, None when it names none."""
    is_id = isinstance(value, str) and len(value) == 16 and all(digit in "0123456789abcdefABCDEF" for digit in value)
    return int(str(value), 16) if is_id else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count_of(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _femto(value: object) -> int | None:
    """Return an `llm.request_cost_usd` as femto-dollars: exact below 4.5 USD, to the precision of a double above."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15:
        numerator, denominator = value.as_integer_ratio()
        return (numerator * FEMTO_PER_USD * 2 + denominator) // (2 * denominator)
    return None


def write_classification(classification: Classification, writes: Written) -> None:
    """Write that this span repeats a call or adds calls up."""
    writes[names.LLM_COST_STATUS] = classification.role
    if classification.reason:
        writes[names.LLM_COST_REASON] = classification.reason
    if classification.of is not None:
        _write_carrier(classification.of.span_id, writes)


def write_repeat(repeat: Repeat, writes: Written) -> None:
    """Write that this span or log record repeats a call that another signal reports."""
    writes[names.LLM_COST_STATUS] = DUPLICATE
    writes[names.LLM_COST_REASON] = repeat.reason
    _write_carrier(repeat.span_id, writes)


def _write_carrier(span_id: int, writes: Written) -> None:
    """Write which span carries the cost; a log record has no id."""
    if span_id & SPAN_ID:
        writes[names.LLM_DUPLICATE_OF] = f"{span_id & SPAN_ID:016x}"


_CALL_NAMES = (names.LLM_PROVIDER, names.LLM_MODEL, names.LLM_OPERATION, names.LLM_SERVICE_TIER)
TOKENS = (
    ("input_tokens", names.LLM_INPUT_TOKENS),
    ("cache_read_tokens", names.LLM_CACHED_INPUT_TOKENS),
    ("cache_write_tokens", names.LLM_CACHE_WRITE_INPUT_TOKENS),
    ("output_tokens", names.LLM_OUTPUT_TOKENS),
    ("reasoning_tokens", names.LLM_REASONING_OUTPUT_TOKENS),
)
"""In the order in which they are writes, whatever the order of the usage: the same span gives the same bytes."""


def write_call(reading: Reading, cost: Cost, version: str, keep_provider: bool, writes: Written) -> None:
    """Write a call that is counted: what it used and what it costs."""
    usage = reading.usage
    if reading.provider and not keep_provider:
        writes[names.LLM_PROVIDER] = reading.provider
    if reading.model:
        writes[names.LLM_MODEL] = reading.model
    writes[names.LLM_OPERATION] = reading.operation
    for meter, name in TOKENS:
        amount = usage.get(meter)
        if amount.__class__ is int:
            writes[name] = amount
    if "input_tokens" in usage or "output_tokens" in usage:
        writes[names.LLM_TOTAL_TOKENS] = int(usage.get("input_tokens", 0) + usage.get("output_tokens", 0))
    status, reason, femto, rate_id, source, list_femto = cost
    if femto is not None:
        write_cost(femto, writes)
    writes[names.LLM_COST_STATUS] = status
    writes[names.LLM_PRICING_VERSION] = version
    if list_femto is not None:
        writes[names.LLM_LIST_COST_USD] = usd_float(list_femto)
    # One line each: this runs for every call, and a loop over pairs takes twice as long.
    if reason:
        writes[names.LLM_COST_REASON] = reason
    if source:
        writes[names.LLM_COST_SOURCE] = source
    if rate_id:
        writes[names.LLM_RATE_ID] = rate_id
    if reading.response_id:
        writes[names.LLM_REQUEST_ID] = reading.response_id
    if reading.finish_reason:
        writes[names.LLM_FINISH_REASON] = reading.finish_reason
    if reading.service_tier:
        writes[names.LLM_SERVICE_TIER] = reading.service_tier


def write_cost(femto: int, writes: Written) -> None:
    """Write what a call costs, in 1e-15 USD, in its three forms."""
    writes[LLM_REQUEST_COST_USD] = femto / FEMTO_PER_USD
    writes[LLM_REQUEST_COST_NANOUSD] = nano(femto)
    writes[LLM_COST_BUCKET] = BUCKET_NAMES[bisect_right(BUCKET_BOUNDS, femto)]


def write_subtree(total: Subtotal, writes: Written) -> None:
    """Write the totals of a span and the spans below it; no cost when none of it has a price."""
    if total.priced:
        writes[LLM_SUBTREE_COST_USD] = total.femto / FEMTO_PER_USD
    writes[LLM_SUBTREE_INPUT_TOKENS] = int(total.input)
    writes[LLM_SUBTREE_OUTPUT_TOKENS] = int(total.output)
    writes[LLM_SUBTREE_REQUESTS] = total.requests
    writes[LLM_SUBTREE_UNPRICED_REQUESTS] = total.unpriced


def write_trace(total: Subtotal, writes: Written) -> None:
    """Write the totals of a root; no cost when none of it has a price."""
    if total.priced:
        writes[names.LLM_TRACE_COST_USD] = usd_float(total.femto)
        writes[names.LLM_TRACE_COST_NANOUSD] = nano(total.femto)
    writes[names.LLM_TRACE_INPUT_TOKENS] = int(total.input)
    writes[names.LLM_TRACE_OUTPUT_TOKENS] = int(total.output)
    writes[names.LLM_TRACE_REQUESTS] = total.requests
    writes[names.LLM_TRACE_COST_COMPLETE] = not total.doubtful
