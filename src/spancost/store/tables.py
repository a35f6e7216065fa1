# SPDX-License-Identifier: Apache-2.0
"""The stored tables as views of the embedded engine: each call once, whatever was loaded how often."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spancost.store.columns import Column
from spancost.store.duckdb_engine import TYPES, DuckEngine, literal, quoted
from spancost.store.segments import KEYS, TABLES, Source, may_overlap


def make_views(engine: DuckEngine, sources: Sequence[Source]) -> None:
    """Make the views `calls`, `traces` and `spans` of *sources*."""
    overlap = may_overlap(sources)
    for table, columns in TABLES.items():
        kept = [source for source in sources if source.paths.get(table)]
        if not kept:
            engine.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT {_nothing(columns)} WHERE false")
            continue
        parts = [_part(engine, table, columns, source) for source in kept]
        if not overlap or len(kept) == 1:
            names = ", ".join(quoted(column.name) for column in columns)
            engine.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT {names} FROM ({' UNION ALL '.join(parts)})")
        else:
            engine.execute(f"CREATE OR REPLACE VIEW loaded_{table} AS {' UNION ALL '.join(parts)}")
    if overlap:
        _join_loads(engine, {table for table in TABLES if sum(bool(s.paths.get(table)) for s in sources) > 1})


def _join_loads(engine: DuckEngine, tables: set[str]) -> None:
    """Make views in which each key occurs once, of tables that several loads have."""
    if "uncounted" not in tables:
        engine.execute("CREATE OR REPLACE VIEW loaded_uncounted AS SELECT *, 0 AS load_rank FROM uncounted")
    if "calls" in tables:
        names = ", ".join(quoted(column.name) for column in TABLES["calls"])
        engine.execute(
            "CREATE OR REPLACE VIEW calls AS "
            f"SELECT {names} FROM (SELECT *, true AS is_counted FROM loaded_calls "
            "UNION ALL BY NAME SELECT *, false AS is_counted FROM loaded_uncounted) "
            "QUALIFY row_number() OVER (PARTITION BY trace_id, span_id "
            "ORDER BY load_rank DESC, trace_spans DESC, is_counted, cost_usd DESC NULLS LAST, pricing_version DESC"
            ") = 1 AND is_counted"
        )
    for table, key in KEYS.items():
        if table in tables:
            size = "spans" if table == "traces" else "duration_ns"
            names = ", ".join(quoted(column.name) for column in TABLES[table])
            engine.execute(
                f"CREATE OR REPLACE VIEW {table} AS SELECT {names} FROM loaded_{table} "
                f"QUALIFY row_number() OVER (PARTITION BY {', '.join(key)} "
                f"ORDER BY load_rank DESC, {size} DESC, started_at) = 1"
            )


def _part(engine: DuckEngine, table: str, columns: Sequence[Column], source: Source) -> str:
    files = f"[{', '.join(literal(str(path)) for path in source.paths[table])}]"
    if source.range_ns is not None or table != "calls":
        return f"SELECT *, {source.rank} AS load_rank FROM read_parquet({files})"
    first = {
        row[0] for row in engine.rows(f"DESCRIBE SELECT * FROM read_parquet({literal(str(source.paths[table][0]))})")
    }
    if first >= {column.name for column in columns}:  # without a look at every file
        names = ", ".join(f"CAST({quoted(c.name)} AS {TYPES[c.type]}) AS {quoted(c.name)}" for c in columns)
        return f"SELECT {names}, {source.rank} AS load_rank FROM read_parquet({files})"
    names = _foreign(engine, columns, source.paths[table])
    return f"SELECT {names}, {source.rank} AS load_rank FROM read_parquet({files}, union_by_name=true)"


def _foreign(engine: DuckEngine, columns: Sequence[Column], paths: Sequence[Path]) -> str:
    """Return the columns of files that others wrote: those that they have not are NULL."""
    files = f"[{', '.join(literal(str(path)) for path in paths)}]"
    found = {row[0] for row in engine.rows(f"DESCRIBE SELECT * FROM read_parquet({files}, union_by_name=true)")}
    held = [(quoted(column.name), column.name in found, TYPES[column.type]) for column in columns]
    return ", ".join(f"CAST({name if is_found else 'NULL'} AS {kind}) AS {name}" for name, is_found, kind in held)


def _nothing(columns: Sequence[Column]) -> str:
    return ", ".join(f"CAST(NULL AS {TYPES[column.type]}) AS {quoted(column.name)}" for column in columns)
