# SPDX-License-Identifier: Apache-2.0
"""The embedded engine: the only module that imports duckdb.

Types of columns are always given: DuckDB's own guess of a type from the first values loses money later
(an integer-looking cost makes the column BIGINT; duckdb 2.0.1, 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from spancost.store.columns import Column

DIALECT = "duckdb"
TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "timestamp": "TIMESTAMP_NS",
    "usd": "DECIMAL(38,15)",
    "boolean": "BOOLEAN",
    "map": "MAP(VARCHAR,VARCHAR)",
    "numbers": "MAP(VARCHAR,DOUBLE)",
}
_ROW_GROUP = 122_880
_FETCHED = 10_000


def connected(config: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Return a connection to a database in memory.

    A query of two seconds would draw a bar on standard output, also into a pipe (duckdb 2.0.1, 2026-11-30).
    """
    connection = duckdb.connect(config=dict(config))
    connection.execute("SET enable_progress_bar = false")
    return connection


class DuckEngine:
    """One connection to a database in memory.

    threads, memory_mib: bounds of the engine, its own defaults for None.
    """

    dialect = DIALECT
    sums = None
    is_shared = False

    def __init__(self, threads: int | None = None, memory_mib: int | None = None) -> None:
        config = {"threads": threads, "memory_limit": None if memory_mib is None else f"{memory_mib}MiB"}
        self._connection = connected({name: value for name, value in config.items() if value is not None})

    def rows(self, sql: str, path: str | None = None) -> list[tuple[Any, ...]]:
        """Return all rows of a query; *path*: schemas in which its tables are looked for, from any thread."""
        if path is None:
            return self._connection.execute(sql).fetchall()
        with self._connection.cursor() as cursor:
            return cursor.execute(f"SET search_path = {literal(path)}").execute(sql).fetchall()

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query one by one."""
        answer = self._connection.cursor().execute(sql)
        while some := answer.fetchmany(_FETCHED):
            yield from some

    def execute(self, statement: str) -> None:
        """Run a statement."""
        self._connection.execute(statement)

    def write_parquet(self, columns: Sequence[Column], lines: Path, target: Path) -> None:
        """Write the rows of a file of JSON Lines to the Parquet file *target* (zstd).

        Money is decimal text in *lines*, timestamps are nanoseconds since the epoch.
        """
        names = ", ".join(_selected(column) for column in columns)
        kinds = ", ".join(f"{literal(column.name)}: {literal(_json_type(column))}" for column in columns)
        self._connection.execute(
            f"COPY (SELECT {names} FROM read_json({literal(str(lines))}, format='newline_delimited', "
            f"columns={{{kinds}}})) "
            f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def parquet_text(path: Path) -> tuple[tuple[str, ...], Callable[[], Iterator[Sequence[str]]]]:
    """Return the columns of a Parquet file, and a function that yields its rows as text; "" for a missing value.

    ValueError, also from the rows, when it cannot be read.
    """
    connection = connected({})
    try:
        relation = connection.execute(f"SELECT COLUMNS(*)::VARCHAR FROM read_parquet({literal(str(path))})")
    except duckdb.Error as error:
        raise ValueError(_first_line(error)) from None
    columns = tuple(str(column[0]) for column in relation.description)

    def rows() -> Iterator[Sequence[str]]:
        try:
            while batch := relation.fetchmany(_FETCHED):
                for values in batch:
                    yield ["" if value is None else value for value in values]
        except duckdb.Error as error:
            raise ValueError(_first_line(error)) from None

    return columns, rows


def _first_line(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]


def csv_to_parquet(source: Path, target: Path, types: Mapping[str, str]) -> None:
    """Write a CSV file with a heading to Parquet with these SQL types of its columns; an empty value is missing."""
    columns = ", ".join(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in types.items())
    connected({}).execute(
        f"COPY (SELECT {columns} FROM read_csv({literal(str(source))}, header=true, all_varchar=true, delim=',', "
        f"quote='\"', escape='\"', nullstr='')) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
    )


def _json_type(column: Column) -> str:
    return "BIGINT" if column.type == "timestamp" else TYPES[column.type]


def _selected(column: Column) -> str:
    name = quoted(column.name)
    return f"make_timestamp_ns({name}) AS {name}" if column.type == "timestamp" else name


def quoted(name: str) -> str:
    """Return *name* as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return *text* as an SQL string."""
    return "'" + text.replace("'", "''") + "'"
