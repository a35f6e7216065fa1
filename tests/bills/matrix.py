# SPDX-License-Identifier: Apache-2.0
"""Every form of bill with every injected difference: each dollar lands in its class, and nothing else moves.

A form that cannot say something (a usage report has no dollars, a cost report no tokens) has the class that is left.
`make test-bills` runs this file; `make test` runs every fourth pair of it (test_matrix.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import spancost
from spancost.bills.described import forms
from spancost.bills.reader import read_bill
from tests.bills.layouts import LAYOUTS, METERS, UNCACHED, Layout, Line, written
from tests.bills.month import FIRST, MonthCall, month, spans_file
from tests.bills.test_reconcile import answered, dollars

ZERO = Fraction(0)
Classes = dict[tuple[str, "str | None"], Fraction]
NOON = FIRST.replace(day=3, hour=12)


@cache
def rates(provider: str, model: str, tier: str) -> dict[str, Fraction]:
    """Return USD a token by meter."""
    usage = {"input_tokens": 3, "cache_read_tokens": 1, "output_tokens": 1}
    cost = spancost.price(provider=provider, model=model, usage=usage, at=FIRST, batch=tier == "batch")
    names = {"input_tokens": UNCACHED}
    return {names.get(item.meter, item.meter): Fraction(item.price) / item.per for item in cost.line_items}


class Month(NamedTuple):
    """What happened: the calls that were made, and the calls that spans report; how the bill differs from the calls."""

    made: list[MonthCall]
    seen: list[MonthCall]
    factor: Callable[[MonthCall], Fraction] = lambda call: Fraction(1)
    digits: int | None = None


def quantities(call: MonthCall) -> dict[str, int]:
    return dict(zip(METERS, call.quantities(), strict=True))


def amount(layout: Layout, call: MonthCall, meter: str) -> Fraction:
    """Return the dollars of a meter of a call."""
    return quantities(call)[meter] * rates(layout.provider, call.model, call.tier)[meter]


def cost(layout: Layout, calls: Iterable[MonthCall]) -> Fraction:
    return sum((amount(layout, call, meter) for call in calls for meter in METERS), ZERO)


def bill(layout: Layout, happened: Month) -> list[Line]:
    """Return the cells of the bill, by day, model, meter and tier, those of nothing left out."""
    found: dict[tuple[object, ...], Line] = {}
    for call in happened.made:
        day = call.at.replace(hour=0, minute=0, second=0)
        for meter, quantity in quantities(call).items():
            price = happened.factor(call) if "{price}" in layout.row.values() else None
            key = (day, call.model, meter, call.tier, price)  # where the price is on the row, two prices are two rows
            held = found.get(key, Line(day, call.model, meter, call.tier, ZERO, ZERO, 0))
            more = amount(layout, call, meter) * happened.factor(call)
            found[key] = held._replace(
                quantity=held.quantity + quantity, amount=held.amount + more, requests=held.requests + 1
            )
    lines = [found[key] for key in sorted(found, key=str) if found[key].quantity]
    return [line._replace(amount=rounded(line.amount, happened.digits)) for line in lines]


def rounded(value: Fraction, digits: int | None) -> Fraction:
    if digits is None:
        return value
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return Fraction(exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN))


def calls_of(layout: Layout) -> list[MonthCall]:
    calls = month(models=tuple(layout.models))
    if forms().by_id(layout.form).rounded:  # amounts above the unit of rounding
        calls = [
            call._replace(input=call.input * 20, cached=call.cached * 20, output=call.output * 20) for call in calls
        ]
    if "embedding" in layout.form:
        return [call._replace(cached=0, output=0) for call in calls]
    return calls


def the_same(layout: Layout) -> tuple[Month, Classes]:
    calls = calls_of(layout)
    return Month(calls, calls), {}


def not_instrumented(layout: Layout) -> tuple[Month, Classes]:
    calls = calls_of(layout)
    seen = [call for call in calls if call.service == "shop"]
    missing = cost(layout, [call for call in calls if call.service != "shop"])
    return Month(calls, seen), {("quantity", "not_instrumented"): missing}


def duplicated(layout: Layout) -> tuple[Month, Classes]:
    calls = calls_of(layout)
    again = calls[3:20:4]
    return Month(calls, calls + again), {("quantity", "duplicated"): -cost(layout, again)}


def retried(layout: Layout) -> tuple[Month, Classes]:
    calls = calls_of(layout)
    lost = calls[5]
    failed = lost._replace(input=0, cached=0, output=0, failed=True)
    seen = [*(call for call in calls if call is not lost), failed]
    return Month(calls, seen), {("quantity", "retried"): cost(layout, [lost])}


def cache_split(layout: Layout) -> tuple[Month, Classes]:
    calls = calls_of(layout)
    blind = [call._replace(cached=0) for call in calls]
    return Month(calls, blind), {("quantity", "cache_split"): cost(layout, calls) - cost(layout, blind)}


def price_at_noon(layout: Layout) -> tuple[Month, Classes]:
    """One model costs a fifth more from noon of the third day."""
    calls = calls_of(layout)
    model = next(iter(layout.models))
    later = [call for call in calls if call.model == model and call.at >= NOON]
    spread = [call._replace(at=call.at.replace(hour=1 + number % 12 * 2)) for number, call in enumerate(calls)]
    later = [call for call in spread if call.model == model and call.at >= NOON]
    happened = Month(
        spread, spread, lambda call: Fraction(6, 5) if call.model == model and call.at >= NOON else Fraction(1)
    )
    return happened, {("rate", None): cost(layout, later) / 5}


def tier_moved(layout: Layout) -> tuple[Month, Classes]:
    """A part of one model's calls of one day was served in the batch tier; the spans do not say so."""
    calls = calls_of(layout)
    model = next(iter(layout.models))
    served = [
        call._replace(tier="batch") if call.at.day == 3 and call.model == model and index % 4 else call
        for index, call in enumerate(calls)
    ]
    assert any(call.tier for call in served)
    return Month(served, calls), {("quantity", "tier_moved"): cost(layout, served) - cost(layout, calls)}


def rounded_amounts(layout: Layout) -> tuple[Month, Classes]:
    calls = calls_of(layout)
    digits = 2 if forms().by_id(layout.form).rounded else 9
    happened = Month(calls, calls, digits=digits)
    return happened, {
        ("matched", None): sum((line.amount for line in bill(layout, happened)), ZERO) - cost(layout, calls)
    }


def cents_as_dollars(layout: Layout) -> tuple[Month, Classes]:
    calls = calls_of(layout)
    return Month(calls, calls, lambda call: Fraction(100)), {("unit_slip", None): cost(layout, calls) * 99}


Inject = Callable[[Layout], tuple[Month, Classes]]
OF_QUANTITIES = (the_same, not_instrumented, duplicated, retried, cache_split, tier_moved)
OF_AMOUNTS = (price_at_noon, rounded_amounts, cents_as_dollars)


def pairs() -> list[tuple[Layout, Inject]]:
    found = []
    for layout in LAYOUTS:
        for inject in (*OF_QUANTITIES, *(OF_AMOUNTS if layout.has_amount else ())):
            if inject is tier_moved and "batch" not in layout.tiers:
                continue  # the form has no tiers: a batch is another price of the same line
            if inject is rounded_amounts and layout.form == "deepseek_amount":
                continue  # the form has a price instead of an amount
            if inject is cache_split and not layout.has_cached:
                continue  # the form does not tell cached input
            found.append((layout, inject))
    return found


def name_of(each: object) -> str:
    """Return the form of a layout, or the name of a difference."""
    return each.form if isinstance(each, Layout) else getattr(each, "__name__", "")


@pytest.mark.parametrize(("layout", "inject"), pairs(), ids=name_of)
def test_each_dollar_lands_in_its_class(layout: Layout, inject: Inject, tmp_path: Path) -> None:
    check(layout, inject, tmp_path)


def check(layout: Layout, inject: Inject, tmp_path: Path) -> None:
    """Reconcile the month of a difference with its bill in a form, and compare the dollars by class."""
    happened, expected = inject(layout)
    path = tmp_path / ("bill.json" if layout.is_json else "bill.csv")
    path.write_text(written(layout, bill(layout, happened)), encoding="utf-8")
    assert {each.source for each in read_bill(path)} == {layout.form}
    operation = "embeddings" if "embedding" in layout.form else "chat"
    spans = spans_file(tmp_path / "s.jsonl", happened.seen, layout.provider, operation)
    rows, summary = answered(spans, path, options=("--as-of", "2027-01-01T00:00:00Z"))
    found = dollars(rows)
    if forms().by_id(layout.form).rounded and len(expected) == 1 and inject is not rounded_amounts:
        (name,) = expected  # what is smaller than the unit of rounding is no finding
        others = [found.pop(other) for other in list(found) if other != name]
        assert sum(map(abs, others), ZERO) <= len(rows) * Fraction(1, 200)
        found[name] += sum(others, ZERO)
    assert found == {key: usd for key, usd in expected.items() if usd}
    assert sum(dollars(rows).values(), ZERO) == Fraction(summary["difference_usd"])
