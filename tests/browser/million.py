# SPDX-License-Identifier: Apache-2.0
"""A store of a million calls: the generated week again and again, over half a year, with more tenants and features."""

from __future__ import annotations

from pathlib import Path

from spancost.store.duckdb_engine import DuckEngine, literal
from spancost.store.load import load
from spancost.store.pricing_choice import PricingChoice
from spancost.store.segments import Load, finish, segment
from spancost.testing.support_week import json_lines

COPIES = 304
"""3,290 calls a week make 1,000,160."""
WEEKS = 26
_WEEK_NS = 7 * 86_400 * 10**9
_IDS = {"trace_id": 32, "span_id": 16, "parent_id": 16, "root_id": 16}
_KEYS = {"calls": "trace_id", "traces": "trace_id", "spans": "trace_id"}


def million_calls(folder: Path, copies: int = COPIES) -> Path:
    """Write the store below *folder*, ordered as a load orders it, and return its path."""
    week, store = folder / "week", folder / "million"
    lines = folder / "week.jsonl"
    lines.write_text(json_lines(), encoding="utf-8")
    load([str(lines)], week, PricingChoice())
    store.mkdir()
    engine = DuckEngine()
    for table, key in _KEYS.items():
        (source,) = week.glob(f"{table}-*.parquet")
        changed = ", ".join(_changes(engine, source))
        target = segment(store, table, "0-million", 0)
        engine.execute(
            f"COPY (SELECT * REPLACE ({changed}) FROM read_parquet({literal(str(source))}), range({copies}) AS copy(n) "
            f"ORDER BY {key}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )
    calls = literal(str(segment(store, "calls", "0-million", 0)))
    ((number, first, last),) = engine.rows(
        f"SELECT count(*), min(epoch_ns(started_at)), max(epoch_ns(started_at)) FROM read_parquet({calls})"
    )
    engine.close()
    finish(store, Load(0, "million", (), number, number, first, last))
    return store


def _changes(engine: DuckEngine, source: Path) -> list[str]:
    """Return the columns that differ between copies: ids, sessions, times (up to an hour later), tenants, features."""
    held = [row[0] for row in engine.rows(f"DESCRIBE SELECT * FROM read_parquet({literal(str(source))})")]
    back = f"(n % {WEEKS}) * {_WEEK_NS} - (n * 7919 % 3600) * 1000000000"
    changes = [
        f"CASE WHEN {name} IS NULL THEN NULL ELSE substr(md5({name} || n), 1, {size}) END AS {name}"
        for name, size in _IDS.items()
        if name in held
    ]
    changes.append(f"make_timestamp_ns(epoch_ns(started_at) - ({back})) AS started_at")
    if "session_id" in held:
        changes.append("session_id || '-' || n AS session_id")
    if "feature" in held:
        changes.append("feature || ['', '-eu', '-us'][n % 3 + 1] AS feature")
        changes.append("workspace_id || '-' || (n % 40) AS workspace_id")
    return changes
