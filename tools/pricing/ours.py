# SPDX-License-Identifier: Apache-2.0
"""Our side of the comparison: the card as its sources stand now, and what a foreign name finds on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from spancost.core.call import Call
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.match import Match, match
from tools.pricing.compiler import compile_card
from tools.pricing.form import seconds_of
from tools.pricing.sides import Catalogue, ProviderMap
from tools.pricing.statement import Fact, Statement

Facts = tuple[tuple[str, str], ...]
_LAST_SECOND = 86_399
_DUST = Fraction(1, 10**9)


class Ours:
    """The sources under a folder such as `pricing/`, compiled as of *day* (YYYY-MM-DD)."""

    def __init__(self, pricing: Path, mapping: ProviderMap, day: str) -> None:
        content = compile_card(pricing, day.replace("-", "."), sharing=False)
        self.card = RateCard.from_bytes(content, "the sources")
        self.mapping, self.day, self.seconds = mapping, day, end_of(day)

    def find(self, provider: str, catalogue: str, name: str, others: frozenset[str] = frozenset()) -> Target | None:
        """Return the entry that a catalogue's name, or one of *others*, finds on the card."""
        own = self.mapping.short(provider, name) if catalogue == "litellm" else name
        for spelled in [own or name, *sorted(others)]:
            found = match(self.card, Call(provider, spelled, {}, self.seconds * 10**9))
            if isinstance(found, Match) and found.provider == provider:
                for start, end, entry in found.spans:
                    if (start is None or start <= self.seconds) and (end is None or self.seconds < end):
                        return Target(entry, tuple(sorted(found.facts.items())))
        return None


@dataclass(frozen=True)
class Target:
    """An entry of ours, and the facts that the name states by itself."""

    model: str
    facts: Facts = ()

    def fact(self, stated: Fact) -> Fact:
        """Return a fact of the name as one of the entry."""
        return stated._replace(when=tuple(sorted({**dict(self.facts), **dict(stated.when)}.items())))


@dataclass
class Stated:
    """All that both catalogues state now about one provider, by our entry."""

    by_model: dict[str, list[tuple[str, str, Target, Statement]]] = field(default_factory=dict)
    targets: dict[tuple[str, str], Target] = field(default_factory=dict)

    @classmethod
    def collect(cls, ours: Ours, provider: str, catalogues: list[Catalogue]) -> Stated:
        """Look up every name of a provider."""
        found = cls()
        for catalogue in catalogues:
            for name, stated in catalogue.providers.get(provider, {}).items():
                others = frozenset(other for other in stated.names if "*" not in other)
                target = ours.find(provider, catalogue.name, name, others)
                if target is not None:
                    found.targets[catalogue.name, name] = target
                    found.by_model.setdefault(target.model, []).append((catalogue.name, name, target, stated))
        return found

    def values(self, model: str, fact: Fact, start: str) -> Iterator[tuple[str, str, Decimal]]:
        """Yield (catalogue, name, price) of all that state a fact of an entry as of an instant."""
        for catalogue, name, target, stated in self.by_model.get(model, ()):
            for own, price in stated.at(start).items():
                if own.meter == fact.meter and own.bound == fact.bound and target.fact(own) == fact:
                    yield catalogue, name, price


def end_of(day: str) -> int:
    """Return the last second of a day: what begins on it holds."""
    return (seconds_of(day) or 0) + _LAST_SECOND


def close(one: Decimal | Fraction | None, other: Decimal | Fraction | None) -> bool:
    """Return whether two prices are the same but for a float's dust."""
    if one is None or other is None:
        return one is other
    first, second = Fraction(one), Fraction(other)
    return abs(first - second) <= _DUST * max(first, second)


def shown(price: Any) -> str:
    """Return a price as a table shows it, "-" for none."""
    return "-" if price is None else f"{float(price):.10g}"
