# SPDX-License-Identifier: Apache-2.0
"""Compares calls with the bills of their providers: each difference with its class and its dollars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from spancost.bills.classify import Facts, classified, days_beyond
from spancost.bills.difference import MATCHED, ONLY_ON_BILL, OPEN, Difference
from spancost.bills.line import Bill, BillError, BillLine
from spancost.bills.literal import decimal_text
from spancost.bills.prices import DAY_NS, card_prices, valued
from spancost.bills.sides import ALL, REQUESTS, Key, Side, bill_sides, our_sides, periods_of, settled_until
from spancost.config.model_names import family_of
from spancost.reports.selection import Selection
from spancost.reports.spend import range_of
from spancost.store import sql
from spancost.store.calls import Engine
from spancost.store.meter_totals import meter_totals
from spancost.store.pricing_choice import PricingChoice

ZERO = Fraction(0)
_EPOCH = date(1970, 1, 1)


class Coverage(NamedTuple):
    """Tokens of a provider's model in the spans and on the bill, settled days only."""

    provider: str
    model: str
    ours: Fraction
    bill: Fraction


class Reconciliation(NamedTuple):
    """All differences, and what they come to.

    Attributes:
        rows: the differences, the largest dollars first.
        coverage: tokens by provider and model.
        bill_usd, ours_usd: both sides in all.
        open_from: first day that the source may still change.
        first, until: days that the bill covers, the last one excluded.
        valued: providers of which the bill has quantities only: they count at the prices of the spans, else the card's.
    """

    rows: tuple[Difference, ...]
    coverage: tuple[Coverage, ...]
    bill_usd: Fraction
    ours_usd: Fraction
    open_from: date
    first: date
    until: date
    valued: tuple[str, ...] = ()

    @property
    def unexplained_usd(self) -> Fraction:
        """Return the dollars, whatever their sign, of settled rows whose cause is not known."""
        return sum((abs(row.usd) for row in self.rows if _is_unexplained(row)), ZERO)

    @property
    def differing_usd(self) -> Fraction:
        """Return the dollars, whatever their sign, of all settled rows that differ."""
        return sum((abs(row.usd) for row in self.rows if row.name not in (MATCHED, OPEN)), ZERO)

    def summary(self) -> dict[str, Any]:
        """Return the last row of the answer."""
        by_class: dict[str, Fraction] = {}
        for row in self.rows:
            by_class[row.name] = by_class.get(row.name, ZERO) + row.usd
        ours = sum((each.ours for each in self.coverage), ZERO)
        billed = sum((each.bill for each in self.coverage), ZERO)
        return {
            "class": "summary",
            "bill_usd": decimal_text(self.bill_usd),
            "ours_usd": decimal_text(self.ours_usd),
            "difference_usd": decimal_text(self.bill_usd - self.ours_usd),
            "by_class": {name: decimal_text(usd) for name, usd in sorted(by_class.items())},
            "differing_usd": decimal_text(self.differing_usd),
            "unexplained_usd": decimal_text(self.unexplained_usd),
            "coverage": None if not billed else f"{float(ours / billed):.6f}",
            "models": [
                {
                    "provider": each.provider,
                    "model": each.model,
                    "ours_tokens": decimal_text(each.ours),
                    "bill_tokens": decimal_text(each.bill),
                    "coverage": f"{float(each.ours / each.bill):.6f}" if each.bill else None,
                }
                for each in self.coverage
            ],
            "settled_until": self.open_from.isoformat(),
            "since": self.first.isoformat(),
            "until": self.until.isoformat(),
            "valued": list(self.valued),
        }


def reconcile(
    engine: Engine, bills: Sequence[Bill], selection: Selection, choice: PricingChoice, now: datetime
) -> Reconciliation:
    """Return the differences between the selected calls and *bills*; BillError when they have nothing in common."""
    sides, others = bill_sides(bills)
    first, until = _covered(bills)
    providers = sorted({key.provider for key in sides} | {line.provider for line in others if line.provider})
    narrowed = _narrowed(selection, first, until, providers)
    if range_of(engine, narrowed) is None:
        _refuse(engine, selection, first, until, providers)
    condition = narrowed.condition(engine.dialect)
    day = sql.floor_divided(sql.nanoseconds("started_at", engine.dialect), DAY_NS, engine.dialect)
    groups = list(meter_totals(engine, {"day": day}, condition, choice))
    periods = periods_of(bills)
    ours, counts = our_sides(groups, sides, periods)
    open_from = settled_until(bills, now)
    rounded = max((Fraction(bill.rounded) for bill in bills if bill.rounded), default=ZERO)
    price = card_prices(choice, groups)
    sides, without_usd = valued(sides, ours, price)
    days = days_beyond(sides, ours)
    repeats = _repeats(engine, condition, day, [day for day in _days(first, until) if periods.get(day, day) in days])
    facts = Facts(counts, _by_period(repeats, periods), open_from, rounded, price)
    found = (
        row._replace(bill_usd=None) if row.provider in without_usd else row for row in classified(sides, ours, facts)
    )
    rows = [*found, *map(_other, others)]
    return Reconciliation(
        tuple(sorted(rows, key=lambda row: (-abs(row.usd), row.day or first, str(row)))),
        tuple(_coverage(sides, ours, open_from)),
        sum((side.usd or ZERO for side in sides.values()), sum((line.amount or ZERO for line in others), ZERO)),
        sum((Fraction(group.femto or 0, 10**15) for group in groups), ZERO),
        open_from,
        first,
        until,
        tuple(sorted(without_usd)),
    )


def _is_unexplained(row: Difference) -> bool:
    if row.name in (MATCHED, OPEN):
        return False
    return row.name == "quantity" and row.cause is None


def _covered(bills: Iterable[Bill]) -> tuple[date, date]:
    buckets = [bucket for bill in bills for bucket in bill.buckets]
    if not buckets:
        raise BillError("the bill has no line; expected at least one day")
    last = max(bucket.end for bucket in buckets)
    return min(bucket.start for bucket in buckets).date(), (last - timedelta(microseconds=1)).date() + timedelta(days=1)


def _narrowed(selection: Selection, first: date, until: date, providers: Sequence[str]) -> Selection:
    """Return *selection* of the days and providers of the bill."""
    since, end = ((each - _EPOCH).days * DAY_NS for each in (first, until))
    held = selection.where.get("provider")
    names = tuple(name for name in providers if held is None or name in held)
    return selection._replace(
        since_ns=max(since, selection.since_ns or since),
        until_ns=min(end, selection.until_ns or end),
        where={**selection.where, "provider": names or ("",)},
    )


def _refuse(engine: Engine, selection: Selection, first: date, until: date, providers: Sequence[str]) -> None:
    """Raise BillError: no call lies in the days and providers of the bill."""
    found = range_of(engine, selection)
    if found is None:
        raise BillError("found no call in the source; expected calls to compare the bill with")
    begin, end = (_EPOCH + timedelta(days=ns // DAY_NS) for ns in found)
    raise BillError(
        f"the bill is of {', '.join(providers) or 'no provider'} from {first} to {until}; found calls from {begin} to "
        f"{end}, none of them in that time and of that provider"
    )


def _days(first: date, until: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((until - first).days))


def _repeats(engine: Engine, condition: str, day: str, days: Sequence[date]) -> Iterator[tuple[date, str, str, int]]:
    """Yield day, provider, model and how many calls of *days* look like copies: the same tokens in the same second.

    The groups are nearly as many as the calls: only days for which it matters are asked for.
    """
    if not days:
        return
    second = sql.floor_divided(sql.nanoseconds("started_at", engine.dialect), 10**9, engine.dialect)
    since, end = (
        sql.instant((each - _EPOCH).days * DAY_NS, engine.dialect) for each in (days[0], days[-1] + timedelta(days=1))
    )
    numbers = ", ".join(str((each - _EPOCH).days) for each in days)
    narrowed = f'{condition} AND "started_at" >= {since} AND "started_at" < {end} AND {day} IN ({numbers})'
    of_second = sql.floor_divided("second", 86_400, engine.dialect)
    query = (
        f"SELECT {of_second} AS day, provider, model, sum(n - 1) FROM (SELECT {second} AS second, provider, model, "
        f"count(*) AS n FROM calls{narrowed} GROUP BY {second}, provider, model, input_tokens, cached_input_tokens, "
        f"output_tokens HAVING count(*) > 1) AS copies GROUP BY {of_second}, provider, model"
    )
    for number, provider, model, copies in engine.rows(query):
        yield _EPOCH + timedelta(days=int(number)), provider or "", family_of(model or ""), int(copies)


def _by_period(
    repeats: Iterable[tuple[date, str, str, int]], periods: Mapping[date, date]
) -> dict[tuple[date, str, str], int]:
    """Return the sums of *repeats* by the period of the bill that their day lies in, provider and model."""
    found: dict[tuple[date, str, str], int] = {}
    for day, provider, model, copies in repeats:
        place = (periods.get(day, day), provider, model)
        found[place] = found.get(place, 0) + copies
    return found


def _other(line: BillLine) -> Difference:
    """Return the row of a line that is no usage of a known model."""
    amount = line.amount or ZERO
    meter = line.meter or (line.text if line.mapped_by is None else line.category)
    cause = None if line.mapped_by is None else line.category
    detail = cause or "no rule knows this line"
    return Difference(
        ONLY_ON_BILL, cause, line.provider, line.model_text, meter, line.tier, line.start.date(), None, line.quantity,
        None, line.amount, amount, detail,
    )  # fmt: skip


def _coverage(bill: Mapping[Key, Side], ours: Mapping[Key, Side], open_from: date) -> list[Coverage]:
    found: dict[tuple[str, str], list[Fraction]] = {}
    for index, side in enumerate((ours, bill)):
        for key, each in side.items():
            is_token = key.meter.endswith("_tokens") and key.meter not in (ALL, REQUESTS)
            if key.day < open_from and is_token and each.quantity is not None and key.model:
                held = found.setdefault((key.provider, key.model), [ZERO, ZERO])
                held[index] += each.quantity
    return [Coverage(provider, model, *sums) for (provider, model), sums in sorted(found.items())]
