# SPDX-License-Identifier: Apache-2.0
"""Checks account facts (a deployment's type, a location, a tier) against the rate card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from spancost.core.pricing.card import RateCard
from spancost.core.pricing.facts import STANDARD
from spancost.core.pricing.linear_cost import SPLIT_FACT


class AccountFault(NamedTuple):
    """An invalid account fact: `part` is provider, fact or value."""

    part: str
    found: str
    expected: str


def account_fault(card: RateCard, provider: str, fact: str, text: str) -> AccountFault | None:
    """Return the fault of a fact of an account at *provider*, None when it can be priced."""
    line = card.provider(provider)
    if line is None:
        return AccountFault("provider", f"provider {provider!r}", "a provider of the rate card")
    known = sorted(line.get("facts", {}).keys() - {SPLIT_FACT})
    if fact not in known:
        expected = f"one of {', '.join(known)}" if known else "none: no price of this provider depends on one"
        return AccountFault("fact", f"fact {fact!r}", expected)
    values = sorted(set(_rated(line, fact)))
    word = card.fact_words.of({fact: text}).get(fact, STANDARD if text.strip() else "")
    is_moved = bool(card.fact_words.of({fact: text}).keys() - {fact})
    if is_moved or (word != STANDARD and word not in values):
        return AccountFault("value", f"{text!r}", f"the usual one, or one with a rate: {', '.join(values) or 'none'}")
    return None


def _rated(line: Mapping[str, Any], fact: str) -> Iterator[str]:
    """Yield the values of a fact that any entry of a provider has rates for."""
    for entry in line["models"].values():
        yield from (value for value in entry.get("base_for", {}).get(fact, ()) if value != "*")
        modifiers = (line["modifiers"][index] for index in entry.get("modifiers", ()))
        for row in (*(variant for period in entry["eras"] for variant in period.get("variants", ())), *modifiers):
            if fact in row["when"]:
                yield row["when"][fact]
