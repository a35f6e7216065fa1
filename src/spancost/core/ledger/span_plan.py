# SPDX-License-Identifier: Apache-2.0
"""A plan for spans that differ only in their counts, ids and times, and what executing it gives."""

from __future__ import annotations

from typing import Any, NamedTuple

from spancost.core.call import Call
from spancost.core.dialect.attribute_layout import Fetched
from spancost.core.dialect.fields import MAX_COUNT
from spancost.core.dialect.inclusive import inclusive
from spancost.core.dialect.scalars import began_at
from spancost.core.ledger.memory import CountedCall, Process
from spancost.core.ledger.reading_pricer import ReadingPricer
from spancost.core.ledger.recorder import PricedCall
from spancost.core.ledger.rollup import Subtotal
from spancost.core.ledger.writes import TOKENS, write_cost
from spancost.core.money import usd_float
from spancost.core.semconv import LLM_LIST_COST_USD, LLM_REQUEST_ID, LLM_TOTAL_TOKENS
from spancost.core.span import Attributes, AttributeValue


class Outcome(NamedTuple):
    """What is written for one result of pricing.

    template: every attribute, in order. is_doubtful: 1 when the totals above are incomplete by it, else 0. is_priced:
    whether the call has a cost in the end.
    """

    template: dict[str, AttributeValue]
    is_doubtful: int
    is_priced: bool


class SpanPlan(NamedTuple):
    """What spans with one layout and the same categorical values share.

    picks: places of the counts that are used. figures: the names of these counts. meters, split: of the usage and its
    doubt. drops_total: see `Program.proving`. call: a `Call` without usage and times. counted: the parts of
    `CountedCall` that do not vary. outcomes: by status, reason, rate id and source of the pricer's result.
    """

    picks: tuple[int, ...] | None
    figures: tuple[str, ...]
    meters: frozenset[str]
    split: str | None
    drops_total: bool
    call: Call
    counted: tuple[str, frozenset[str], frozenset[str], str | None, bool]
    outcomes: dict[tuple[Any, ...], Outcome]


def execute(
    plan: SpanPlan,
    fetched: Fetched,
    place: tuple[int, Process, Attributes | None],
    ids: tuple[int, int | None, bool],
    times: tuple[int, int],
    attributes: Attributes,
    charge: ReadingPricer,
) -> tuple[tuple[Any, ...], dict[str, AttributeValue], bool, PricedCall] | None:
    """Return the call to remember, what is written, whether it has a cost, and the priced call; None to decline."""
    usage = usage_of_plan(plan, fetched.counts)
    response_id, duration = fetched.response_id, fetched.duration
    if usage is None or not (response_id is None or is_plain_id(response_id)):
        return None
    start_ns, end_ns = times
    began_ns = start_ns
    if duration is not None:
        began = began_at(start_ns, end_ns, duration)
        if began is None:
            return None
        began_ns = began
    provider, model, _, _, request_model, operation, tier, processing, context, _ = plan.call
    trace_id, process, resource = place
    if charge.facts_of is not None:
        context = charge.facts_of(context, attributes, resource)
    call = Call(
        provider, model, usage, start_ns, request_model, operation, tier, processing, context, end_ns - began_ns
    )
    status, reason, femto, rate_id, source, list_femto = charge.price(call)
    outcome = plan.outcomes.get((status, reason, rate_id, source, list_femto is None))
    if outcome is None:
        return None
    template, is_doubtful, is_priced = outcome
    get = usage.get
    entered, left = get("input_tokens"), get("output_tokens")
    if not is_priced:
        if entered is None and left is None:
            return None
        femto = None
    made = template.copy()
    for meter, key in TOKENS:
        if meter in usage:
            made[key] = usage[meter]
    if entered is not None or left is not None:
        made[LLM_TOTAL_TOKENS] = (entered or 0) + (left or 0)
    if femto is not None:
        write_cost(femto, made)
    if list_femto is not None:
        made[LLM_LIST_COST_USD] = usd_float(list_femto)
    if response_id is not None:
        made[LLM_REQUEST_ID] = response_id
    scope, models, told, own_provider, _ = plan.counted
    span_id, parent_id, _ = ids
    record = (
        span_id, scope, models, trace_id, entered, left, process, response_id, began_ns, end_ns, told, own_provider,
        (get("cache_read_tokens"), get("cache_write_tokens"), get("reasoning_tokens")),
        parent_id is not None, femto, is_doubtful,
    )  # fmt: skip
    return record, made, is_priced, PricedCall(call, femto, list_femto)


def unpriced_call(record: tuple[Any, ...]) -> Subtotal:
    """Return the subtotal of one call whose cost is unknown; *record* is its `CountedCall`, then None, then 1."""
    call = CountedCall._make(record[:-2])
    subtotal = Subtotal()
    subtotal.input, subtotal.output = call.input or 0, call.output or 0
    subtotal.requests = subtotal.unpriced = subtotal.doubtful = subtotal.count = 1
    subtotal.calls = [call]
    return subtotal


def is_plain_id(value: Any) -> bool:
    """Whether a response id stands for itself: it is a string, and not one that encodes another value."""
    return type(value) is str and value != "" and value[0] not in "\"['"


def figures_of_plan(plan: SpanPlan, counts: tuple[Any, ...]) -> dict[str, Any]:
    """Return the figures that *counts*, fetched by the layout, are."""
    if plan.picks is not None:
        counts = tuple(counts[place] for place in plan.picks)
    figures = dict(zip(plan.figures, counts, strict=True))
    if plan.drops_total:
        figures.pop("total_tokens", None)
    return figures


def usage_of_plan(plan: SpanPlan, counts: tuple[Any, ...]) -> dict[str, Any] | None:
    """Return the usage that *counts* come to; None when they are no whole numbers, all 0, or prove something else."""
    for count in counts:
        if count.__class__ is not int or not 0 <= count < MAX_COUNT:
            return None
    figures = figures_of_plan(plan, counts)
    if not any(figures.values()):
        return None
    usage, split = inclusive(figures)
    return usage if split == plan.split and usage.keys() == plan.meters else None
