# SPDX-License-Identifier: Apache-2.0
"""The few expressions in which SQL dialects differ; everything else of a question is compiled by ibis."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

DUCKDB = "duckdb"
CLICKHOUSE = "clickhouse"
_NS_PER_HOUR = 3_600_000_000_000


def identifier(name: str) -> str:
    """Return *name* quoted as a column; both engines accept double quotes."""
    return '"' + name.replace("\\", "\\\\").replace('"', '""') + '"'


def text(value: str, dialect: str) -> str:
    """Return *value* as a string literal."""
    if dialect == CLICKHOUSE:
        value = value.replace("\\", "\\\\")
    return "'" + value.replace("'", "''") + "'"


def tag(key: str, dialect: str) -> str:
    """Return the value of a key of the map `tags`, NULL when it is missing."""
    held = f'"tags"[{text(key, dialect)}]'
    return held if dialect == DUCKDB else f"nullIf({held}, '')"


def instant(nanoseconds: int, dialect: str) -> str:
    """Return an instant as a literal that compares with `started_at`."""
    return f"{'make_timestamp_ns' if dialect == DUCKDB else 'fromUnixTimestamp64Nano'}({nanoseconds})"


def usd(amount: Decimal, dialect: str, digits: int = 38) -> str:
    """Return an amount in USD as an exact literal; with 18 *digits* its product with a 64-bit integer is exact too."""
    return f"CAST('{amount:f}' AS DECIMAL({digits},15))" if dialect == DUCKDB else f"toDecimal128('{amount:f}', 15)"


def nanoseconds(column: str, dialect: str) -> str:
    """Return a timestamp column as nanoseconds since the epoch."""
    return f"{'epoch_ns' if dialect == DUCKDB else 'toUnixTimestamp64Nano'}({identifier(column)})"


def floor_divided(expression: str, by: int, dialect: str) -> str:
    """Return an integer expression divided by a positive number, rounded down."""
    return f"(({expression}) // {by})" if dialect == DUCKDB else f"intDiv({expression}, {by})"


def month_number(expression: str, dialect: str) -> str:
    """Return year * 12 + month - 1 of nanoseconds since the epoch."""
    if dialect == DUCKDB:
        at = f"make_timestamp_ns({expression})"
        return f"(year({at}) * 12 + month({at}) - 1)"
    at = f"toDateTime(intDiv({expression}, 1000000000), 'UTC')"
    return f"(toYear({at}) * 12 + toMonth({at}) - 1)"


def map_size(column: str, dialect: str) -> str:
    """Return the number of keys of a map."""
    return f"{'cardinality' if dialect == DUCKDB else 'length'}({identifier(column)})"


def tuple_of(cells: Sequence[str], dialect: str) -> str:
    """Return one value that holds all *cells*, which comes back as a tuple (or a mapping in their order)."""
    if dialect == DUCKDB:
        return "struct_pack(" + ", ".join(f"c{number} := {cell}" for number, cell in enumerate(cells)) + ")"
    return f"tuple({', '.join(cells)})"


def latest_by(value: str, column: str, dialect: str) -> str:
    """Return *value* of the row with the largest *column*; rows without it are left out."""
    return f"{'arg_max' if dialect == DUCKDB else 'argMax'}({value}, {identifier(column)})"
