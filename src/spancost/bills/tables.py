# SPDX-License-Identifier: Apache-2.0
"""Rows of bill files: CSV, JSON, JSON Lines, Parquet, plain, in gzip or in a ZIP. Every value stays text."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from spancost.bills.line import BillError

csv.field_size_limit(1 << 20)
_MOST_MEMBERS = 1_000
_MOST_BYTES = 1 << 31


_BROKEN = (zlib.error, EOFError, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError)
"""What reading an archive raises; the last is for a compression that Python does not know."""


class Table(NamedTuple):
    """A table of a file: its name, columns, and a text of each column for each row; or the JSON document of them."""

    name: str
    columns: tuple[str, ...] = ()
    rows: Callable[[], Iterator[Sequence[str]]] | None = None
    document: Any = None


def tables_of(path: Path) -> Iterator[Table]:
    """Yield the tables of *path*; BillError when it is neither CSV nor JSON nor Parquet."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BillError(f"{path}: cannot be read ({error.strerror}); expected a bill") from error
    try:
        if content.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                content = file.read(_MOST_BYTES)
        yield from _tables(str(path), content)
    except _BROKEN as error:
        raise BillError(f"{path}: found a broken archive ({error}); expected a whole one") from None


def _tables(name: str, content: bytes) -> Iterator[Table]:
    if content.startswith(b"PK\x03\x04"):
        yield from _members(name, content)
    elif content.startswith(b"PAR1"):
        yield _parquet(name)
    elif content.lstrip()[:1] in (b"{", b"["):
        yield from _documents(name, content)
    else:
        yield _csv(name, content)


def _members(name: str, content: bytes) -> Iterator[Table]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()][:_MOST_MEMBERS]
        for member in members:
            if member.filename.lower().endswith((".csv", ".json", ".jsonl")) and member.file_size < _MOST_BYTES:
                yield from _tables(f"{name}/{member.filename}", archive.read(member))


def _text(name: str, content: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16"):
        if encoding == "utf-16" and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            break
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BillError(f"{name}: found bytes that are not UTF-8; expected CSV, JSON or Parquet")


def _csv(name: str, content: bytes) -> Table:
    text = _text(name, content)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = tuple(column.strip() for column in next(reader, []))
    if len(columns) < 2:
        raise BillError(f"{name}: found {first[:60]!r}; expected the heading of a CSV file, JSON or Parquet")

    def rows() -> Iterator[Sequence[str]]:
        width = len(columns)
        number = 1
        try:
            for number, values in enumerate(reader, 2):
                if len(values) == width and values[0]:
                    yield values
                elif any(value.strip() for value in values):
                    if len(values) != width:
                        raise BillError(f"{name}, line {number}: found {len(values)} values; expected {width}")
                    yield values
        except csv.Error as error:
            raise BillError(f"{name}, line {number + 1}: found no row ({error}); expected CSV") from None

    return Table(name, columns, rows)


def _documents(name: str, content: bytes) -> Iterator[Table]:
    """Yield the documents of JSON or JSON Lines, numbers as their literals."""
    text = _text(name, content)
    try:
        whole = _json(text)
    except ValueError as error:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if len(lines) < 2 or not _is_json(lines[0][1]):
            raise BillError(f"{name}: found no JSON ({error}); expected a page of rows") from None
        for number, line in lines:
            try:
                yield Table(f"{name}, line {number}", document=_json(line))
            except ValueError as fault:
                raise BillError(f"{name}, line {number}: found no JSON ({fault}); expected a page of rows") from None
    else:
        yield Table(name, document=whole)


def _is_json(text: str) -> bool:
    try:
        _json(text)
    except ValueError:
        return False
    return True


def _json(text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"found {constant}")

    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=refuse)
    except RecursionError:
        raise ValueError("found brackets nested too deep") from None


def _parquet(name: str) -> Table:
    from spancost.store.duckdb_engine import parquet_text  # needs the extra `reports`

    try:
        columns, read = parquet_text(Path(name))
    except ValueError as error:
        raise BillError(f"{name}: found broken Parquet ({error}); expected a whole file") from None

    def rows() -> Iterator[Sequence[str]]:
        try:
            yield from read()
        except ValueError as error:
            raise BillError(f"{name}: found broken Parquet ({error}); expected a whole file") from None

    return Table(name, columns, rows)


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return a JSON object as one row: keys joined by dots, scalars as text, null and lists left out."""
    row: dict[str, str] = {}
    for key, held in value.items():
        if isinstance(held, Mapping):
            row.update(flat(held, f"{prefix}{key}."))
        elif isinstance(held, bool):
            row[f"{prefix}{key}"] = "true" if held else "false"
        elif isinstance(held, str):
            row[f"{prefix}{key}"] = held
    return row
