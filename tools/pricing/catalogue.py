# SPDX-License-Identifier: Apache-2.0
"""A model of another catalogue in our format: created by the readers, used by the merge."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Rates = dict[str, Decimal]


@dataclass
class Table:
    """Rates with their steps: (smallest quantity for which the step holds, rates)."""

    rates: Rates = field(default_factory=dict)
    steps: list[tuple[int, Rates]] = field(default_factory=list)


@dataclass
class PricePeriod:
    """A table from an instant on (`launch`, a date or a time), with tables for certain facts."""

    start: str
    table: Table
    variants: list[tuple[dict[str, str], Table]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Entry:
    """One thing that is sold: its names and eras, where it comes from, and modifiers that its source names.

    *unread*: a digest of prices that our format does not support, "" for none; it shows only that they changed.
    """

    id: str
    names: set[str]
    periods: list[PricePeriod]
    source: str
    note: str | None = None
    marks: set[str] = field(default_factory=set)
    unread: str = ""


def plain(value: Decimal) -> str:
    """Return a price in plain decimals, rounded to ten significant digits: what is beyond is a float's dust."""
    rounded = Decimal(f"{value:.9e}").normalize()
    return f"{rounded:f}"
