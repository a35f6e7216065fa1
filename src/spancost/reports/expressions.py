# SPDX-License-Identifier: Apache-2.0
"""Report definitions as ibis expressions, compiled to the SQL of an engine; the only module that imports ibis.

An expression reads the table `asked`, which `Selection.asked` selects from `calls`. Expressions return sums and counts
only. Ratios and rounding are done in Python on `Decimal`, because engines round them differently.

The SQL of every question by up to four columns is compiled ahead (`semconv/compiled/questions.json`, written by
tools/generate_docs.py), because ibis takes most of a second to load.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from spancost.config import data
from spancost.reports.selection import PERIOD
from spancost.store.sql import CLICKHOUSE

COMPILED = "semconv/compiled/questions.json"
MOST_KEYS = 4
"""Columns of a question that is compiled ahead."""
DIALECTS = ("duckdb", "clickhouse")
_TYPES = {
    "cost_usd": "decimal(38, 15)",
    "list_cost_usd": "decimal(38, 15)",
    "input_tokens": "int64",
    "cached_input_tokens": "int64",
    "output_tokens": "int64",
    "calls": "int64",
}


class Question(NamedTuple):
    """A question: its name, the columns of calls that it reads besides its keys, and its totals by name.

    of_sums: the same question over the table of sums, None when they do not answer it.
    """

    name: str
    measures: tuple[str, ...]
    totals: Callable[[Any], dict[str, Any]]
    of_sums: Question | None = None


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


def _spend_of_sums(asked: Any) -> dict[str, Any]:
    calls = asked.calls
    return {
        "calls": calls.sum(),
        "unpriced_calls": calls.sum(where=asked.status == "unpriced"),
        "cost_usd": asked.cost_usd.sum(),
        "list_cost_usd": asked.list_cost_usd.sum(),
        "input_tokens": asked.input_tokens.sum(),
        "cached_input_tokens": asked.cached_input_tokens.sum(),
        "output_tokens": asked.output_tokens.sum(),
        "partial_calls": calls.sum(where=asked.status == "partial"),
        "estimated_calls": calls.sum(where=asked.status == "estimated"),
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


def _coverage_of_sums(asked: Any) -> dict[str, Any]:
    calls, untagged = asked.calls, asked.feature.isnull()
    return {
        "calls": calls.sum(),
        "unpriced_calls": calls.sum(where=asked.status == "unpriced"),
        "partial_calls": calls.sum(where=asked.status == "partial"),
        "estimated_calls": calls.sum(where=asked.status == "estimated"),
        "untagged_calls": calls.sum(where=untagged),
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


def _top(asked: Any) -> dict[str, Any]:
    return {**_spend(asked), "failed_calls": asked.error.notnull().sum()}


_SPEND = ("status", "cost_usd", "list_cost_usd", "input_tokens", "cached_input_tokens", "output_tokens")
_COVERAGE = ("status", "feature", "cost_usd")
SPEND_OF_SUMS = Question("spend_of_sums", ("calls", *_SPEND), _spend_of_sums)
COVERAGE_OF_SUMS = Question("coverage_of_sums", ("calls", *_COVERAGE), _coverage_of_sums)
SPEND = Question("spend", _SPEND, _spend, SPEND_OF_SUMS)
COVERAGE = Question("coverage", _COVERAGE, _coverage, COVERAGE_OF_SUMS)
TOP = Question("top", (*_SPEND, "error"), _top)
OUTCOMES = Question("outcomes", ("trace_id", "outcome"), lambda asked: {"traces": asked.trace_id.nunique()})
UNITS = Question("units", ("status", "cost_usd", "input_tokens", "output_tokens"), _units)
RATES = Question("rates", ("cost_usd", "input_tokens", "output_tokens"), _rates)
AHEAD = (SPEND, COVERAGE, TOP, OUTCOMES, SPEND_OF_SUMS, COVERAGE_OF_SUMS)
"""Questions that are compiled ahead."""


def sql_of(question: Question, keys: Sequence[str], dialect: str) -> str:
    """Return the SQL of *question* by *keys*."""
    return _compiled().get(_name(question, keys, dialect)) or compiled(question, keys, dialect)


@lru_cache(maxsize=1)
def _compiled() -> dict[str, str]:
    held: dict[str, str] = json.loads(data.read(COMPILED))
    return held


def _name(question: Question, keys: Sequence[str], dialect: str) -> str:
    return f"{dialect}/{question.name}/{','.join(keys)}"


def all_compiled() -> str:
    """Return the content of the file of SQL that is compiled ahead."""
    found = {}
    for question in AHEAD:
        for number in range(1 if question.name.startswith("coverage") else MOST_KEYS + 1):
            names = [f"by_{n}" for n in range(1, number + 1)]
            for keys in (names,) if question in (COVERAGE, COVERAGE_OF_SUMS, TOP) else (names, [PERIOD, *names]):
                for dialect in DIALECTS:
                    found[_name(question, keys, dialect)] = compiled(question, keys, dialect)
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def compiled(question: Question, keys: Sequence[str], dialect: str) -> str:
    """Return the SQL that ibis makes of *question* by *keys*, on one line."""
    import ibis  # type: ignore[import-untyped]

    types = {key: "int64" if key == PERIOD else "string" for key in keys}
    types.update({name: _TYPES.get(name, "string") for name in question.measures})
    asked: Any = ibis.table(types, name="asked")
    totals = question.totals(asked)
    expression = asked.group_by(list(keys)).agg(**totals) if keys else asked.agg(**totals)
    text = " ".join(str(ibis.to_sql(expression, dialect=dialect)).split())
    # ibis 12 counts distinct values by `uniq`, which is 0.6 % off at 300,000 traces (2026-11-30).
    return text.replace(" uniq(", " uniqExact(") if dialect == CLICKHOUSE else text
