# SPDX-License-Identifier: Apache-2.0
"""What stored calls used of each budget at an instant, by the rules that admit calls before they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

from spancost.core.budget.estimate import HighestOf
from spancost.core.budget.limit import ALLOW, CallFacts, Limit, account_of, applies, readable, value_key
from spancost.core.budget.windows import CALENDAR, MONTH, ROLLING, SESSION, SLOTS, TRACE, WEEK, Period, period_at
from spancost.core.money import usd_decimal
from spancost.reports.forecast import Span, days_of, runs_out
from spancost.reports.selection import Selection, column_named, expression
from spancost.reports.spend import spend
from spancost.store import sql
from spancost.store.calls import Engine

ROWS = 5
"""Values of a budget that are shown: those that used most."""
_NOT_STORED = "host"
_WITHIN = {TRACE: "trace_id", SESSION: "session_id"}
_MOST_UNPRICED = 50
"""Models without a price that count by the policy of a budget; calls of further ones count nothing."""
_ZERO = Decimal(0)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Use(NamedTuple):
    """What one value of a budget used until an instant of its period.

    values: of the keys of the budget. key: the same as a store of budgets shows it. account: its name there, without
    the period. within: the trace or the session of such a window. used_usd: the costs of the calls and assumed_usd,
    what calls without a price count by the budget's policy. runs_out: the day on which it is expected to be used up,
    None when not in the period or not known.
    """

    values: tuple[str | None, ...]
    key: str
    account: str
    within: str | None
    calls: int
    unpriced_calls: int
    used_usd: Decimal
    assumed_usd: Decimal
    runs_out: date | None = None


class State(NamedTuple):
    """A budget at an instant.

    values, exhausted: how many values used something of it, and how many all of it. rows: those that used most.
    why_unknown: the reason why stored calls do not tell what was used, else None.
    """

    limit: Limit
    period: Period
    values: int
    exhausted: int
    rows: tuple[Use, ...]
    why_unknown: str | None = None

    @property
    def limit_usd(self) -> Decimal:
        """Return the limit in USD."""
        return usd_decimal(self.limit.femto)


def columns_of(limit: Limit) -> set[str]:
    """Return the columns of calls that a budget is about."""
    return {column_named(key, "budget") for key in (*limit.match, *limit.per) if key != _NOT_STORED}


def state(engine: Engine, limit: Limit, at_ns: int, highest: HighestOf, since_ns: int | None = None) -> State:
    """Return what the calls that began until *at_ns* used of *limit*, in the period that holds *at_ns*.

    since_ns: the begin of the calls whose traces or sessions are looked at, when these are the window.
    highest: the rates at which calls without a price count.
    """
    period = period_at(limit.window, at_ns)
    if _NOT_STORED in limit.match or _NOT_STORED in limit.per:
        return State(limit, period, 0, 0, (), "the host of a call is not stored")
    asked = Selection(since_ns=_begin(limit, period, since_ns), until_ns=at_ns + 1)
    where = _matching(engine, limit, asked)
    if where is None:
        return State(limit, period, 0, 0, ())
    asked = asked._replace(where=where)
    values, exhausted, rows = _uses(engine, limit, asked, highest)
    if rows and not exhausted and limit.window.kind in (WEEK, MONTH):
        first = _with_forecast(engine, limit, period, asked, rows[0])
        rows = (first, *rows[1:])
    return State(limit, period, values, exhausted, rows)


def _begin(limit: Limit, period: Period, since_ns: int | None) -> int | None:
    """Return the first instant that counts, None for the first call."""
    window = limit.window
    if window.kind == ROLLING:
        return period.first_slot * -(-window.length_ns // SLOTS)
    if window.kind in CALENDAR:
        return period.start_ns
    return since_ns if window.kind in _WITHIN else None


def _matching(engine: Engine, limit: Limit, asked: Selection) -> dict[str, tuple[str | None, ...]] | None:
    """Return the conditions of the calls that *limit* is about, None when there is no such call."""
    where: dict[str, tuple[str | None, ...]] = {}
    for key, patterns in limit.match.items():
        column = column_named(key, "match")
        about = limit._replace(match={key: patterns})
        names = [row.keys[0] for row in spend(engine, asked._replace(by=(column,), names=(column,)))]
        where[column] = tuple(name for name in names if name is not None and applies(about, CallFacts({key: name})))
        if not where[column]:
            return None
    return where


def _uses(engine: Engine, limit: Limit, asked: Selection, highest: HighestOf) -> tuple[int, int, tuple[Use, ...]]:
    """Return how many values used something, how many used all, and the values that used most."""
    within = _WITHIN.get(limit.window.kind)
    columns = [column_named(key, "per") for key in limit.per] + ([within] if within else [])
    keys = [f"key_{number}" for number, _ in enumerate(columns)]
    named = [f"{expression(column, engine.dialect)} AS {key}" for column, key in zip(columns, keys, strict=True)]
    counted = _counted(engine, limit, asked, highest)
    totals = (
        "count(*) AS calls, sum(CASE WHEN cost_usd IS NULL THEN 1 ELSE 0 END) AS unpriced_calls, "
        "sum(counted_usd) AS used_usd, sum(CASE WHEN cost_usd IS NULL THEN counted_usd END) AS assumed_usd"
    )
    condition = asked.condition(engine.dialect)
    calls = f"SELECT {', '.join([*named, 'cost_usd', f'{counted} AS counted_usd'])} FROM calls{condition}"
    grouped = f"SELECT {', '.join([*keys, totals])} FROM ({calls}) AS counted"
    grouped += f" GROUP BY {', '.join(keys)}" if keys else ""
    order = ", ".join(["used_usd DESC", "calls DESC", *keys])
    is_exhausted = f"used_usd >= {sql.usd(usd_decimal(limit.femto), engine.dialect)}"
    rows = engine.rows(
        f"SELECT *, count(*) OVER () AS number, sum(CASE WHEN {is_exhausted} THEN 1 ELSE 0 END) OVER () AS exhausted "
        f"FROM ({grouped}) AS used WHERE calls > 0 ORDER BY {order} LIMIT {ROWS}"
    )
    uses = tuple(_use(limit, row[: len(keys)], row[len(keys) : -2]) for row in rows)
    return (int(rows[0][-2]), int(rows[0][-1]), uses) if rows else (0, 0, ())


def _use(limit: Limit, values: Sequence[str | None], totals: Sequence[Any]) -> Use:
    calls, unpriced, used, assumed = totals
    facts = {key: value for key, value in zip(limit.per, values, strict=False) if value}
    within = values[-1] if limit.window.kind in _WITHIN else None
    key = value_key(limit, CallFacts(facts, within, within)) or ""
    counts = int(calls), int(unpriced or 0)
    own = tuple(values[: len(limit.per)])
    return Use(own, readable(key), account_of(limit, key), within, *counts, used or _ZERO, assumed or _ZERO)


def _counted(engine: Engine, limit: Limit, asked: Selection, highest: HighestOf) -> str:
    """Return the SQL of what a call counts: its cost; without one, its tokens at the highest rates of its provider."""
    if limit.unknown_price == ALLOW:
        return "cost_usd"
    names = ("provider", "model")
    where = {**asked.where, "status": ("unpriced",)}
    cases = ["WHEN cost_usd IS NOT NULL THEN cost_usd"]
    for row in spend(engine, asked._replace(by=names, names=names, where=where))[:_MOST_UNPRICED]:
        rates = highest(row.keys[0] or "", row.keys[1] or "")
        is_model = " AND ".join(
            f"{name} IS NULL" if key is None else f"{name} = {sql.text(key, engine.dialect)}"
            for name, key in zip(names, row.keys, strict=True)
        )
        cost = " + ".join(
            f"coalesce({tokens}, 0) * {sql.usd(usd_decimal(rate), engine.dialect, 18)}"
            for tokens, rate in zip(("input_tokens", "output_tokens"), rates, strict=True)
        )
        cases.append(f"WHEN {is_model} THEN {cost}")
    return f"CASE {' '.join(cases)} END"


def _with_forecast(engine: Engine, limit: Limit, period: Period, asked: Selection, use: Use) -> Use:
    """Return *use* with the day on which it is expected to be used up, by the forecast of `spancost forecast`."""
    assert period.end_ns is not None and asked.until_ns is not None
    zone = limit.window.zone
    span = Span(*(_day(at_ns, zone) for at_ns in (period.start_ns, period.end_ns, asked.until_ns - 1)))
    where = {column_named(key, "per"): (value,) for key, value in zip(limit.per, use.values, strict=True)}
    days = days_of(engine, asked._replace(since_ns=None, where={**asked.where, **where}), str(zone))
    return use._replace(runs_out=runs_out(days, span, usd_decimal(limit.femto), 1.0).expected)


def _day(at_ns: int, zone: tzinfo) -> date:
    return (_EPOCH + timedelta(seconds=at_ns // 10**9)).astimezone(zone).date()
