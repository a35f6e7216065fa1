# SPDX-License-Identifier: Apache-2.0
"""What calls used and cost, meter by meter, in groups: what bills are compared with and FOCUS files are made of.

A call has one cost and no line items at rest. Within one rate (`rate_id` and `pricing_version`) the cost is linear in
the exclusive quantities, so a group's items follow from the prices of one of its calls for each meter. They add up to
the group's cost exactly: what rounding or facts that a record does not hold leave over is shared in proportion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from spancost.config import data
from spancost.core.money import femto_from_text
from spancost.core.pricing.price import Pricer
from spancost.core.pricing.usage import split
from spancost.store import sql
from spancost.store.calls import Engine
from spancost.store.columns import CALLS
from spancost.store.pricing_choice import PricingChoice
from spancost.store.rows import record_of

UNCACHED_INPUT = "uncached_input_tokens"
INPUT = "input_tokens"
REQUESTS = "requests"
"""A meter that some providers charge for without reporting it."""
_TOKENS = {
    "input_tokens": "input_tokens",
    "cached_input_tokens": "cache_read_tokens",
    "cache_write_input_tokens": "cache_write_tokens",
    "output_tokens": "output_tokens",
    "reasoning_output_tokens": "reasoning_tokens",
}
_FIXED = ("provider", "model", "tier", "status", "rate_id", "pricing_version")
_NUMBERED = {name: number for number, name in enumerate(column.name for column in CALLS)}


class Item(NamedTuple):
    """One meter of a group. quantity: exclusive (parts apart); femto: None where the cost is unknown."""

    meter: str
    quantity: Fraction
    femto: int | None
    price: Fraction | None


class Group(NamedTuple):
    """Calls of one key, rate and status.

    Attributes:
        keys: values of the columns asked for.
        provider, model, tier, status, rate_id, pricing_version: as on the calls, None when missing.
        calls, failed: number of calls, and of those with an error.
        femto, list_femto: sums of the costs, None when no call has one.
        items: what they used; the costs add up to `femto`.
    """

    keys: tuple[Any, ...]
    provider: str | None
    model: str | None
    tier: str | None
    status: str
    rate_id: str | None
    pricing_version: str | None
    calls: int
    failed: int
    femto: int | None
    list_femto: int | None
    items: tuple[Item, ...]


def meter_totals(engine: Engine, keys: Mapping[str, str], condition: str, choice: PricingChoice) -> Iterator[Group]:
    """Yield the groups of the calls under *condition* (a WHERE clause or ""), by the SQL expressions *keys*."""
    others = _other_meters(engine, keys, condition)
    chosen = choice.pricer()
    by = len(keys) + len(_FIXED)
    for row in engine.rows(_query(engine, keys, condition)):
        names = row[:by]
        calls, failed, cost, listed, *rest = row[by:]
        totals = dict(zip(_TOKENS.values(), (int(value or 0) for value in rest[: len(_TOKENS)]), strict=True))
        samples = [sample for sample in rest[len(_TOKENS) :] if sample is not None]
        more, more_samples = others.get(names, ({}, []))
        provider, model, tier, status, rate_id, version = names[len(keys) :]
        femto = None if cost is None else femto_from_text(str(cost))
        pricer = choice.pricer_of(version, chosen)
        usage: dict[str, Fraction] = {**{meter: Fraction(value) for meter, value in totals.items() if value}, **more}
        items = _items(pricer, usage, [*samples, *more_samples], femto, int(calls))
        yield Group(
            names[: len(keys)], provider, model, tier, status, rate_id, version, int(calls), int(failed or 0), femto,
            None if listed is None else femto_from_text(str(listed)), tuple(items),
        )  # fmt: skip


def _query(engine: Engine, keys: Mapping[str, str], condition: str) -> str:
    row = _row(engine)
    names = [*(f"{expression} AS {sql.identifier(name)}" for name, expression in keys.items()), *_FIXED]
    sums = ", ".join(f"sum({column})" for column in _TOKENS)
    samples = ", ".join(f"{sql.latest_by(row, column, engine.dialect)}" for column in _TOKENS)
    count = len(keys) + len(_FIXED)
    by = ", ".join(str(number) for number in range(1, count + 1))
    return (
        f"SELECT {', '.join(names)}, count(*), count(error), sum(cost_usd), sum(list_cost_usd), {sums}, {samples} "
        f"FROM calls{condition} GROUP BY {by} ORDER BY {by}"
    )


def _other_meters(
    engine: Engine, keys: Mapping[str, str], condition: str
) -> dict[tuple[Any, ...], tuple[dict[str, Fraction], list[Any]]]:
    """Return group -> the meters of its map, and a call that used each.

    Quantities are text: the engine adds up integers; of the others it counts each text.
    """
    names = [*(f"{expression} AS {sql.identifier(name)}" for name, expression in keys.items()), *_FIXED]
    dialect = engine.dialect
    meter, text = sql.entry_parts("entry", dialect)
    literal = f"CASE WHEN {sql.is_integer(text, dialect)} THEN '' ELSE {text} END"
    has = f"{condition} AND " if condition else " WHERE "
    entries = (
        f"SELECT *, {sql.map_entries('meters', dialect)} AS entry FROM calls{has}{sql.map_size('meters', dialect)} > 0"
    )
    count = len(names)
    query = (
        f"SELECT {', '.join(names)}, {meter} AS meter, {literal} AS literal, count(*), "
        f"{sql.sum_of_integers(text, dialect)}, {sql.any_of(_row(engine), dialect)} FROM ({entries}) AS used "
        f"GROUP BY {', '.join(str(number) for number in range(1, count + 3))}"
    )
    found: dict[tuple[Any, ...], tuple[dict[str, Fraction], dict[str, Any]]] = {}
    for row in engine.rows(query):
        sums, samples = found.setdefault(tuple(row[:count]), ({}, {}))
        name, exact, calls, integers, sample = row[count:]
        total = Fraction(exact) * int(calls) if exact else Fraction(int(integers))
        sums[name] = sums.get(name, Fraction(0)) + total
        samples.setdefault(name, sample)
    return {group: (sums, list(samples.values())) for group, (sums, samples) in found.items()}


def _row(engine: Engine) -> str:
    """Return an expression that holds a whole call: a tuple in the order of the columns, times in nanoseconds."""
    cells = [
        sql.nanoseconds(column.name, engine.dialect) if column.type == "timestamp" else sql.identifier(column.name)
        for column in CALLS
    ]
    return sql.tuple_of(cells, engine.dialect)


def _items(
    pricer: Pricer, usage: Mapping[str, Fraction], samples: Sequence[Any], femto: int | None, calls: int
) -> list[Item]:
    """Return the exclusive quantities of *usage* at the prices of *samples*, which add up to *femto*."""
    prices: dict[str, Fraction] = {}
    for sample in samples:
        prices.update(_prices(pricer, sample))
    if REQUESTS in prices:
        usage = {**usage, REQUESTS: Fraction(calls)}
    leaves = split(data.default_card().units, usage).quantities
    quantities = {meter: Fraction(quantity) for meter, quantity in leaves.items()}
    if femto is None or not prices:
        return [Item(_name(meter), quantity, None, None) for meter, quantity in quantities.items() if quantity]
    costs = {meter: quantity * prices.get(meter, 0) for meter, quantity in quantities.items()}
    shared = shares(costs, femto)
    whole = sum(costs.values())
    factor = Fraction(femto) / whole if whole else Fraction(1)
    # The price that was paid: a discount that the record does not hold is in the factor; rounding is not.
    factor = Fraction(1) if abs(factor - 1) < Fraction(1, 10**9) else factor
    return [
        Item(_name(meter), quantity, shared[meter], prices[meter] * factor if meter in prices else None)
        for meter, quantity in quantities.items()
        if quantity
    ]


def _prices(pricer: Pricer, sample: Any) -> dict[str, Fraction]:
    """Return meter -> femto-dollars a unit, of the meters that a call used."""
    values = list(sample.values()) if isinstance(sample, Mapping) else list(sample)
    record = record_of({name: values[number] for name, number in _NUMBERED.items()})
    return {item.meter: Fraction(item.price) * 10**15 / item.per for item in pricer.line_items(record.call)}


def shares(costs: Mapping[str, Fraction], whole: int) -> dict[str, int]:
    """Return integers in proportion to *costs* that add up to *whole*, by largest remainder."""
    total = sum(costs.values())
    if not total:
        first = next(iter(costs), None)
        return {meter: whole if meter == first else 0 for meter in costs}
    exact = {meter: cost * whole / total for meter, cost in costs.items()}
    found = {meter: value.numerator // value.denominator for meter, value in exact.items()}
    rest = whole - sum(found.values())
    for meter in sorted(exact, key=lambda meter: (found[meter] - exact[meter], meter))[:rest]:
        found[meter] += 1
    return found


def _name(meter: str) -> str:
    return UNCACHED_INPUT if meter == INPUT else meter
