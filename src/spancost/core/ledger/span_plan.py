# SPDX-License-Identifier: Apache-2.0
"""A plan for spans that differ only in their counts, ids, costs and times: what they say, and what it writes."""

from __future__ import annotations

from functools import partial
from operator import mul
from typing import Any, NamedTuple

from spancost.core.dialect.attribute_layout import AttributeLayout, Fetch, fetcher
from spancost.core.dialect.fields import COUNTED, MAX_COUNT
from spancost.core.dialect.inclusive import bounds_of, inclusive
from spancost.core.dialect.program import Program
from spancost.core.dialect.rule import remap_fields
from spancost.core.dialect.scalars import femto
from spancost.core.ledger.recorder import Known, RecordKeys
from spancost.core.reading import Reading
from spancost.core.span import AttributeValue, Span

new_reading = partial(tuple.__new__, Reading)  # a third of the time of Reading(...)
_NONE = fetcher(())


class Outcome(NamedTuple):
    """What is written for one result of pricing.

    template: every attribute, in order. tokens: meters of the usage that are written, each with its attribute.
    is_priced: whether the call has a cost in the end. is_doubtful: 1 when the totals above are incomplete by it, else
    0. known: what is the same on each record. coefficients, constant, denominator, bounds: of the linear cost, if any.
    """

    template: dict[str, AttributeValue]
    tokens: tuple[tuple[str, str], ...]
    is_priced: bool
    is_doubtful: int
    known: Known
    coefficients: tuple[int, ...] = ()
    constant: int = 0
    denominator: int = 1
    bounds: tuple[tuple[int, ...], ...] = ()


class SpanPlan(NamedTuple):
    """What spans with one layout and the same categorical values share.

    reading: of the first of them; None when such spans say nothing of a call. counts: how many of the values must be
    counts. pick: fetches the figures of these. names: their fields, when the usage is not the figures themselves.
    bounds: sums of the figures that are not negative where it is. meters, split: of the usage and its doubt. id_at,
    cost_at: places, -1 when absent. call: a `Call` without usage and times. rates: what it finds on the card, None
    where that is not all that decides. own: the fields of `CountedCall` that do not vary. keys: of the attributes that
    a record takes. outcomes: by rate set, and by status, reason, rate id and source; None for one that the plan does
    not reproduce.
    """

    reading: Reading | None
    counts: int
    pick: Fetch
    names: tuple[str, ...]
    bounds: tuple[tuple[int, ...], ...]
    meters: tuple[str, ...]
    split: str | None
    id_at: int
    cost_at: int
    call: Any
    rates: Any
    own: Any
    keys: RecordKeys
    outcomes: dict[Any, Outcome | None]


Found = tuple[SpanPlan, dict[str, Any], tuple[int, ...], "str | None", tuple[Any, ...]]
"""A plan that applies, and of the span its usage, as amounts too, its response id, and all values."""


def apply_plan(plan: SpanPlan, values: tuple[Any, ...]) -> Found | None:
    """Return what *values* come to by *plan*; None when it is not for them.

    It is not when counts are no whole numbers, all 0, or prove something else than those of the first span, and when an
    id is not written plainly.
    """
    _, counts, pick, names, bounds, meters, split, id_at, _, _, _, _, _, _ = plan
    for count in values[:counts]:
        if count.__class__ is not int or not 0 <= count < MAX_COUNT:
            return None
    response_id = None
    if id_at >= 0:
        response_id = values[id_at]
        if response_id.__class__ is not str or not response_id or response_id[0] in "\"['":  # it encodes another value
            return None
    if not meters:
        return plan, {}, (), response_id, values
    amounts = pick(values)
    if not any(amounts):
        return None
    if names:
        usage, doubt = inclusive(dict(zip(names, amounts, strict=True)))
        if doubt != split or tuple(usage) != meters:
            return None
        return plan, usage, tuple(usage.values()), response_id, values  # type: ignore[arg-type]
    for bound in bounds:
        if sum(map(mul, bound, amounts)) < 0:
            return None
    return plan, dict(zip(meters, amounts)), amounts, response_id, values  # noqa: B905, a total comes last


def reading_of(found: Found) -> Reading | None:
    """Return what the span says that a plan was found for."""
    plan, usage, _, response_id, values = found
    reading = plan.reading
    if reading is None:
        return None
    cost = None if plan.cost_at < 0 else femto(values[plan.cost_at])
    return new_reading((*reading[:5], usage, reading[6], response_id, *reading[8:13], cost, *reading[14:]))


def compile_plan(
    program: Program, layout: AttributeLayout, values: tuple[Any, ...], span: Span, keys: RecordKeys
) -> SpanPlan | None:
    """Return the plan of a span whose *layout* fetched *values*; None when the plan would not reproduce its reading."""
    reading, rules = program.read_with_rules(span)
    found = program.gather(span.attributes)
    places: dict[str, Any] = {}
    for at, field in enumerate(layout.fields):
        if field in found:
            places[field] = at
        if values[at] in (None, "") or values[at] != found.get(field, values[at]):
            return None
    is_counted = not COUNTED.isdisjoint(places)
    remap_fields(places, rules)
    figures: dict[str, Any] = {field: at for field, at in places.items() if field in COUNTED}
    id_at, cost_at = places.get("response_id", -1), places.get("reported_cost_usd", -1)
    if reading is None:
        is_ignored = bool(rules) and rules[-1].ignore
        is_silent = is_ignored or not (is_counted or cost_at >= 0)
        plan = SpanPlan(None, layout.counts, _NONE, (), (), (), None, id_at, -1, None, None, None, keys, {})
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
    pick = fetcher(tuple(figures[name] for name in (order if is_plain else names)))
    split = inclusive(counts)[1] if meters else None
    plan = SpanPlan(
        reading, layout.counts, pick, names, vectors, meters, split, id_at, cost_at, None, None, None, keys, {}
    )
    applied = apply_plan(plan, values)
    return plan if applied is not None and reading_of(applied) == reading else None
