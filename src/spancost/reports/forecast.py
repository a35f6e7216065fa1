# SPDX-License-Identifier: Apache-2.0
"""The total of a period that is not over: what is spent so far, exactly, and an interval of the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

from spancost.core.analysis.forecast import Pool, forecast, past_of, point
from spancost.reports.periods import DAY, nanoseconds_of, rfc3339, zone_named
from spancost.reports.selection import Selection
from spancost.reports.spend import SpendRow, range_of, spend, with_period
from spancost.store.calls import Engine

ZERO = Decimal(0)
_NANO = Decimal(1).scaleb(-9)
_TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens")
_EPOCH = date(1970, 1, 1)
Keys = tuple[str | None, ...]
PriceChange = Callable[[Selection, date, date], float]


class Span(NamedTuple):
    """The period of a forecast: days from `since` to `until`, its end excluded; `today` is the first day not over."""

    since: date
    until: date
    today: date


class Row(NamedTuple):
    """A forecast of one group.

    Attributes:
        keys: a value for each column asked for.
        so_far: spent in the period until now, exact.
        expected, low80, high80, low95, high95: the total of the whole period in USD; None for the ends with fewer than
            ten days of history.
        history_days, errors: what the interval rests on.
        price_change: factor that known future prices put on the forecast days.
        tokens: tokens expected in the whole period, by column.
        unpriced_calls: calls in the history without a cost; the forecast leaves them out.
    """

    keys: Keys
    so_far: Decimal
    expected: Decimal
    low80: Decimal | None
    high80: Decimal | None
    low95: Decimal | None
    high95: Decimal | None
    history_days: int
    errors: int
    price_change: float
    tokens: Mapping[str, int]
    unpriced_calls: int


class Days(NamedTuple):
    """Daily figures of one group: day number -> row of the report."""

    rows: dict[int, SpendRow]

    def series(self, first: int, end: int, column: str = "cost_usd") -> list[float]:
        """Return one value a day from *first* to before *end*; 0 for a day without calls."""
        held = (self.rows.get(day) for day in range(first, end))
        return [float(getattr(row, column) or 0) if row else 0.0 for row in held]

    def total(self, first: int, end: int) -> Decimal:
        """Return the exact cost of the days from *first* to before *end*."""
        return sum((row.cost_usd or ZERO for day, row in self.rows.items() if first <= day < end), ZERO)


def span_of(engine: Engine, selection: Selection, until: str, zone: str, as_of: datetime | None) -> Span | None:
    """Return the period that *until* means: `month-end`, a day, or a number of days (`7d`). None without any call.

    *as_of* is the instant that counts as now; by default that of the last call. ValueError for another *until*.
    """
    found = range_of(engine, selection)
    if found is None:
        return None
    last = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=found[1] // 1000)
    today = (as_of or last).astimezone(zone_named(zone)).date()
    if until == "month-end":
        return Span(today.replace(day=1), (today.replace(day=28) + timedelta(days=4)).replace(day=1), today)
    if until.endswith("d") and until[:-1].isdecimal() and 0 < int(until[:-1]) <= 366:
        return Span(today, today + timedelta(days=int(until[:-1])), today)
    try:
        end = date.fromisoformat(until) + timedelta(days=1)
    except ValueError:
        raise ValueError(f"found {until!r}; expected month-end, a day (2026-12-31) or a number of days (7d)") from None
    if end <= today:
        raise ValueError(f"found {until!r}; expected a day not before {today}")
    return Span(today, end, today)


def forecasts(
    engine: Engine, selection: Selection, span: Span, zone: str, price_change: PriceChange
) -> tuple[list[Row], Days]:
    """Return a forecast for each group, the most expensive first, and the days of all groups together.

    *price_change* gives the factor of known future prices for the calls of a selection from one day to before another.
    """
    by_day = with_period(engine, selection, DAY, zone)
    assert by_day.period is not None
    rows = [row for row in spend(engine, by_day) if row.period is not None and row.period <= _number(span.today)]
    groups: dict[Keys, Days] = {}
    for row in rows:
        groups.setdefault(row.keys, Days({})).rows[row.period or 0] = row
    whole = days_of(engine, selection, zone)
    first = min((row.period or 0 for row in rows), default=_number(span.today))
    today, horizon = _number(span.today), (span.until - span.today).days
    pool = _pool([*groups.values(), whole], first, today, horizon)
    found = [
        _row(keys, days, (first, today), span, pool, price_change(_only(selection, keys), span.today, span.until))
        for keys, days in groups.items()
    ]
    return sorted(found, key=lambda row: (-row.expected, [key or "" for key in row.keys])), whole


def days_of(engine: Engine, selection: Selection, zone: str) -> Days:
    """Return the daily figures of the selected calls together."""
    by_day = with_period(engine, selection._replace(by=(), names=()), DAY, zone)
    return Days({row.period or 0: row for row in spend(engine, by_day)})


def _row(keys: Keys, days: Days, history: tuple[int, int], span: Span, pool: Pool | None, price_change: float) -> Row:
    first, today = history
    begin, horizon = _number(span.since), (span.until - span.today).days
    series = days.series(first, today)
    found = forecast(series, horizon, pool)
    settled = days.total(begin, today)
    spent_today = days.total(today, today + 1)

    def whole(part: float | None) -> Decimal | None:
        """What is settled and the forecast days; at least what today has cost already."""
        return None if part is None else settled + max(_decimal(part * price_change), spent_today)

    tokens = {
        column: round(sum(days.series(begin, today, column)) + point(days.series(first, today, column), horizon))
        for column in _TOKENS
    }
    expected = whole(found.median)
    assert expected is not None
    unpriced = sum(row.unpriced_calls for row in days.rows.values())
    low80, high80, low95, high95 = map(whole, (found.low80, found.high80, found.low95, found.high95))
    return Row(
        keys, settled + spent_today, expected, low80, high80, low95, high95, len(series), found.errors, price_change,
        tokens, unpriced,
    )  # fmt: skip


class RunsOut(NamedTuple):
    """The day on which a budget is used up: expected, and the earliest one at 80 %; None when not in the period."""

    expected: date | None
    earliest: date | None


def runs_out(days: Days, span: Span, budget: Decimal, price_change: float) -> RunsOut:
    """Return when the total of the period reaches *budget*."""
    first, today, begin = min(days.rows, default=0), _number(span.today), _number(span.since)
    series, settled = days.series(first, today), days.total(begin, today)
    if settled + days.total(today, today + 1) >= budget:
        return RunsOut(span.today, span.today)
    expected: date | None = None
    earliest: date | None = None
    for horizon in range(1, (span.until - span.today).days + 1):
        made, day = forecast(series, horizon), span.today + timedelta(days=horizon - 1)
        if expected is None and settled + _decimal(made.median * price_change) >= budget:
            expected = day
        if earliest is None and made.high80 is not None and settled + _decimal(made.high80 * price_change) >= budget:
            earliest = day
    return RunsOut(expected, earliest)


def spent_in(engine: Engine, selection: Selection, since: str, until: str) -> Decimal:
    """Return what the selected calls cost between two instants in RFC 3339."""
    begin, end = (nanoseconds_of(datetime.fromisoformat(text.replace("Z", "+00:00"))) for text in (since, until))
    rows = spend(engine, selection._replace(by=(), names=(), period=None, since_ns=begin, until_ns=end))
    return sum((row.cost_usd or ZERO for row in rows), ZERO)


def as_json(row: Row, span: Span, names: Sequence[str], zone: str) -> dict[str, Any]:
    """Return a row by the names of its columns."""
    return {
        **dict(zip(names, row.keys, strict=True)),
        "since": _instant(span.since, zone),
        "until": _instant(span.until, zone),
        "so_far_usd": row.so_far,
        "expected_usd": row.expected,
        "low80_usd": row.low80,
        "high80_usd": row.high80,
        "low95_usd": row.low95,
        "high95_usd": row.high95,
        "history_days": row.history_days,
        "errors": row.errors,
        "price_change": round(row.price_change, 6),
        **row.tokens,
        "unpriced_calls": row.unpriced_calls,
    }


def _pool(groups: Sequence[Days], first: int, today: int, horizon: int) -> Pool | None:
    past = [past_of(days.series(first, today), horizon) for days in groups]
    return Pool(past, horizon) if any(each.errors for each in past) else None


def _only(selection: Selection, keys: Keys) -> Selection:
    """Return *selection* of the calls of one group."""
    where = {**selection.where, **{name: (key,) for name, key in zip(selection.by, keys, strict=True)}}
    return selection._replace(by=(), names=(), where=where)


def _number(day: date) -> int:
    return (day - _EPOCH).days


def _decimal(usd: float) -> Decimal:
    """Return an estimate in USD, rounded to nano-dollars."""
    return Decimal(usd).quantize(_NANO)


def _instant(day: date, zone: str) -> str:
    at = datetime(day.year, day.month, day.day, tzinfo=zone_named(zone))
    return rfc3339(at.astimezone(timezone.utc))
