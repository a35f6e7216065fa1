# SPDX-License-Identifier: Apache-2.0
"""Rows of tables as JSON, whatever spans hold: halves of surrogate pairs, which UTF-8 has no form of, and any time."""

from __future__ import annotations

from typing import Any

from msgspec.json import encode

MOST_NS = 92 * 10**17
"""Years 1678 to 2261, as far as a time in nanoseconds goes in DuckDB."""


def within_range(number: int) -> int:
    """Return *number*, or the nearest that a column of nanoseconds holds: times of spans may be any."""
    return number if -MOST_NS < number < MOST_NS else max(-MOST_NS, min(number, MOST_NS))


def encoded(row: dict[str, Any]) -> bytes:
    """Return *row* as JSON; a half of a surrogate pair becomes `?`, as in what `spancost enrich` prints."""
    try:
        return encode(row)
    except UnicodeEncodeError:
        return encode(_without_halves(row))


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_without_halves(key): _without_halves(held) for key, held in value.items()}
    return value
