# SPDX-License-Identifier: Apache-2.0
"""What the provider server charges: one line a served call, in exact dollars, by a price list of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from spancost.testing.usage import Usage

_MILLION = 1_000_000


class Price(NamedTuple):
    """List price of one model at one provider.

    model: the name it is served under. names: others it may be asked for by. rates: tier ("" is standard) -> meter ->
    USD for one. reasons: it thinks before it answers. caches: "automatic", "marked" or "".
    """

    provider: str
    model: str
    names: tuple[str, ...]
    rates: Mapping[str, Mapping[str, Fraction]]
    reasons: bool
    caches: str


class PriceList:
    """Published list prices, copied by hand from the providers' pages, of the few models the server knows."""

    def __init__(self, prices: tuple[Price, ...]) -> None:
        self._by_name = {(price.provider, name): price for price in prices for name in (price.model, *price.names)}

    @classmethod
    @cache
    def published(cls) -> PriceList:
        """Return the packaged list."""
        text = resources.files("spancost.testing").joinpath("prices.json").read_text(encoding="utf-8")
        return cls(tuple(_price(row) for row in json.loads(text)["prices"]))

    def find(self, provider: str, model: str) -> Price | None:
        """Return the price of *model* at *provider*, None when the list has none."""
        return self._by_name.get((provider, model))

    def amount(self, provider: str, model: str, usage: Usage, service_tier: str | None = None) -> Fraction | None:
        """Return what *usage* costs in USD, exact; None when the model, the tier or a used meter has no price."""
        price = self.find(provider, model)
        rates = price.rates.get(service_tier or "") if price else None
        if rates is None:
            return None
        total = Fraction(0)
        for meter, quantity in _billed(usage).items():
            if quantity and meter not in rates:
                return None
            if quantity:
                total += quantity * rates[meter]
        return total


class Charge(NamedTuple):
    """One line of the bill. usd is None when the list has no price for the model."""

    provider: str
    model: str
    operation: str
    response_id: str
    usage: Usage
    usd: Fraction | None


class Bill:
    """The charges of one server, in the order they were made. Thread-safe."""

    def __init__(self) -> None:
        self._charges: list[Charge] = []
        self._lock = threading.Lock()

    def add(self, charge: Charge) -> None:
        """Add *charge*."""
        with self._lock:
            self._charges.append(charge)

    @property
    def charges(self) -> tuple[Charge, ...]:
        """Return what was charged so far."""
        with self._lock:
            return tuple(self._charges)

    @property
    def total_usd(self) -> Fraction:
        """Return the sum of the charges with a known price, in USD, exact."""
        return sum((charge.usd for charge in self.charges if charge.usd is not None), Fraction(0))


def _billed(usage: Usage) -> dict[str, int]:
    """Return what is charged for: the parts of *usage* that do not overlap."""
    return {
        "input": usage.plain_input,
        "cache_read": usage.cache_read_tokens,
        "cache_write": usage.cache_write_tokens,
        "cache_write_5m": usage.cache_write_5m_tokens,
        "cache_write_1h": usage.cache_write_1h_tokens,
        "output": usage.output_tokens,
        "web_search": usage.web_searches,
    }


def _price(row: dict[str, Any]) -> Price:
    tiers = {"": row["usd"], **row.get("tiers", {})}
    rates = {tier: {meter: _rate(meter, usd) for meter, usd in prices.items()} for tier, prices in tiers.items()}
    names = tuple(row.get("names", ()))
    return Price(row["provider"], row["model"], names, rates, row.get("reasons", False), row.get("caches", ""))


def _rate(meter: str, usd: str) -> Fraction:
    """Return USD for one: fees are written for one thousand, tokens for one million, as providers publish them."""
    return Fraction(usd) / (1000 if meter == "web_search" else _MILLION)
