# SPDX-License-Identifier: Apache-2.0
"""Many stored calls in memory for somebody who asks again and again: some columns in the order of time, and sums.

Of a million calls, the columns take 40 MB compressed, and questions about all of them 1 to 30 ms on two cores; the same
questions read Parquet files for 30 to 130 ms each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from spancost.store.calls import Engine, Sums
from spancost.store.duckdb_engine import DuckEngine

FEWEST, MOST = 20_000, 3_000_000
"""Numbers of calls that are held: fewer are quick without, more take too much memory while they are ordered."""
OF_SUMS = ("feature", "model", "environment", "workspace_id", "team", "service", "provider", "status", "reason")
_COLUMNS = (
    *("trace_id", "session_id", "started_at", *OF_SUMS, "operation", "user_tier", "experiment", "prompt_name"),
    *("prompt_version", "outcome", "error", "cost_usd", "list_cost_usd", "input_tokens", "cached_input_tokens"),
    "output_tokens",
)
_HOUR_NS = 3_600 * 10**9
_DAY_NS = 24 * _HOUR_NS
_BY_THE_HOUR_NS = 8 * _DAY_NS
"""Range of the calls up to which sums are by the hour."""
_FEWER = 4
"""Sums are kept where they are so many times fewer than calls."""
_PATH = "held.main,memory.main"
_TOTALS = (
    "count(*) AS calls, sum(cost_usd) AS cost_usd, sum(list_cost_usd) AS list_cost_usd, "
    "CAST(sum(input_tokens) AS BIGINT) AS input_tokens, "
    "CAST(sum(cached_input_tokens) AS BIGINT) AS cached_input_tokens, "
    "CAST(sum(output_tokens) AS BIGINT) AS output_tokens, min(started_at) AS first_at, max(started_at) AS last_at"
)


class HeldCalls:
    """An engine whose table `calls` has the held columns only. whole: the engine with every column."""

    dialect = DuckEngine.dialect
    is_shared = True

    def __init__(self, whole: DuckEngine, sums: Sums | None) -> None:
        self.whole = whole
        self.sums = sums

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        return self.whole.rows(sql, _PATH)

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query one by one."""
        yield from self.rows(sql)


def held(engine: Engine, fewest: int = FEWEST) -> Engine:
    """Return an engine that holds the calls of *engine*; *engine* itself when that does not help.

    fewest: calls below which they are not held.
    """
    if not isinstance(engine, DuckEngine):
        return engine
    ((calls, first, last),) = engine.rows(
        "SELECT count(*), min(epoch_ns(started_at)), max(epoch_ns(started_at)) FROM calls"
    )
    if not fewest <= calls <= MOST:
        return engine
    engine.execute("ATTACH IF NOT EXISTS ':memory:' AS held (COMPRESS)")
    engine.execute(
        f"CREATE OR REPLACE TABLE held.main.calls AS SELECT {', '.join(_COLUMNS)} FROM calls ORDER BY started_at"
    )
    unit = _HOUR_NS if last - first <= _BY_THE_HOUR_NS else _DAY_NS
    begin = f"make_timestamp_ns(epoch_ns(started_at) // {unit} * {unit}) AS started_at"
    names = ", ".join(OF_SUMS)
    engine.execute(
        f"CREATE OR REPLACE TABLE held.main.sums AS SELECT {begin}, {names}, {_TOTALS} "
        "FROM held.main.calls GROUP BY ALL"
    )
    engine.execute("CHECKPOINT held")
    ((rows,),) = engine.rows("SELECT count(*) FROM held.main.sums")
    return HeldCalls(engine, Sums(frozenset(OF_SUMS), unit) if rows * _FEWER <= calls else None)


def with_columns(engine: Engine, names: Iterable[str]) -> Engine:
    """Return *engine*, or the one behind it when it does not hold all columns of *names*."""
    if isinstance(engine, HeldCalls) and not set(names) <= set(_COLUMNS):
        return engine.whole
    return engine


def whole(engine: Engine) -> Engine:
    """Return the engine with every column behind *engine*."""
    return engine.whole if isinstance(engine, HeldCalls) else engine
