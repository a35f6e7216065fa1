# SPDX-License-Identifier: Apache-2.0
"""A plan for spans that differ only in their counts, ids, costs and times: what they say, and what it writes."""

from __future__ import annotations

from functools import partial
from operator import mul
from typing import Any, NamedTuple

from spancost.core.dialect.attribute_layout import AttributeLayout, Fetch, fetcher
from spancost.core.dialect.fields import COUNTED
from spancost.core.dialect.inclusive import bounds_of, inclusive
from spancost.core.dialect.program import Program
from spancost.core.dialect.rule import remap_fields
from spancost.core.dialect.scalars import femto
from spancost.core.ledger.recorder import NO_KEYS, Described, Known, RecordKeys
from spancost.core.reading import Reading
from spancost.core.span import AttributeValue, Span

new_reading = partial(tuple.__new__, Reading)  # a third of the time of Reading(...)
_NONE = fetcher(())


class Outcome(NamedTuple):
    """What is written for one result of pricing.

    template: every attribute, in order. tokens: attributes that hold amounts, each with the place of its amount.
    is_priced: whether the call has a cost in the end. is_doubtful: 1 when the totals above are incomplete by it, else
    0. known: what is the same on each record. linear: the `LinearCost`, None where the pricer is asked.
    """

    template: dict[str, AttributeValue]
    tokens: tuple[tuple[str, int], ...]
    is_priced: bool
    is_doubtful: int
    known: Known
    linear: Any


class SpanPlan(NamedTuple):
    """What spans with one layout and the same categorical values share.

    reading: of the first of them; None when such spans say nothing of a call. pick: fetches the figures among
    the values. names: their fields, when the usage is not the figures themselves.
    bounds: sums of the figures that are not negative where it is. meters, split: of the usage and its doubt. places: of
    the amounts of `COMPARED`. id_at,
    cost_at: places, -1 when absent. call: a `Call` without usage and times. rates: what it finds on the card, None
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
    places: tuple[int, ...]
    id_at: int
    cost_at: int
    call: Any
    rates: Any
    own: Any
    keys: RecordKeys
    outcomes: dict[Any, Outcome | None]


Found = tuple[SpanPlan, tuple[int, ...], "str | None", tuple[Any, ...]]
"""A plan that applies, and of the span the amounts of its meters, its response id, and all values."""
COMPARED = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
"""Meters of which later spans are compared with a call that was counted."""


class PlannedCall(NamedTuple):
    """A call that a plan priced: the amounts of its meters, its cost, and the list price where that differs."""

    plan: SpanPlan
    outcome: Outcome
    amounts: tuple[int, ...]
    femto: int | None
    list_femto: int | None


new_planned = partial(tuple.__new__, PlannedCall)  # a third of the time of PlannedCall(...)


def describe(planned: PlannedCall) -> Described:
    """Return what the record of a call says beside its span."""
    plan, outcome, amounts, femto, list_femto = planned
    return dict(zip(plan.meters, amounts)), femto, list_femto, outcome.known, plan.keys  # noqa: B905


def usage_of(found: Found) -> dict[str, int]:
    """Return the usage of the span that a plan was found for."""
    return dict(zip(found[0].meters, found[1]))  # noqa: B905, a total may come after the meters


def reading_of(found: Found) -> Reading | None:
    """Return what the span says that a plan was found for."""
    plan, _, response_id, values = found
    reading = plan.reading
    if reading is None:
        return None
    cost = None if plan.cost_at < 0 else femto(values[plan.cost_at])
    return new_reading((*reading[:5], usage_of(found), reading[6], response_id, *reading[8:13], cost, *reading[14:]))


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
        plan = SpanPlan(None, _NONE, (), (), (), None, (), id_at, -1, None, None, None, keys, {})
        return plan if is_silent else None
    if any("response_id" in rule.strip_suffix for rule in rules):
        return None
    program.proving(figures, reading.provider)
    counts = {name: values[at] for name, at in figures.items()}
    if any(count.__class__ is not int for count in counts.values()) or (counts and not any(counts.values())):
        return None
    meters = tuple(reading.usage)
    bounds = bounds_of(figures.keys())
    order = (*meters, *(name for name in figures if name not in meters))
    vectors = () if bounds is None else tuple(tuple(bound.get(name, 0) for name in order) for bound in bounds)
    is_plain = bounds is not None and counts.keys() >= set(meters)
    is_plain = is_plain and all(sum(map(mul, vector, map(counts.__getitem__, order))) >= 0 for vector in vectors)
    names = () if is_plain else tuple(figures)
    vectors = vectors if is_plain else ()
    pick = fetcher(tuple(figures[name] for name in (order if is_plain else names)))
    split = inclusive(counts)[1] if meters else None
    at = tuple(meters.index(meter) if meter in meters else -1 for meter in COMPARED)
    return SpanPlan(reading, pick, names, vectors, meters, split, at, id_at, cost_at, None, None, None, keys, {})


NO_PLAN = SpanPlan(None, _NONE, (), (), (), None, (), -1, -1, None, None, None, NO_KEYS, {})
"""Stands for a plan that is not there."""
