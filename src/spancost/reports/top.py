# SPDX-License-Identifier: Apache-2.0
"""The most expensive calls, traces, sessions, prompts and users, and why they cost so much."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from spancost.reports import expressions
from spancost.reports.periods import instant_text
from spancost.reports.selection import TAG_PREFIX, Selection
from spancost.reports.spend import spend
from spancost.store import sql
from spancost.store.calls import Engine

CALLS, TRACES, SESSIONS, PROMPTS, USERS = KINDS = ("calls", "traces", "sessions", "prompts", "users")
USER, WORKSPACE = f"{TAG_PREFIX}user_id", "workspace_id"
_KEYS = {
    TRACES: ("trace_id",),
    SESSIONS: ("session_id",),
    PROMPTS: ("prompt_name", "prompt_version"),
    USERS: (USER,),
}
_ZERO = Decimal(0)
_MUCH = Decimal("0.5")
_OF_CALL = ("trace_id", "span_id", "started_at", "provider", "model", "operation", "feature", "session_id", "status")
_AMOUNTS = ("cost_usd", "input_tokens", "cached_input_tokens", "output_tokens", "error")


class Ranked(NamedTuple):
    """One entry: what it is, by column; its totals; the reason for its cost in a few words."""

    keys: dict[str, Any]
    totals: dict[str, Any]
    why: str

    def as_json(self) -> dict[str, Any]:
        """Return the entry as one object."""
        return {**self.keys, **self.totals, "why": self.why}


def top(engine: Engine, selection: Selection, kind: str, number: int) -> list[Ranked]:
    """Return the *number* most expensive entries of a kind, the most expensive first."""
    if kind == CALLS:
        return _calls(engine, selection, number)
    keys = _KEYS[kind]
    if kind == USERS and not _has_users(engine, selection):
        keys = (WORKSPACE,)
    asked = selection._replace(by=keys, names=keys, period=None)
    question = expressions.sql_of(expressions.TOP, asked.keys, engine.dialect)
    chosen = asked.asked(expressions.TOP.measures, engine.dialect)
    by = ", ".join(asked.keys)
    present = " OR ".join(f"{key} IS NOT NULL" for key in asked.keys)
    rows = engine.rows(
        f"WITH asked AS ({chosen}) SELECT * FROM ({question}) AS answer WHERE {present} "
        f"ORDER BY cost_usd DESC NULLS LAST, calls DESC, {by} LIMIT {number}"
    )
    names = [row[: len(keys)] for row in rows]
    models = _models(engine, asked, names)
    about = _traces(engine, [name[0] for name in names]) if kind == TRACES else {}
    found = []
    for row in rows:
        name, values = row[: len(keys)], dict(zip(_TOTALS, row[len(keys) :], strict=True))
        totals = {key: value if key.endswith("usd") else int(value or 0) for key, value in values.items()}
        shown = {**dict(zip(keys, name, strict=True)), **about.get(name[0], {})}
        found.append(Ranked(shown, totals, _why(totals, models.get(name))))
    return found


_TOTALS = (
    *("calls", "unpriced_calls", "cost_usd", "list_cost_usd", "input_tokens", "cached_input_tokens", "output_tokens"),
    *("partial_calls", "estimated_calls", "failed_calls"),
)


def _has_users(engine: Engine, selection: Selection) -> bool:
    where = selection.condition(engine.dialect)
    has_user = f"{sql.tag(USER, engine.dialect)} IS NOT NULL"
    return bool(engine.rows(f"SELECT count(*) FROM calls{where} {'AND' if where else 'WHERE'} {has_user}")[0][0])


def _models(
    engine: Engine, asked: Selection, names: list[tuple[Any, ...]]
) -> dict[tuple[Any, ...], tuple[str, Decimal]]:
    """Return the model with the highest cost of each entry, and its cost."""
    if not names:
        return {}
    where = {**asked.where, asked.by[0]: tuple(dict.fromkeys(name[0] for name in names))}
    rows = spend(engine, asked._replace(by=(*asked.by, "model"), names=(*asked.by, "model"), where=where))
    found: dict[tuple[Any, ...], tuple[str, Decimal]] = {}
    for row in rows:
        found.setdefault(row.keys[:-1], (row.keys[-1] or "", row.cost_usd or _ZERO))
    return found


def _traces(engine: Engine, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Return name, begin and outcome of traces."""
    if not ids:
        return {}
    chosen = ", ".join(sql.text(each, engine.dialect) for each in ids)
    at = sql.nanoseconds("started_at", engine.dialect)
    rows = engine.rows(f"SELECT trace_id, name, {at}, outcome FROM traces WHERE trace_id IN ({chosen})")
    return {row[0]: {"name": row[1], "started_at": instant_text(row[2]), "outcome": row[3]} for row in rows}


def _calls(engine: Engine, selection: Selection, number: int) -> list[Ranked]:
    at = sql.nanoseconds("started_at", engine.dialect)
    columns = ", ".join(
        f"{at} AS at" if name == "started_at" else sql.identifier(name) for name in (*_OF_CALL, *_AMOUNTS)
    )
    rows = engine.rows(
        f"SELECT {columns} FROM calls{selection.condition(engine.dialect)} "
        f"ORDER BY cost_usd DESC NULLS LAST, trace_id, span_id LIMIT {number}"
    )
    found = []
    for row in rows:
        keys = dict(zip(_OF_CALL, row, strict=False))
        keys["started_at"] = instant_text(keys["started_at"])
        cost, tokens, cached, output, error = row[len(_OF_CALL) :]
        totals = {"cost_usd": cost, "input_tokens": tokens, "cached_input_tokens": cached, "output_tokens": output}
        found.append(Ranked(keys, totals, _why({**totals, "calls": 1, "failed_calls": int(error is not None)}, None)))
    return found


def _why(totals: dict[str, Any], model: tuple[str, Decimal] | None) -> str:
    """Return what drives a cost: the number of calls, input that is read again, failures, output, a model."""
    calls, tokens, output = totals["calls"], totals["input_tokens"] or 0, totals["output_tokens"] or 0
    cached, failed = totals["cached_input_tokens"] or 0, totals["failed_calls"]
    parts = [f"{calls:,} calls"] if calls > 1 else []
    if calls and tokens:
        parts.append(f"{tokens // calls:,} input tokens a call" if calls > 1 else f"{tokens:,} input tokens")
        if cached * 2 >= tokens:
            parts.append(f"{_percent(cached, tokens)} of them from the cache")
    if output and output * 4 >= tokens:
        parts.append(f"{output:,} output tokens")
    if failed:
        parts.append(f"{failed:,} failed" if calls > 1 else "failed")
    cost = totals["cost_usd"]
    if model is not None and cost and model[1] >= cost * _MUCH:
        parts.append(f"{_percent(model[1], cost)} on {model[0]}")
    return ", ".join(parts)


def _percent(part: Decimal | int, whole: Decimal | int) -> str:
    return f"{round(Decimal(part) * 100 / Decimal(whole))} %"
