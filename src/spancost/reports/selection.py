# SPDX-License-Identifier: Apache-2.0
"""What a question asks: columns to group by, a period, a time range, conditions. As SQL it is the table `asked`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from spancost.reports.periods import Period
from spancost.store import sql
from spancost.store.columns import CALLS

GROUPS = {column.name: column for column in CALLS if column.is_group or column.name == "trace_id"}
_OF_TAG = {column.tag: column.name for column in CALLS if column.tag is not None}
TAG_PREFIX = "app."
_OF_ATTRIBUTE = {
    **_OF_TAG,
    "app.prompt_name": "prompt_name",
    "app.prompt_version": "prompt_version",
    "app.outcome": "outcome",
    "llm.cost_status": "status",
    "llm.cost_reason": "reason",
    "llm.cost_source": "source",
    "llm.service_tier": "tier",
    "service.name": "service",
    "error.type": "error",
    **{
        f"llm.{name}": name
        for name in ("provider", "model", "operation", "pricing_version", "rate_id", "finish_reason")
    },
}
PERIOD = "period"


class QuestionError(ValueError):
    """The question cannot be answered: which part of it, what was found, what was expected."""


class Selection(NamedTuple):
    """The part of a question that selects rows and keys.

    by: columns as `column_named` gives them; names: the same as they were asked for. period: also group by it.
    since_ns, until_ns: the range of `started_at`, its end excluded. where: column -> values of which one must be equal;
    None in it is a missing value. has_outcome: only calls of work with this outcome, any one for `*`.
    """

    by: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    period: Period | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    where: Mapping[str, tuple[str | None, ...]] = {}
    has_outcome: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the names of the key columns of `asked`."""
        return (*((PERIOD,) if self.period else ()), *(f"by_{n}" for n in range(1, len(self.by) + 1)))

    def asked(self, measures: Iterable[str], dialect: str, table: str = "calls") -> str:
        """Return the SQL of the table `asked`: the keys and *measures* of the calls (or sums) that are asked for."""
        columns = [f"{expression(name, dialect)} AS by_{n}" for n, name in enumerate(self.by, 1)]
        if self.period:
            columns.insert(0, f"{self.period.sql(dialect)} AS {PERIOD}")
        columns += [sql.identifier(name) for name in measures]
        return f"SELECT {', '.join(columns)} FROM {table}{self.condition(dialect)}"

    @property
    def is_everything(self) -> bool:
        """Return whether every call is asked for."""
        return self.since_ns is None and self.until_ns is None and not self.where

    def condition(self, dialect: str) -> str:
        """Return the WHERE clause, "" when there is no condition."""
        parts = []
        if self.since_ns is not None:
            parts.append(f'"started_at" >= {sql.instant(self.since_ns, dialect)}')
        if self.until_ns is not None:
            parts.append(f'"started_at" < {sql.instant(self.until_ns, dialect)}')
        for name, values in self.where.items():
            column = expression(name, dialect)
            either = [f"{column} = {sql.text(value, dialect)}" for value in values if value is not None]
            either += [f"{column} IS NULL"] if None in values else []
            parts.append(f"({' OR '.join(either)})")
        if self.has_outcome is not None:
            any_outcome = self.has_outcome == "*"
            parts.append(
                '"outcome" IS NOT NULL' if any_outcome else f'"outcome" = {sql.text(self.has_outcome, dialect)}'
            )
        return f" WHERE {' AND '.join(parts)}" if parts else ""


def expression(name: str, dialect: str) -> str:
    """Return the SQL of a column of the calls table, or of a tag."""
    return sql.tag(name, dialect) if name.startswith(TAG_PREFIX) else sql.identifier(name)


def column_named(name: str, option: str) -> str:
    """Return the column of the calls table that *name* means, or the `app.*` attribute; QuestionError for neither."""
    name = name.strip()
    found = _OF_ATTRIBUTE.get(name, name)
    if found in GROUPS or (found.startswith(TAG_PREFIX) and len(found) > len(TAG_PREFIX)):
        return found
    close = get_close_matches(name, (*GROUPS, *_OF_ATTRIBUTE), n=1)
    near = f" (near: {close[0]})" if close else ""
    raise QuestionError(
        f"{option}: found column {name!r}{near}; expected an app.* attribute or one of {', '.join(sorted(GROUPS))}"
    )


def columns_named(text: str, option: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns of a comma-separated list, and as they were asked for.

    QuestionError when one is unknown or given twice.
    """
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    columns = tuple(column_named(name, option) for name in names)
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise QuestionError(f"{option}: found column {twice} twice; expected each column once")
    return columns, names


def conditions(texts: Sequence[str]) -> dict[str, tuple[str | None, ...]]:
    """Return the conditions of `--where column=value …`: values of one column are alternatives, none is missing."""
    found: dict[str, tuple[str | None, ...]] = {}
    for text in texts:
        name, equal, value = text.partition("=")
        if not equal or not name.strip():
            raise QuestionError(f"--where: found {text!r}; expected column=value, such as feature=search")
        if name.rstrip().endswith(("!", "<", ">", "~")):
            raise QuestionError(f"--where: found {text!r}; expected column=value (only equality is supported)")
        column = column_named(name, "--where")
        found[column] = (*found.get(column, ()), value.strip() or None)
    return found
