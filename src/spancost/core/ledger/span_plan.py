# SPDX-License-Identifier: Apache-2.0
"""A plan for spans that differ only in their counts, ids, costs and times: what they say, and what it writes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from spancost.core.dialect.attribute_layout import AttributeLayout
from spancost.core.dialect.fields import COUNTED, MAX_COUNT
from spancost.core.dialect.inclusive import inclusive
from spancost.core.dialect.program import Program
from spancost.core.dialect.rule import remap_fields
from spancost.core.dialect.scalars import began_at, femto
from spancost.core.reading import Reading
from spancost.core.span import AttributeValue, Span

Values = tuple[Any, ...]
new_reading = partial(tuple.__new__, Reading)  # a third of the time of Reading(...)
COSTS = ("billed_cost_usd", "reported_cost_usd")


class Outcome(NamedTuple):
    """What is written for one result of pricing.

    template: every attribute, in order. is_doubtful: 1 when the totals above are incomplete by it, else 0. is_priced:
    whether the call has a cost in the end. tokens: meters of the usage that are written, each with its attribute.
    """

    template: dict[str, AttributeValue]
    is_doubtful: int
    is_priced: bool
    tokens: tuple[tuple[str, str], ...]


class SpanPlan(NamedTuple):
    """What spans with one layout and the same categorical values share.

    reading: of the first of them; None when such spans say nothing of a call. counts: places of the values that must be
    counts. figures: names and places of those that are used. meters, split: of the usage and its doubt. response_id,
    duration, cost: places, None when absent. call: a `Call` without usage and times. rates: what it finds on the
    card, None where a contract decides. counted: the parts of
    `CountedCall` that do not vary. outcomes: by status, reason, rate id and source of the
    pricer's result, None for one that the plan does not reproduce.
    """

    reading: Reading | None
    counts: tuple[int, ...]
    figures: tuple[tuple[str, int], ...]
    meters: tuple[str, ...]
    split: str | None
    response_id: int | None
    duration: int | None
    cost: int | None
    call: Any
    rates: Any
    counted: Any
    outcomes: dict[tuple[Any, ...], Outcome | None]


Found = tuple[SpanPlan, dict[str, Any], "str | None", "int | None", "int | None"]
"""A plan that applies, and of the span its usage, its response id, when the call began and what it states to cost."""


def apply_plan(plan: SpanPlan, values: Values, start_ns: int, end_ns: int) -> Found | None:
    """Return what *values* come to by *plan*; None when it is not for them.

    It is not when counts are no whole numbers, all 0, or prove something else than those of the first span, and when an
    id, a time or a cost is not written plainly.
    """
    reading, counts, figures, meters, split, id_at, duration_at, cost_at, _, _, _, _ = plan
    usage: dict[str, Any] = {}
    response_id, began_ns, cost = None, None, None
    for place in counts:
        count = values[place]
        if count.__class__ is not int or not 0 <= count < MAX_COUNT:
            return None
    if figures and reading is not None:
        usage = {name: values[place] for name, place in figures}
        if not any(usage.values()):
            return None
        usage, doubt = inclusive(usage)
        if doubt != split or tuple(usage) != meters:
            return None
    if id_at is not None:
        response_id = values[id_at]
        if response_id.__class__ is not str or not response_id or response_id[0] in "\"['":  # it encodes another value
            return None
    if duration_at is not None:
        began_ns = began_at(start_ns, end_ns, values[duration_at])
        if began_ns is None:
            return None
    if cost_at is not None:
        cost = femto(values[cost_at])
        if not cost or not usage:
            return None
    return plan, usage, response_id, began_ns, cost


def reading_of(found: Found) -> Reading | None:
    """Return what the span says that a plan was found for."""
    plan, usage, response_id, began_ns, cost = found
    reading = plan.reading
    if reading is None:
        return None
    return new_reading((*reading[:5], usage, reading[6], response_id, *reading[8:13], cost, reading[14], began_ns))


def compile_plan(program: Program, layout: AttributeLayout, values: Values, span: Span) -> SpanPlan | None:
    """Return the plan of a span whose *layout* fetched *values*; None when the plan would not reproduce its reading."""
    reading, rules = program.read_with_rules(span)
    found = program.gather(span.attributes)
    places: dict[str, Any] = {}
    if any(
        not one.path and (value is None or value == "" or value in layout.empty_values)
        for one, value in zip(layout.sources, values, strict=True)
    ):
        return None
    for field in found:
        known = [
            (one.rank, at) for at, one in enumerate(layout.sources) if one.field == field and values[at] is not None
        ]
        if known:
            places[field] = min(known)[1]
            if values[places[field]] != found[field]:
                return None
    counts = tuple(place for field, place in places.items() if field in COUNTED)
    if any("response_id" in rule.strip_suffix for rule in rules):
        return None
    remap_fields(places, rules)
    figures: dict[str, Any] = {field: place for field, place in places.items() if field in COUNTED}
    if reading is None:
        is_ignored = bool(rules) and rules[-1].ignore
        unknown = counts or not places.keys().isdisjoint(COSTS)
        return None if unknown and not is_ignored else _plan(None, {}, {}, (), None)
    if any(values[place].__class__ is not int or not 0 <= values[place] < MAX_COUNT for place in counts):
        return None
    program.proving(figures, reading.provider)
    split = inclusive({name: values[place] for name, place in figures.items()})[1] if reading.usage else None
    plan = _plan(reading, places, figures, counts, split)
    applied = apply_plan(plan, values, span.start_ns, span.end_ns)
    return plan if applied is not None and reading_of(applied) == reading else None


def _plan(
    reading: Reading | None,
    places: Mapping[str, int],
    figures: Mapping[str, int],
    counts: tuple[int, ...],
    split: str | None,
) -> SpanPlan:
    get = places.get
    meters = () if reading is None else tuple(reading.usage)
    cost, at = get(COSTS[0], get(COSTS[1])), get("response_id")
    return SpanPlan(
        reading, counts, tuple(figures.items()), meters, split, at, get("duration_seconds"), cost, None, None, None, {}
    )
