# SPDX-License-Identifier: Apache-2.0
"""What is missing in a ClickHouse database for reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from spancost.store.clickhouse_ddl import CALLS_TABLE, HOURLY_TABLE
from spancost.store.columns import CALLS

if TYPE_CHECKING:
    from spancost.store.calls import Engine

_OURS = (CALLS_TABLE, HOURLY_TABLE, "calls", "traces", "spans")


class Finding(NamedTuple):
    """One sentence, and whether it is as it should be."""

    is_good: bool
    text: str


def check(engine: Engine, source: str = "otel_traces") -> Iterator[Finding]:
    """Yield what is there and what is missing, with the remedy."""
    tables = {str(row[0]) for row in engine.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")}
    if source not in tables:
        yield Finding(False, f"found no table {source}; expected the table of the Collector's ClickHouse exporter")
        return
    missing = [name for name in _OURS if name not in tables]
    if missing:
        yield Finding(False, f"found no {', '.join(missing)}; run the statements of `spancost clickhouse ddl`")
        return
    described = engine.rows(
        f"SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{CALLS_TABLE}'"
    )
    lacking = [column.name for column in CALLS if column.name not in {row[0] for row in described}]
    if lacking:
        yield Finding(False, f"{CALLS_TABLE} has no column {', '.join(lacking)}; drop it and run the statements again")
    kind = engine.rows(
        "SELECT type FROM system.columns WHERE database = currentDatabase() "
        f"AND table = '{source}' AND name = 'SpanAttributes'"
    )[0][0]
    yield Finding(True, f"{source} has attributes of type {kind}, all tables and views are there")
    yield from _spans(engine, source, str(kind))


def _spans(engine: Engine, source: str, kind: str) -> Iterator[Finding]:
    """Yield how many spans of calls have costs, and whether the calls table holds them all."""
    is_map = kind.startswith("Map")
    priced = "SpanAttributes['llm.cost_status'] != ''" if is_map else "SpanAttributes.llm.cost_status IS NOT NULL"
    usage = "gen_ai.usage.input_tokens"
    reported = f"mapContains(SpanAttributes, '{usage}')" if is_map else f"SpanAttributes.{usage}.:`Int64` IS NOT NULL"
    ((with_costs, without, own),) = engine.rows(
        f"SELECT countIf({priced}), countIf({reported} AND NOT ({priced})), "
        f"uniqExactIf((TraceId, SpanId), {priced} AND {_own(is_map)}) FROM {source}"
    )
    held = engine.rows(f"SELECT count() FROM {CALLS_TABLE} FINAL")[0][0]
    yield Finding(with_costs > 0, f"{with_costs:,} spans have costs")
    if without:
        yield Finding(False, f"{without:,} spans report tokens and have no cost; put llm_cost before the exporter")
    yield Finding(held == own, f"{held:,} of {own:,} calls are in {CALLS_TABLE}{_remedy(held, own)}")


def _own(is_map: bool) -> str:
    status = "SpanAttributes['llm.cost_status']" if is_map else "toString(SpanAttributes.llm.cost_status)"
    return f"{status} NOT IN ('duplicate', 'aggregate')"


def _remedy(held: int, own: int) -> str:
    return "" if held >= own else "; run the statement of `spancost clickhouse ddl --backfill`"
