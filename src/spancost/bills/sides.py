# SPDX-License-Identifier: Apache-2.0
"""Both sides of a reconciliation on the grain that the bill has: day, provider, model, meter, tier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from typing import NamedTuple

from spancost.bills.line import FEE, USAGE, Bill, BillError, BillLine
from spancost.config.model_names import family_of
from spancost.store.meter_totals import UNCACHED_INPUT, Group

FEMTO = 10**15
ALL = "all"
REQUESTS = "requests"
_COUNTED = ("searches", "executions", "sessions")
"""Ends of the names of meters that a bill has without a model."""
_WRITES = tuple(f"cache_write_{life}_tokens" for life in ("5m", "1h", "30m", "12h"))
INPUT_PARTS = (UNCACHED_INPUT, "cache_read_tokens", "cache_write_tokens", *_WRITES)
# Where a bill has no line for a part, it is in the meter that includes it.
_PARENTS = {
    **dict.fromkeys(_WRITES, "cache_write_tokens"),
    "reasoning_tokens": "output_tokens",
    **{f"output_{kind}_tokens": "output_tokens" for kind in ("audio", "image", "video")},
    **{f"input_{kind}_tokens": UNCACHED_INPUT for kind in ("audio", "image", "video")},
    **{f"cache_read_{kind}_tokens": "cache_read_tokens" for kind in ("audio", "image")},
}
# What a write without a lifetime is, where the bill tells lifetimes apart.
_USUAL_WRITE = {"openai": "cache_write_30m_tokens", "azure.ai.openai": "cache_write_30m_tokens"}


class Key(NamedTuple):
    """What is compared. model: the family; meter: a part apart from others, or `all`; tier: "" for the usual one."""

    day: date
    provider: str
    model: str
    meter: str
    tier: str


class Side(NamedTuple):
    """One side of a key. quantity, usd: None when the side has none; rows: lines of the bill."""

    quantity: Fraction | None = None
    usd: Fraction | None = None
    rows: int = 0
    unpriced: Fraction = Fraction(0)

    def plus(self, other: Side) -> Side:
        """Return the sum of two sides."""
        return Side(
            _sum(self.quantity, other.quantity), _sum(self.usd, other.usd), self.rows + other.rows,
            self.unpriced + other.unpriced,
        )  # fmt: skip


class Counts(NamedTuple):
    """Calls of a day, provider and model in the spans: all, and those that failed."""

    calls: int = 0
    failed: int = 0


def bill_sides(bills: Iterable[Bill]) -> tuple[dict[Key, Side], list[BillLine]]:
    """Return the bill by key, and the lines that are not usage of a model: fees, credits, taxes, unknown ones.

    BillError for an amount in another currency, and for two sources that state the same money or quantity.
    """
    sides: dict[Key, Side] = {}
    stated: dict[tuple[object, ...], Bill] = {}
    others: list[BillLine] = []
    for bill in bills:
        for line in bill.lines:
            if line.amount is not None and line.currency != "USD":
                raise BillError(f"{bill.path}, row {line.row}: found an amount in {line.currency}; expected USD")
            is_fee = line.category in (USAGE, FEE) and line.meter is not None and line.meter.endswith(_COUNTED)
            is_usage = is_fee or (line.category == USAGE and line.model is not None)
            if line.mapped_by is None or not line.provider or not is_usage:
                others.append(line)
                continue
            key = Key(line.start.date(), line.provider, line.model or "", line.meter or ALL, line.tier or "")
            if line.amount is not None:
                _refuse_second(stated.setdefault((key.day, key.provider, key.model), bill), bill)
            if line.quantity is not None:
                _refuse_second(stated.setdefault(key, bill), bill)
            sides[key] = sides.get(key, Side()).plus(Side(line.quantity, line.amount, line.rows))
    return sides, others


def _refuse_second(first: Bill, bill: Bill) -> None:
    """Raise BillError when *bill* states what *first*, of another source, has stated: it would count twice."""
    if first.source != bill.source:
        raise BillError(
            f"{bill.path}: found usage of a day and model that {first.path} ({first.source}) has, too; expected one of "
            "the two reports"
        )


def our_sides(
    groups: Iterable[Group], bill: Mapping[Key, Side], periods: Mapping[date, date]
) -> tuple[dict[Key, Side], dict[tuple[date, str, str], Counts]]:
    """Return the calls by key, on the grain of *bill*, and how many calls there were.

    The first key of a group is the number of its day; *periods* are those of the bill that are longer than a day.
    """
    sides: dict[Key, Side] = {}
    counts: dict[tuple[date, str, str], Counts] = {}
    meters: dict[tuple[str, str], set[str]] = {}
    tiers: dict[tuple[str, str], set[str]] = {}
    for key in bill:
        meters.setdefault((key.provider, key.model), set()).add(key.meter)
        tiers.setdefault((key.provider, key.model), set()).add(key.tier)
    for group in groups:
        day = date(1970, 1, 1) + timedelta(days=int(group.keys[0]))
        day = periods.get(day, day)
        provider, model = group.provider or "", family_of(group.model or "")
        known, some_tiers = meters.get((provider, model), set()), tiers.get((provider, model), set())
        tier = (group.tier or "") if some_tiers - {""} or not some_tiers else ""
        tier = "" if tier in ("default", "standard") else tier
        held = counts.get((day, provider, model), Counts())
        counts[day, provider, model] = Counts(held.calls + group.calls, held.failed + group.failed)
        for item in group.items:
            meter = _meter(item.meter, provider, known)
            place = "" if meter not in known and meter in meters.get((provider, ""), set()) else model
            unknown = item.quantity if item.femto is None else Fraction(0)
            usd = None if item.femto is None else Fraction(item.femto, FEMTO)
            side = Side(item.quantity, usd, 0, unknown)
            _add(sides, Key(day, provider, place, meter, tier if place else ""), side)
            if ALL in known:
                _add(sides, Key(day, provider, model, ALL, tier), Side(None, usd, 0, unknown))
        if REQUESTS in known:
            _add(sides, Key(day, provider, model, REQUESTS, tier), Side(Fraction(group.calls)))
    if any(ALL in held for held in meters.values()):
        # The amount stands on the row of everything, so that the parts have quantities only.
        for key, side in list(sides.items()):
            if ALL in meters.get((key.provider, key.model), ()) and key.meter != ALL:
                sides[key] = side._replace(usd=None)
    return sides, counts


def _add(sides: dict[Key, Side], key: Key, side: Side) -> None:
    held = sides.get(key)
    sides[key] = side if held is None else held.plus(side)


def _meter(meter: str, provider: str, known: set[str]) -> str:
    """Return the meter under which a bill with the meters *known* has *meter*."""
    if meter in known:
        return meter
    if "input_tokens" in known and meter in (*INPUT_PARTS, *(m for m, p in _PARENTS.items() if p in INPUT_PARTS)):
        return "input_tokens"
    if meter == "cache_write_tokens" and known.intersection(_WRITES):
        usual = _USUAL_WRITE.get(provider, "cache_write_5m_tokens")
        return usual if usual in known else meter
    parent = _PARENTS.get(meter)
    return meter if parent is None or not known - {ALL, REQUESTS} else _meter(parent, provider, known)


def periods_of(bills: Iterable[Bill]) -> dict[date, date]:
    """Return day -> first day of the period of the bill that it lies in, for lines of more than a day."""
    found: dict[date, date] = {}
    for bill in bills:
        for bucket in bill.buckets:
            days = (bucket.end - bucket.start) // timedelta(days=1)
            for number in range(days if days > 1 else 0):
                found[bucket.start.date() + timedelta(days=number)] = bucket.start.date()
    return found


def _sum(one: Fraction | None, two: Fraction | None) -> Fraction | None:
    if one is None or two is None:
        return two if one is None else one
    return one + two


def settled_until(bills: Iterable[Bill], now: datetime) -> date:
    """Return the first day that the slowest of the sources may still change at *now*."""
    lag = max((bill.lag_hours for bill in bills), default=24)
    return (now.astimezone(timezone.utc) - timedelta(hours=lag)).date()
