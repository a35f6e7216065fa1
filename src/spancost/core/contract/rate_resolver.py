# SPDX-License-Identifier: Apache-2.0
"""Resolves the rates of a matched entry under a contract term: card tables with contract rates, then the discount.

Everything that a term does not name keeps the card's rates: other meters, context tiers, service tiers and windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from spancost.core import reasons
from spancost.core.call import ESTIMATED
from spancost.core.contract.terms import Table, Term
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.match import Match
from spancost.core.pricing.rate_resolver import RateResolver
from spancost.core.pricing.rates import Caveat, Rate


class ContractRate(NamedTuple):
    """A rate of a contract term, distinguished from the card's rates by its class: do not annotate it as Rate."""

    numerator: int
    denominator: int


class ContractRateResolver(RateResolver):
    """Resolves one match under one term. It has state: create one for each match."""

    def __init__(self, card: RateCard, term: Term) -> None:
        """Resolve under *term*; its facts are mapped to the values of *card*."""
        super().__init__(card.units, card.calendars, card.fact_words)
        self._term = term
        self._variants = [table._replace(when=card.fact_words.of(table.when)) for table in term.variants]
        self._answered: frozenset[str] = frozenset()
        self._share = Fraction(1)

    def _variant(
        self, period: Mapping[str, Any], facts: Mapping[str, str]
    ) -> tuple[Mapping[str, Any], frozenset[str], list[str]]:
        """Return the card's table with the contract's rates.

        The term's variant for the facts comes first. Without one, the term's base rates apply: to all of the card's
        base table, and in a variant of the card only to fees and measures.
        """
        table, consumed, names = super()._variant(period, facts)
        own: Table | None = None
        for variant in self._variants:
            fits = all(facts.get(dimension) == value for dimension, value in variant.when.items())
            if fits and (own is None or len(variant.when) > len(own.when)):
                own = variant
        self._answered = frozenset(own.when) if own else frozenset()
        rates, tiers = self._term.base.rates, self._term.base.steps
        if own or consumed:
            rates = {meter: rate for meter, rate in rates.items() if not self._units.meters[meter].is_token}
            tiers = ()
        if own:
            rates, tiers = {**rates, **own.rates}, own.steps
            names = sorted({*names, *(f"{dimension}={value}" for dimension, value in own.when.items())})
        patched = {"rates": {**table["rates"], **_agreed(rates)}, "steps": _merged(table.get("steps", ()), tiers)}
        return patched, consumed, names

    def _modifiers(
        self, match: Match, entry: Mapping[str, Any], consumed: frozenset[str]
    ) -> tuple[Rate, list[str], frozenset[str]]:
        """Return the card's modifiers; `_share` is the part of their product that applies to contract rates."""
        modifier, names, used = super()._modifiers(match, entry, consumed)
        self._share = Fraction(1)
        for index in entry.get("modifiers", ()):
            row = match.line["modifiers"][index]
            if row["id"] in names and row["x"][0] and self._leaves_agreed_rates(row):
                self._share /= Fraction(*row["x"])
        return modifier, [*names, f"contract={self._term.id}"], used | self._answered

    def _leaves_agreed_rates(self, modifier: Mapping[str, Any]) -> bool:
        skip = self._term.skip
        is_skipped = "*" in skip or modifier["id"] in skip
        return is_skipped or not self._answered.isdisjoint(modifier["when"])

    def _caveat(
        self, match: Match, entry: Mapping[str, Any], period: Mapping[str, Any], answered: frozenset[str]
    ) -> Caveat | None:
        caveat = super()._caveat(match, entry, period, answered)
        if caveat is None and self._term.is_allocated:
            return ESTIMATED, reasons.ALLOCATED
        return caveat

    def _scaled(self, rates: Mapping[str, Any], modifier: Rate) -> dict[str, Rate]:
        """Return the rates, multiplied: token rates by modifiers and discount, others by a discount on all meters."""
        scaled = {}
        for meter, rate in rates.items():
            factor = Fraction(1)
            if self._units.meters[meter].is_token:
                factor *= Fraction(*modifier) * (self._share if isinstance(rate, ContractRate) else 1)
            if self._units.meters[meter].is_token or self._term.is_for_all:
                factor *= Fraction(*self._term.factor)
            product = Fraction(*rate) * factor
            scaled[meter] = (product.numerator, product.denominator)
        return scaled


def _agreed(rates: Mapping[str, Rate]) -> dict[str, ContractRate]:
    return {meter: ContractRate(*rate) for meter, rate in rates.items()}


def _merged(listed: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the card's context tiers merged with those of a term. A tier at a bound of the card changes that tier;
    another one starts from the rates of the card's next lower tier."""
    tiers = {(tier["meter"], tier["from"]): tier for tier in listed}
    for tier in own:
        below: Mapping[str, Any] = {}
        for other in listed:
            if other["meter"] == tier["meter"] and other["from"] <= tier["from"]:
                below = other["rates"]
        tiers[tier["meter"], tier["from"]] = {**tier, "rates": {**below, **_agreed(tier["rates"])}}
    return sorted(tiers.values(), key=lambda tier: int(tier["from"]))
