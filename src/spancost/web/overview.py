# SPDX-License-Identifier: Apache-2.0
"""The data of the overview: spend over time, by columns, what has no price and why; then traces and outcomes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from spancost.diagnose.doctor.fixes import fix, meaning
from spancost.reports.outcomes import outcomes
from spancost.reports.periods import DAY, HOUR, instant_text
from spancost.reports.selection import GROUPS, Selection
from spancost.reports.spend import SpendRow, coverage, range_of, spend, total, with_period
from spancost.reports.top import TRACES, top
from spancost.store.calls import Engine

STACKED_BY = ("feature", "model", "environment", "workspace_id", "team", "service", "provider", "status")
TABLES = ("feature", "model", "environment", "workspace_id")
SERIES = 8
"""Groups of the chart that have a colour of their own; the rest is one more."""
ROWS = 50
OTHER = "other"
_HOURS_SHOWN = 96 * 3_600 * 10**9
"""Longest range, in nanoseconds, that is shown by the hour."""
_ZERO = Decimal(0)


def overview(engine: Engine, selection: Selection, by: str, zone: str = "UTC") -> dict[str, Any]:
    """Return what the overview shows at once. Money is exact decimal text."""
    found = range_of(engine, selection)
    if found is None:
        return {"calls": 0, "columns": list(STACKED_BY)}
    known = coverage(engine, selection)
    whole = total(spend(engine, selection))
    return {
        "calls": whole.calls,
        "columns": list(STACKED_BY),
        "first": instant_text(found[0]),
        "last": instant_text(found[1]),
        "totals": _totals(whole),
        "coverage": {
            "calls": known.calls,
            "unpriced": known.unpriced,
            "partial": known.partial,
            "estimated": known.estimated,
            "untagged": known.untagged,
            "untagged_cost_usd": _usd(known.untagged_cost_usd),
        },
        "chart": chart(engine, selection, by, zone, found),
        "tables": {name: _table(engine, selection, name) for name in TABLES},
        "unpriced": _unpriced(engine, selection),
    }


def works(engine: Engine, selection: Selection) -> dict[str, Any]:
    """Return the most expensive traces and the cost per success, which are asked of each call."""
    return {
        "traces": [_trace(row.as_json()) for row in top(engine, selection, TRACES, 20)],
        "outcomes": _outcomes(engine, selection),
    }


def chart(engine: Engine, selection: Selection, by: str, zone: str, found: tuple[int, int]) -> dict[str, Any]:
    """Return spend by hour or day, stacked by a column: the groups with the highest cost, and the rest as one."""
    unit = HOUR if found[1] - found[0] <= _HOURS_SHOWN else DAY
    grouped = selection._replace(by=(by,), names=(by,))
    largest = [row.keys[0] for row in spend(engine, grouped)[:SERIES]]
    timed = with_period(engine, grouped, unit, zone)
    period = timed.period
    assert period is not None
    cells: dict[tuple[int, int], Decimal] = {}
    counts: dict[int, int] = {}
    for row in spend(engine, timed):
        series = largest.index(row.keys[0]) if row.keys[0] in largest else SERIES
        at = row.period or 0
        cells[at, series] = cells.get((at, series), _ZERO) + (row.cost_usd or _ZERO)
        counts[at] = counts.get(at, 0) + row.calls
    first, last = min(counts), max(counts)
    numbers = range(first, last + 1)
    has_rest = any(series == SERIES for _, series in cells)
    return {
        "unit": unit,
        "by": by,
        "starts": [period.start(number).isoformat().replace("+00:00", "Z") for number in (*numbers, last + 1)],
        "labels": [period.label(number) for number in numbers],
        "calls": [counts.get(number, 0) for number in numbers],
        "series": [
            {
                "key": OTHER if series == SERIES else largest[series],
                "is_rest": series == SERIES,
                "costs": [_usd(cells.get((number, series), _ZERO)) for number in numbers],
            }
            for series in (*range(len(largest)), *((SERIES,) if has_rest else ()))
        ],
    }


def _table(engine: Engine, selection: Selection, column: str) -> list[dict[str, Any]]:
    rows = spend(engine, selection._replace(by=(column,), names=(column,)))
    return [{"key": row.keys[0], **_totals(row)} for row in rows[:ROWS]]


def _totals(row: SpendRow) -> dict[str, Any]:
    return {
        "cost_usd": _usd(row.cost_usd),
        "list_cost_usd": _usd(row.list_cost_usd),
        "calls": row.calls,
        "unpriced": row.unpriced_calls,
        "input": row.input_tokens,
        "cached": row.cached_input_tokens,
        "output": row.output_tokens,
    }


def _outcomes(engine: Engine, selection: Selection) -> list[dict[str, Any]]:
    """Return cost per success by feature, of features that record outcomes."""
    asked = selection._replace(by=("feature",), names=("feature",))
    found = [row.as_json(asked, None) for row in outcomes(engine, asked)]
    return [
        {name: _usd(value) if isinstance(value, Decimal) else value for name, value in row.items()}
        for row in found
        if row.get("successes")
    ][:ROWS]


def _trace(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _usd(value) if isinstance(value, Decimal) else value for name, value in row.items()}


def _unpriced(engine: Engine, selection: Selection) -> list[dict[str, Any]]:
    """Return the calls without a cost by reason, provider and model, with what helps."""
    where = {**selection.where, "status": ("unpriced",)}
    names = ("reason", "provider", "model")
    rows = spend(engine, selection._replace(by=names, names=names, where=where))
    return [
        {
            "reason": reason,
            "provider": provider,
            "model": model,
            "calls": row.calls,
            "meaning": meaning(reason or ""),
            "remedy": fix(reason or "", provider, model),
        }
        for row in rows[:ROWS]
        for reason, provider, model in (row.keys,)
    ]


def _usd(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def is_column(name: str) -> bool:
    """Return whether the chart can be stacked by this column."""
    return name in GROUPS or name.startswith("app.")
