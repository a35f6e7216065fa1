# SPDX-License-Identifier: Apache-2.0
"""One model as a catalogue states it, flat: era -> fact -> price. What the lock keeps and the proposals compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from tools.pricing.catalogue import Entry, Table, plain


class Fact(NamedTuple):
    """Which price: under which conditions (sorted), from how many input tokens on (0: any), of which meter."""

    when: tuple[tuple[str, str], ...]
    bound: int
    meter: str

    @property
    def text(self) -> str:
        """The fact as people and the lock write it: `processing=batch input_tokens >=200001`."""
        conditions = "&".join(f"{key}={value}" for key, value in self.when)
        return " ".join(filter(None, (conditions, self.meter, f">={self.bound}" if self.bound else "")))

    @classmethod
    def parse(cls, text: str) -> Fact:
        """Return the fact that *text* writes."""
        parts = text.split(" ")
        when = tuple(sorted(_pair(part) for part in parts.pop(0).split("&"))) if "=" in parts[0] else ()
        return cls(when, int(parts[1].removeprefix(">=")) if len(parts) > 1 else 0, parts[0])


Prices = dict[Fact, Decimal]


@dataclass
class Statement:
    """*eras*: instant (`launch`, a date) -> prices; *names* beside its own; *unread*: digest of unsupported parts."""

    periods: dict[str, Prices] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    source: str = ""
    unread: str = ""
    entry: Entry | None = None

    def at(self, start: str) -> Prices:
        """Return the prices that hold at an instant, {} before the first."""
        held = [period for period in self.periods if order(period) <= order(start)]
        return self.periods[max(held, key=order)] if held else {}

    def current(self, day: str) -> str:
        """Return the start of the era that holds on *day*."""
        return max((period for period in self.periods if order(period) <= order(day)), key=order, default="launch")


def order(start: str) -> str:
    """Return a text by which starts are in order of time."""
    return "" if start == "launch" else start


def statement(entry: Entry) -> Statement:
    """Return an entry of a catalogue as a statement; one with a price below 0, or none at all, cannot be read."""
    tables = [table for period in entry.periods for table in (period.table, *(table for _, table in period.variants))]
    prices_of = [
        price for table in tables for rates in (table.rates, *dict(table.steps).values()) for price in rates.values()
    ]
    if not all(price.is_finite() and price >= 0 for price in prices_of):
        return Statement({}, entry.names - {entry.id}, entry.source, f"prices {sorted(map(str, prices_of))}", entry)
    periods: dict[str, Prices] = {}
    for period in entry.periods:
        prices = periods.setdefault(period.start, {})
        for when, table in [({}, period.table), *period.variants]:
            _add(prices, tuple(sorted(when.items())), table)
    return Statement(periods, entry.names - {entry.id}, entry.source, entry.unread, entry)


def _add(prices: Prices, when: tuple[tuple[str, str], ...], table: Table) -> None:
    for bound, rates in [(0, table.rates), *table.steps]:
        for meter, price in rates.items():
            prices[Fact(when, bound, meter)] = Decimal(plain(price))


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value
