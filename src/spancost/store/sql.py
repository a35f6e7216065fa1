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


def map_entries(column: str, dialect: str) -> str:
    """Return the entries of a map, a row for each."""
    name = identifier(column)
    return (
        f"unnest(map_entries({name}))"
        if dialect == DUCKDB
        else f"arrayJoin(arrayZip(mapKeys({name}), mapValues({name})))"
    )


def entry_parts(entry: str, dialect: str) -> tuple[str, str]:
    """Return the key and the value of an entry that `map_entries` gave."""
    return (f"{entry}.key", f"{entry}.value") if dialect == DUCKDB else (f"{entry}.1", f"{entry}.2")


def is_integer(expression: str, dialect: str) -> str:
    """Return whether a text is an integer of at most 18 digits."""
    if dialect == DUCKDB:
        return f"regexp_full_match({expression}, '[0-9]{{1,18}}')"
    return f"match({expression}, '^[0-9]{{1,18}}$')"


def sum_of_integers(expression: str, dialect: str) -> str:
    """Return the exact sum of those texts that are integers of at most 18 digits, in 128 bits."""
    condition = is_integer(expression, dialect)
    if dialect == DUCKDB:
        return f"sum(CASE WHEN {condition} THEN TRY_CAST({expression} AS BIGINT) ELSE 0 END)"
    return f"sum(toInt128(if({condition}, {expression}, '0')))"


def any_of(expression: str, dialect: str) -> str:
    """Return the value of one of the rows."""
    return f"{'any_value' if dialect == DUCKDB else 'any'}({expression})"
