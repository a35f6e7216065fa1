# SPDX-License-Identifier: Apache-2.0
"""Report definitions as ibis expressions, compiled to the SQL of an engine; the only module that imports ibis.

An expression reads the table `asked`, which `Selection.asked` selects from `calls`. Expressions return sums and counts
only. Ratios and rounding are done in Python on `Decimal`, because engines round them differently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from spancost.reports.selection import PERIOD

_TYPES = {
    "cost_usd": "decimal(38, 15)",
    "list_cost_usd": "decimal(38, 15)",
    "input_tokens": "int64",
    "cached_input_tokens": "int64",
    "output_tokens": "int64",
}


class Question(NamedTuple):
    """A question: its name, the columns of calls that it reads besides its keys, and its totals by name."""

    name: str
    measures: tuple[str, ...]
    totals: Callable[[Any], dict[str, Any]]


def _spend(asked: Any) -> dict[str, Any]:
    return {
        "calls": asked.count(),
        "unpriced_calls": (asked.status == "unpriced").sum(),
        "cost_usd": asked.cost_usd.sum(),
        "list_cost_usd": asked.list_cost_usd.sum(),
        "input_tokens": asked.input_tokens.sum(),
        "cached_input_tokens": asked.cached_input_tokens.sum(),
        "output_tokens": asked.output_tokens.sum(),
        "partial_calls": (asked.status == "partial").sum(),
        "estimated_calls": (asked.status == "estimated").sum(),
    }


def _coverage(asked: Any) -> dict[str, Any]:
    untagged = asked.feature.isnull()
    return {
        "calls": asked.count(),
        "unpriced_calls": (asked.status == "unpriced").sum(),
        "partial_calls": (asked.status == "partial").sum(),
        "estimated_calls": (asked.status == "estimated").sum(),
        "untagged_calls": untagged.sum(),
        "cost_usd": asked.cost_usd.sum(),
        "untagged_cost_usd": asked.cost_usd.sum(where=untagged),
    }


def _units(asked: Any) -> dict[str, Any]:
    is_unpriced = asked.status == "unpriced"
    tokens = asked.input_tokens.fill_null(0) + asked.output_tokens.fill_null(0)
    return {
        "calls": asked.count(),
        "unpriced_calls": is_unpriced.sum(),
        "cost_usd": asked.cost_usd.sum(),
        "unpriced_tokens": tokens.sum(where=is_unpriced),
    }


def _rates(asked: Any) -> dict[str, Any]:
    tokens = asked.input_tokens.fill_null(0) + asked.output_tokens.fill_null(0)
    return {"cost_usd": asked.cost_usd.sum(), "tokens": tokens.sum(where=asked.cost_usd.notnull())}


SPEND = Question(
    "spend",
    ("status", "cost_usd", "list_cost_usd", "input_tokens", "cached_input_tokens", "output_tokens"),
    _spend,
)
COVERAGE = Question("coverage", ("status", "feature", "cost_usd"), _coverage)
UNITS = Question("units", ("status", "cost_usd", "input_tokens", "output_tokens"), _units)
RATES = Question("rates", ("cost_usd", "input_tokens", "output_tokens"), _rates)
QUESTIONS = (SPEND, COVERAGE, UNITS, RATES)


def sql_of(question: Question, keys: Sequence[str], dialect: str) -> str:
    """Return the SQL of *question* by *keys*."""
    return compiled(question, keys, dialect)


def compiled(question: Question, keys: Sequence[str], dialect: str) -> str:
    """Return the SQL that ibis makes of *question* by *keys*."""
    import ibis  # type: ignore[import-untyped]

    types = {key: "int64" if key == PERIOD else "string" for key in keys}
    types.update({name: _TYPES.get(name, "string") for name in question.measures})
    asked: Any = ibis.table(types, name="asked")
    totals = question.totals(asked)
    expression = asked.group_by(list(keys)).agg(**totals) if keys else asked.agg(**totals)
    return str(ibis.to_sql(expression, dialect=dialect))
