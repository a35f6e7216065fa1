# SPDX-License-Identifier: Apache-2.0
"""Requests in a file of OTLP JSON: one a line, or one document (or several) over any lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Protocol

_EXPECTED = "expected an ExportTraceServiceRequest or ExportLogsServiceRequest"


class Lines(Protocol):
    """A binary file, as far as it is needed here."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines."""

    def read(self) -> bytes:
        """Return the rest."""


def requests(source: Lines) -> Iterator[tuple[Any, str | None]]:
    """Yield (request, None) or (None, fault) for each request in *source*.

    The first line that is not blank decides: when it is the beginning of a JSON value, the source holds documents over
    several lines; else every line is a request.
    """
    is_first = True
    for number, line in enumerate(source, 1):
        if not line.strip():
            continue
        request, fault, is_open = _parsed(line, f"line {number}")
        if is_first and is_open:
            yield from _documents(line + source.read(), number)
            return
        is_first = False
        yield request, fault


def _documents(text: bytes, number: int) -> Iterator[tuple[Any, str | None]]:
    """Yield the values that follow each other in *text*, which begins at line *number*.

    When it holds no such values, its lines are the requests if one of them is, else the whole is one fault.
    """
    try:
        found = list(_values(text.decode("utf-8-sig")))
    except (ValueError, RecursionError) as error:
        lines = [
            _parsed(line, f"line {place}")[:2] for place, line in enumerate(text.splitlines(), number) if line.strip()
        ]
        if any(_is_request(request) for request, _ in lines):
            yield from lines
        else:
            yield None, f"file: found no JSON ({error}), {_EXPECTED}"
        return
    for value in found:
        yield value, None


def _values(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        value, place = decoder.raw_decode(text, place)
        yield value


def _parsed(line: bytes, where: str) -> tuple[Any, str | None, bool]:
    """Return what *line* holds, its fault, and whether it is the beginning of a value that later lines may end."""
    try:
        return json.loads(line), None, False
    except (ValueError, RecursionError) as error:
        is_open = isinstance(error, json.JSONDecodeError) and error.pos >= len(error.doc.rstrip())
        return None, f"{where}: found no JSON ({error}), {_EXPECTED}", is_open


def _is_request(value: Any) -> bool:
    return isinstance(value, dict) and any(key.startswith("resource") for key in value)
