# SPDX-License-Identifier: Apache-2.0
"""What calls cost: spend, tokens and counts by columns and period. Rows add up to the table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from spancost.reports import expressions
from spancost.reports.ask import ask, is_of_sums
from spancost.reports.periods import Period, period_of, rfc3339
from spancost.reports.selection import PERIOD, Selection
from spancost.store import sql
from spancost.store.calls import Engine

ZERO = Decimal(0)
_FEATURE = "feature"
_COUNTS = 5
"""Columns of a row that are plain sums."""


class SpendRow(NamedTuple):
    """Totals of one group. keys: a value for each column asked for, None when it is missing; period: its number.

    cost_usd, list_cost_usd: sums over the calls that have one, None when no call of the group has one.
    """

    period: int | None
    keys: tuple[str | None, ...]
    calls: int
    unpriced_calls: int
    cost_usd: Decimal | None
    list_cost_usd: Decimal | None
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    partial_calls: int
    estimated_calls: int

    def as_json(self, selection: Selection) -> dict[str, Any]:
        """Return the row by the names of its columns; the period is the instant at which it begins."""
        row: dict[str, Any] = {}
        if selection.period is not None and self.period is not None:
            row[PERIOD] = rfc3339(selection.period.start(self.period))
        row.update(zip(selection.names, self.keys, strict=True))
        row.update(zip(self._fields[2:], self[2:], strict=True))
        return row


def spend(engine: Engine, selection: Selection) -> list[SpendRow]:
    """Return a row for each group, by period, then the most expensive first."""
    rows = []
    number = len(selection.keys)
    for values in ask(engine, selection, expressions.SPEND):
        keys, totals = list(values[:number]), values[number:]
        period = int(keys.pop(0)) if selection.period else None
        calls, unpriced, cost, list_cost, *counts = totals
        if calls:
            counted = (int(count or 0) for count in counts)
            rows.append(SpendRow(period, tuple(keys), int(calls), int(unpriced or 0), cost, list_cost, *counted))
    return sorted(rows, key=_order)


def _order(row: SpendRow) -> tuple[int, Decimal, int, tuple[tuple[bool, str], ...]]:
    keys = tuple((key is None, key or "") for key in row.keys)
    return (row.period or 0, -(row.cost_usd or ZERO), -row.calls, keys)


def total(rows: list[SpendRow]) -> SpendRow:
    """Return the sum of *rows*."""
    costs = [row.cost_usd for row in rows if row.cost_usd is not None]
    lists = [row.list_cost_usd for row in rows if row.list_cost_usd is not None]
    counts = [sum(column) for column in zip(*(row[6:] for row in rows), strict=True)] or [0] * _COUNTS
    return SpendRow(
        None,
        (),
        sum(row.calls for row in rows),
        sum(row.unpriced_calls for row in rows),
        sum(costs, ZERO) if costs else None,
        sum(lists, ZERO) if lists else None,
        *counts,
    )


class Coverage(NamedTuple):
    """How much of the selected calls is known: numbers of calls, and the money of those without a feature."""

    calls: int
    unpriced: int
    partial: int
    estimated: int
    untagged: int
    cost_usd: Decimal
    untagged_cost_usd: Decimal


def coverage(engine: Engine, selection: Selection) -> Coverage:
    """Return the counts of unpriced, partial, estimated and untagged calls (without `app.feature`)."""
    plain = selection._replace(by=(), names=(), period=None)
    (values,) = ask(engine, plain, expressions.COVERAGE)
    calls, unpriced, partial, estimated, untagged, cost, untagged_cost = values
    counts = [int(count or 0) for count in (calls, unpriced, partial, estimated, untagged)]
    return Coverage._make((*counts, cost or ZERO, untagged_cost or ZERO))


def coverage_of(rows: list[SpendRow], selection: Selection) -> Coverage | None:
    """Return what `coverage` does from the rows of *selection*, without another query; None when it has no features."""
    if _FEATURE not in selection.by:
        return None
    at = selection.by.index(_FEATURE)
    whole = total(rows)
    untagged = total([row for row in rows if row.keys[at] is None])
    counts = whole.calls, whole.unpriced_calls, whole.partial_calls, whole.estimated_calls, untagged.calls
    return Coverage._make((*counts, whole.cost_usd or ZERO, untagged.cost_usd or ZERO))


def with_period(engine: Engine, selection: Selection, unit: str, zone: str) -> Selection:
    """Return *selection* grouped by a period of a zone too."""
    first, last = range_of(engine, selection) or (0, 0)
    return selection._replace(period=period_of(unit, zone, first, last))


def range_of(engine: Engine, selection: Selection) -> tuple[int, int] | None:
    """Return the first and the last start of the selected calls in nanoseconds, None when there is no call."""
    table, number, first, last = "calls", "count(*)", "started_at", "started_at"
    if is_of_sums(engine, selection._replace(by=(), period=None)):
        table, number, first, last = "sums", "sum(calls)", "first_at", "last_at"
    begin, end = (sql.nanoseconds(column, engine.dialect) for column in (first, last))
    where = selection.condition(engine.dialect)
    (found,) = engine.rows(f"SELECT {number}, min({begin}), max({end}) FROM {table}{where}")
    return (int(found[1]), int(found[2])) if found[0] else None


__all__ = ["Coverage", "Period", "SpendRow", "coverage", "coverage_of", "range_of", "spend", "total", "with_period"]
