# SPDX-License-Identifier: Apache-2.0
"""Which facts the price of an entry depends on, and what holds for a call that does not report one.

The law of the card: a fact that a table or a factor of an entry is for has a default that the provider documents,
or states that there is none. The compiler refuses a card without an entry for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from tools.pricing.form import NO_DEFAULT, ONE_PRICE, FormError, Model, Provider

SPLIT_FACT = "cache_ttl"
"""The fact that determines the rate of parts of cache writes; meters report it, not text."""
EVERY = "*"


def facts_of_provider(provider: Provider, shared: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the provider's facts as the card keeps them for people: the default, and where it stands."""
    rows: dict[str, Any] = {}
    known = shared["names"]["facts"].keys() | {SPLIT_FACT}
    for fact, row in provider.facts.items():
        for name in (fact, *([row.or_] if row.or_ else ())):
            if name not in known:
                raise FormError(f"{where}, facts.{fact}: found {name!r}; expected one of {', '.join(sorted(known))}")
        if row.source is not None and row.source not in provider.sources:
            raise FormError(f"{where}, facts.{fact}.source: found {row.source!r}; expected a key of sources")
        rows[fact] = {"default": row.default}
        if row.source is not None and row.checked is not None:
            rows[fact] |= {"checked": row.checked, "source": row.source}
    return rows


def facts_of_entry(
    provider: Provider, model_id: str, model: Model, entry: dict[str, Any], shared: dict[str, Any], where: str
) -> dict[str, Any]:
    """Return `assumes` and `base_for` of an entry; FormError for a fact that changes its price and stands nowhere."""
    changing = set(dimensions(provider, entry, shared["units"]))
    assumes: list[str] = []
    base_for: dict[str, list[str]] = {}
    for fact in model.facts.keys() - provider.facts.keys():
        raise FormError(f"{where}, facts: found {fact!r}; expected one of the provider's facts")
    for fact in sorted(changing - provider.facts.keys()):
        raise FormError(f"{where}: its price depends on {fact}; expected the default of {fact} in the provider's facts")
    for fact, row in sorted(provider.facts.items()):
        is_one_price = any(fnmatchcase(model_id, pattern) for pattern in row.one_price)
        default = model.facts.get(fact, ONE_PRICE if is_one_price else row.default)
        if default == ONE_PRICE:
            if fact in changing:
                raise FormError(f"{where}, facts.{fact}: found one price; expected no rates for a value of it")
            base_for[fact] = [EVERY]
        elif fact == SPLIT_FACT:
            assumes += [fact] if default == NO_DEFAULT and fact in changing else []
        else:
            assumes += ["|".join((fact, row.or_) if row.or_ else (fact,))] if default == NO_DEFAULT else []
            fits = [values for pattern, values in row.base.items() if fnmatchcase(model_id, pattern)]
            base = [value for value in (fits[-1] if fits else ()) if value not in _values(entry, fact)]
            base_for |= {fact: base} if base else {}
    return ({"assumes": assumes} if assumes else {}) | ({"base_for": base_for} if base_for else {})


def dimensions(provider: Provider, entry: dict[str, Any], units: dict[str, Any]) -> Iterator[str]:
    """Yield the facts that change the price of a compiled entry: those of its tables and factors, and of its writes."""
    for index in entry.get("modifiers", ()):
        if provider.modifiers[index].x != "1":
            yield from provider.modifiers[index].when
    for period in entry["eras"]:
        for table in (period, *period.get("variants", ())):
            yield from table.get("when", ())
            for rates in (table["rates"], *(step["rates"] for step in table.get("steps", ()))):
                usual = rates.get("cache_write_tokens")
                parts = [rates[meter] for meter in rates if "cache_write_tokens" in units[meter].get("inside", ())]
                if any(rate != usual for rate in parts):
                    yield SPLIT_FACT


def _values(entry: dict[str, Any], fact: str) -> set[str]:
    """Return the values of a fact that an entry has tables for."""
    variants = (variant for period in entry["eras"] for variant in period.get("variants", ()))
    return {variant["when"][fact] for variant in variants if fact in variant["when"]}
