# SPDX-License-Identifier: Apache-2.0
"""What a provider's file charges, read from its YAML as text: by pricing/SPEC.md 6, less its hours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any, NamedTuple

from tools.pricing.form import seconds_of
from tools.pricing.statement import Fact

Yaml = Mapping[str, Any]


class Rate(NamedTuple):
    """A price and where it stands: `own` in its table, `modifier` (times factors), `none` (no table of its own)."""

    price: Fraction | None
    by: str


def era_at(model: Yaml, seconds: int) -> int | None:
    """Return the index of the era that holds at an instant, None before the first."""
    held = None
    for index, period in enumerate(model["prices"]):
        start = seconds_of(period["from"])
        if start is None or start <= seconds:
            held = index
    return held


def rate(provider: Yaml, model_id: str, model: Yaml, fact: Fact, seconds: int) -> Rate:
    """Return what *model* of *provider* charges for a fact at an instant."""
    index = era_at(model, seconds)
    if index is None:
        return Rate(None, "none")
    period, facts = model["prices"][index], dict(fact.when)
    table, answered = dict(period["rates"]), set()
    steps: Sequence[Yaml] = period.get("steps", ())
    variant = variant_of(period, facts)
    if variant is not None:
        kept = {meter: price for meter, price in table.items() if not is_token(meter)}
        table, steps, answered = {**kept, **variant["rates"]}, variant.get("steps", ()), set(variant["when"])
    own = not fact.bound
    for step in steps:
        if fact.bound and first_of(step) <= fact.bound:
            table.update(step["rates"])
            own = own or (is_bound(step, fact.bound) and fact.meter in step["rates"])
    text = table.get(fact.meter)
    if text is None:
        return Rate(None, "none")
    price, by = Fraction(text), "own" if own else "none"
    if is_token(fact.meter):
        for factor in modifiers(provider, model_id, facts, answered):
            price, by = price * factor, "modifier"
    if answered != set(facts) and by == "own" and facts:
        by = "none"
    return Rate(price, by)


def variant_of(period: Yaml, facts: Mapping[str, str]) -> Yaml | None:
    """Return the variant with most conditions that all hold; of equals the first."""
    held = [v for v in period.get("variants", ()) if all(facts.get(key) == word for key, word in v["when"].items())]
    return max(held, key=lambda variant: len(variant["when"]), default=None)


def modifiers(provider: Yaml, model_id: str, facts: Mapping[str, str], answered: set[str]) -> Iterator[Fraction]:
    """Yield the factors of the modifiers that hold for a model and facts."""
    for row in provider.get("modifiers", ()):
        holds = all(facts.get(key) == word and key not in answered for key, word in row["when"].items())
        meant = any(fnmatchcase(model_id, glob) for glob in row.get("only", ["*"]))
        if holds and meant and not any(fnmatchcase(model_id, glob) for glob in row.get("except", ())):
            yield Fraction(row["x"])


def factors(provider: Yaml, model_id: str) -> Iterator[Fraction]:
    """Yield every factor that a model's prices can be multiplied by, whatever the facts."""
    for row in provider.get("modifiers", ()):
        yield from modifiers({"modifiers": [row]}, model_id, row["when"], set())


def first_of(step: Yaml) -> int:
    """Return the smallest quantity for which a step holds."""
    return int(step["at_least"]) if "at_least" in step else int(step["above"]) + 1


def is_bound(step: Yaml, bound: int) -> bool:
    """Return whether a step is the one at a bound: "above" and "at least" a round number are the same step."""
    return abs(first_of(step) - bound) <= 1


def is_token(meter: str) -> bool:
    """Return whether a meter counts tokens, which modifiers scale and variants replace."""
    return meter.endswith("_tokens")


def tables(period: Yaml) -> Iterator[tuple[dict[str, str], int, Yaml]]:
    """Yield every table of an era: its conditions, the bound of its step (0: none), its rates."""
    for row in ({"when": {}, **period}, *period.get("variants", ())):
        yield dict(row["when"]), 0, row["rates"]
        for step in row.get("steps", ()):
            yield dict(row["when"]), first_of(step), step["rates"]
