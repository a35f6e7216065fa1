# SPDX-License-Identifier: Apache-2.0
"""Writes FOCUS rows as CSV or Parquet, in one step: a broken run leaves no half of a file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from spancost.bills.focus_rows import Row, definition
from spancost.bills.line import BillError


def write_focus(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Write *rows* and return their number; BillError for a name that ends in neither .csv nor .parquet."""
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise BillError(f"--out: found {path.name!r}; expected a name that ends in .csv or .parquet")
    part = path.with_name(path.name + ".part")
    text = part if kind == ".csv" else path.with_name(path.name + ".csv.part")
    try:
        count = _write_csv(text, columns, rows)
        if kind == ".parquet":
            from spancost.store.duckdb_engine import csv_to_parquet

            csv_to_parquet(text, part, {name: _type(name) for name in columns})
        part.replace(path)
    finally:
        for left in {part, text}:
            left.unlink(missing_ok=True)
    return count


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row.get(name)) for name in columns])
            count += 1
    return count


def _cell(value: Any) -> str:
    """Return a value as text; a decimal always has a point, because validators take `3` for an integer."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text if "." in text else f"{text}.0"
    return str(value)


def _type(name: str) -> str:
    types = definition()["types"]
    if name in types["decimal"]:
        return "DECIMAL(38,15)"
    if name in types["timestamp"]:
        return "TIMESTAMP"
    return "BIGINT" if name in types["integer"] else "VARCHAR"
