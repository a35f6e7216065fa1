# SPDX-License-Identifier: Apache-2.0
"""A plan for spans that differ only in their counts, ids, costs and times: what they say, and what it writes."""

from __future__ import annotations

from functools import partial
from operator import mul
from typing import Any, NamedTuple, TypeAlias

from spancost.core.call import Call, Cost
from spancost.core.dialect.attribute_layout import AttributeLayout, Fetch, fetcher
from spancost.core.dialect.fields import COUNTED, MAX_COUNT
from spancost.core.dialect.identity import Identity
from spancost.core.dialect.inclusive import WRITES, inclusive, leaves_alone
from spancost.core.dialect.program import Program
from spancost.core.dialect.rule import remap_fields
from spancost.core.dialect.scalars import femto
from spancost.core.ledger.counting import counted
from spancost.core.ledger.memory import Process
from spancost.core.ledger.reading_pricer import ReadingPricer, new_call
from spancost.core.ledger.recorder import NO_KEYS, Described, Known, RecordKeys
from spancost.core.reading import Reading
from spancost.core.span import Attributes, AttributeValue, Span

new_reading = partial(tuple.__new__, Reading)  # a third of the time of Reading(...)
_NONE = fetcher(())

Place: TypeAlias = "tuple[int, Process, Attributes | None]"
"""Trace id, process and resource attributes."""
Ids: TypeAlias = "tuple[int, int | None, bool, int, int]"
"""Span id, parent's span id, whether the span is a local root, start and end."""
Emitter = tuple[tuple[str, str, str], str]
"""Name, version and language of the scope, and the name of the span."""


class Outcome(NamedTuple):
    """What is written for one result of pricing.

    template: every attribute, in order. tokens: attributes that hold amounts, each with the place of its amount.
    is_priced: whether the call has a cost in the end. is_doubtful: 1 when the totals above are incomplete by it, else
    0. known: what is the same on each record. linear: the `LinearCost`, None where the pricer is asked.
    counter: what sums such calls (see `ledger/tallies.py`), which fills it; the ledger does not read it.
    """

    template: dict[str, AttributeValue]
    tokens: tuple[tuple[str, int], ...]
    is_priced: bool
    is_doubtful: int
    known: Known
    linear: Any
    counter: list[Any]


class SpanPlan(NamedTuple):
    """What spans with one layout and the same categorical values share.

    reading: of the first of them; None when such spans say nothing of a call. pick: fetches the figures among
    the values. names: their fields, when the usage is not the figures themselves.
    bounds: sums of the figures that are not negative where it is. meters, split: of the usage and its doubt. ends,
    parts: fetch the amounts of `ENDS` and `PARTS`, None when there are no parts. total_at, id_at, cost_at: places, -1
    when absent. call: a `Call` without usage and times. rates: what it finds on the card, None
    where that is not all that decides. own: the fields of `CountedCall` that do not vary. keys: of the attributes that
    a record takes. outcomes: by rate set, and by status, reason, rate id and source; None for one that the plan does
    not reproduce.
    """

    reading: Reading | None
    pick: Fetch
    names: tuple[str, ...]
    bounds: tuple[tuple[int, ...], ...]
    meters: tuple[str, ...]
    split: str | None
    ends: Fetch
    parts: Fetch | None
    total_at: int
    id_at: int
    cost_at: int
    call: Any
    rates: Any
    own: Any
    keys: RecordKeys
    outcomes: dict[Any, Outcome | None]


Found = tuple[SpanPlan, tuple[int, ...], tuple[Any, ...], tuple[Any, ...], "str | None", tuple[Any, ...]]
"""A plan that applies, and of the span: amounts of its meters, of `ENDS`, of `PARTS`, response id, all values."""
ENDS, PARTS = ("input_tokens", "output_tokens"), ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
"""Meters of which later spans are compared with a call that was counted."""
_UNKNOWN = (None,)
"""After amounts: the amount at place -1."""
_NO_ENDS, _NO_PARTS = (None, None), (None, None, None)


PlannedCall = tuple[SpanPlan, Outcome, tuple[int, ...], "int | None", "int | None"]
"""A call that a plan priced: the amounts of its meters, its cost, and the list price where that differs."""


def describe(planned: PlannedCall) -> Described:
    """Return what the record of a call says beside its span."""
    plan, outcome, amounts, femto, list_femto = planned
    return dict(zip(plan.meters, amounts)), femto, list_femto, outcome.known, plan.keys  # noqa: B905


def apply_plan(plan: SpanPlan, values: tuple[Any, ...], number: int) -> Found | None:
    """Return what *values* come to by *plan*, of which the first *number* are counts; None when it is not for them.

    It is not when counts are no whole numbers, all 0, or prove something else than those of the first span, and when an
    id is not written plainly.
    """
    for count in values[:number]:
        if type(count) is not int or not 0 <= count < MAX_COUNT:
            return None
    _, pick, names, bounds, meters, split, ends_of, parts_of, total_at, id_at, _, _, _, _, _, _ = plan
    response_id = None
    if id_at >= 0:
        response_id = values[id_at]
        if type(response_id) is not str or not response_id or response_id[0] in "\"['":  # it is encoded
            return None
    if not meters:
        return plan, (), _NO_ENDS, _NO_PARTS, response_id, values
    amounts = pick(values)
    if not any(amounts):
        return None
    if names:
        usage, doubt = inclusive(dict(zip(names, amounts, strict=True)))
        if doubt != split or tuple(usage) != meters:
            return None
        amounts = tuple(usage.values())
    extended = amounts + _UNKNOWN
    entered, left = ends = ends_of(extended)
    parts = _NO_PARTS if parts_of is None else parts_of(extended)
    if not names:  # as `inclusive` has it where it takes figures as they are
        if any(parts):
            read, written, reasoning = parts
            if (read or 0) + (written or 0) > (entered or 0) or (reasoning or 0) > (left or 0):
                return None
        if total_at >= 0 and amounts[total_at] > (entered or 0) + (left or 0):
            return None
        for bound in bounds:
            if sum(map(mul, bound, amounts)) < 0:
                return None
    return plan, amounts, ends, parts, response_id, values


def usage_of(found: Found) -> dict[str, int]:
    """Return the usage of the span that a plan was found for."""
    return dict(zip(found[0].meters, found[1]))  # noqa: B905, a total may come after the meters


def call_of(found: Found, place: Place, ids: Ids, attributes: Attributes, charge: ReadingPricer) -> Call:
    """Return what the span is to the pricer."""
    provider, model, _, _, request_model, operation, tier, processing, context, _ = found[0].call
    start_ns, end_ns, usage = ids[3], ids[4], usage_of(found)
    if charge.facts_of is not None:
        context = charge.facts_of(context, attributes, place[2])
    took_ns = end_ns - start_ns
    return new_call((provider, model, usage, start_ns, request_model, operation, tier, processing, context, took_ns))


def reading_of(found: Found) -> Reading | None:
    """Return what the span says that a plan was found for."""
    plan, _, _, _, response_id, values = found
    reading = plan.reading
    if reading is None:
        return None
    cost = None if plan.cost_at < 0 else femto(values[plan.cost_at])
    return new_reading((*reading[:5], usage_of(found), reading[6], response_id, *reading[8:13], cost, *reading[14:]))


def covered_by(plan: SpanPlan) -> tuple[tuple[int, ...], ...]:
    """Return the sums of amounts that are known not to be negative where *plan* applies."""
    if plan.names:
        return ()
    inside = (
        {"input_tokens": 1, "cache_read_tokens": -1, "cache_write_tokens": -1},
        {"output_tokens": 1, "reasoning_tokens": -1},
    )
    return tuple(tuple(sums.get(meter, 0) for meter in plan.meters) for sums in inside)


def compile_plan(
    program: Program, layout: AttributeLayout, values: tuple[Any, ...], span: Span, keys: RecordKeys
) -> SpanPlan | None:
    """Return the plan of a span whose *layout* fetched *values*; None when the plan would not reproduce its reading."""
    reading, rules = program.read_with_rules(span)
    found = program.gather(span.attributes)
    held = dict(zip(layout.fields, values, strict=True))
    if any(value in (None, "") or value != found.get(field, value) for field, value in held.items()):
        return None
    places: dict[str, Any] = {field: layout.fields.index(field) for field in found if field in held}
    is_counted = not COUNTED.isdisjoint(places)
    remap_fields(places, rules)
    figures: dict[str, Any] = {field: at for field, at in places.items() if field in COUNTED}
    id_at, cost_at = places.get("response_id", -1), places.get("reported_cost_usd", -1)
    if reading is None:
        is_ignored = bool(rules) and rules[-1].ignore
        is_silent = is_ignored or not (is_counted or cost_at >= 0)
        plan = SpanPlan(None, _NONE, (), (), (), None, _NONE, None, -1, id_at, -1, None, None, None, keys, {})
        return plan if is_silent else None
    if any("response_id" in rule.strip_suffix for rule in rules):
        return None
    program.proving(figures, reading.provider)
    counts = {name: values[at] for name, at in figures.items()}
    if any(count.__class__ is not int for count in counts.values()) or (counts and not any(counts.values())):
        return None
    meters = tuple(reading.usage)
    order = (*meters, *(name for name in figures if name not in meters))
    is_plain = leaves_alone(figures.keys()) and inclusive(counts) == ({name: counts.get(name) for name in meters}, None)
    names = () if is_plain else tuple(figures)
    pick = fetcher(tuple(figures[name] for name in (order if is_plain else names)))
    sums = (
        [{"cache_write_tokens": 1, **dict.fromkeys(WRITES, -1)}]
        if is_plain and not counts.keys().isdisjoint(WRITES)
        else []
    )
    vectors = tuple(tuple(bound.get(name, 0) for name in order) for bound in sums)
    split = inclusive(counts)[1] if meters else None
    total_at = order.index("total_tokens") if is_plain and "total_tokens" in order else -1
    parts = None if set(PARTS).isdisjoint(meters) else fetch_of(PARTS, meters)
    at = (total_at, id_at, cost_at)
    return SpanPlan(
        reading, pick, names, vectors, meters, split, fetch_of(ENDS, meters), parts, *at, None, None, None, keys, {}
    )


def fetch_of(wanted: tuple[str, ...], meters: tuple[str, ...]) -> Fetch:
    """Return what fetches amounts of *wanted* from those of *meters* and a None after them, for what is missing."""
    return fetcher(tuple(meters.index(meter) if meter in meters else -1 for meter in wanted))


def bind(plan: SpanPlan, span: Span, charge: ReadingPricer, identity: Identity) -> SpanPlan:
    """Return *plan*, which was compiled of *span*, with what its calls are to the pricer and to the counting rule."""
    reading = plan.reading
    if reading is None:
        return plan
    call = charge.call(reading, span)._replace(context=reading.context)
    this = counted(reading, span, None)
    meters, is_detached = this.reported_meters or frozenset(), identity.is_detached(this.scope)
    own = (this.scope, this.models, meters, this.provider, is_detached, this.is_exchange)
    rates = None if charge.card is None else charge.card.resolve(call)
    return plan._replace(call=call, own=own, rates=None if isinstance(rates, Cost) else rates)


NO_PLAN = SpanPlan(None, _NONE, (), (), (), None, _NONE, None, -1, -1, -1, None, None, None, NO_KEYS, {})
"""Stands for a plan that is not there."""
