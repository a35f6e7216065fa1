# SPDX-License-Identifier: Apache-2.0
"""What of a rate card fits into a table of fixed columns: the standard rates of one provider at one instant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from spancost.core.pricing.card import RateCard
from spancost.core.pricing.linear_cost import SPLIT_FACT

METERS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
"""The columns of prices, in order."""
NO_BOUND = 10**9 - 1
"""The bound of a model whose rates hold for any input."""

_PARENTS = {"cache_read_tokens": "input_tokens", "cache_write_tokens": "input_tokens"}
_SAFE_NAME = re.compile(r"[a-z0-9._:/@~+*-]+")


class Row(NamedTuple):
    """Femto-dollars for one token by column of `METERS`; they hold for an input below *bound* tokens."""

    prices: tuple[int, ...]
    bound: int


class Table(NamedTuple):
    """A provider's rows, the row of each name (`…*date` is any date), and why the other names were left out."""

    rows: tuple[Row, ...]
    names: Mapping[str, int]
    refused: Mapping[str, str]


def table_of(card: RateCard, provider: str, at_seconds: int) -> Table:
    """Return the prices of *provider* at a time (seconds since the epoch); ValueError when it has no card."""
    line = card.provider(provider)
    if line is None:
        raise ValueError(f"provider: found {provider!r}; expected one of {', '.join(card.providers)}")
    rows: dict[Row, int] = {}
    names: dict[str, int] = {}
    refused: dict[str, str] = {}
    for name, target in line["names"].items():
        entry = target if isinstance(target, str) else _in_force(target, at_seconds)
        found = "it refers to no entry at present" if entry is None else _row(card, line["models"][entry], at_seconds)
        if not _SAFE_NAME.fullmatch(name):
            found = "its name has characters that a table cannot hold"
        if isinstance(found, str):
            refused[name] = found
        else:
            names[name] = rows.setdefault(found, len(rows))
    return Table(tuple(rows), names, refused)


def _in_force(spans: list[Any], at_seconds: int) -> Any:
    """Return the last of (from, what) that has begun."""
    begun = [what for start, what in spans if start is None or start <= at_seconds]
    return begun[-1] if begun else None


def _row(card: RateCard, entry: Mapping[str, Any], at_seconds: int) -> Row | str:
    """Return an entry's standard rates, or why a table would get them wrong."""
    period = _in_force([(period.get("from"), period) for period in entry["eras"]], at_seconds)
    if period is None:
        return "it has no price yet"
    if period.get("windows"):
        return "its price depends on the time of day"
    if period.get("minimum"):
        return "it has a least quantity"
    if any(fact != SPLIT_FACT for fact in (*entry.get("assumes", ()), *period.get("assumes", ()))):
        return "its price depends on facts that spans do not report"
    rates = period["rates"]
    for meter in rates:
        if card.units.meters[meter].implied:
            return "each request has a price of its own"
    if "reasoning_tokens" in rates:
        return "reasoning has a rate of its own"
    prices = [rates.get(meter, rates.get(_PARENTS.get(meter, ""), 0)) for meter in METERS]
    if any(not isinstance(price, int) for price in prices):
        return "a rate is no whole number of femto-dollars"
    if not rates.get("input_tokens"):
        return "it is not sold by the token"
    bounds = [step["from"] for step in period.get("steps", ())]
    if any(step["meter"] != "input_tokens" for step in period.get("steps", ())):
        return "its price depends on other quantities than input"
    return Row(tuple(prices), min([*bounds, NO_BOUND]))
