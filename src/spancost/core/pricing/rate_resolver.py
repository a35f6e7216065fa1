# SPDX-License-Identifier: Apache-2.0
"""Resolves the rates of a matched entry for the facts of a call: chooses tables and multiplies modifiers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from math import gcd
from typing import Any

from spancost.core import reasons
from spancost.core.call import ESTIMATED
from spancost.core.pricing.facts import UNKNOWN, FactWords
from spancost.core.pricing.linear_cost import SPLIT_FACT
from spancost.core.pricing.match import Match
from spancost.core.pricing.rates import Caveat, ContextTier, Limits, PricePeriod, Rate, RateSet, ResolvedRates, Window
from spancost.core.pricing.units import Units

EVERY = "*"
"""In the values that an entry's base rates cover: every value."""

_Assumed = tuple[bool, Collection[str]]
"""Return whether the lifetime of cache writes is assumed; meters whose price at a total's rate is an estimate."""


class RateResolver:
    """Resolves matches to rates with the units, calendars and fact names of one card."""

    def __init__(self, units: Units, calendars: Mapping[str, frozenset[int]], words: FactWords) -> None:
        self._units = units
        self._calendars = calendars
        self._words = words

    def resolve(self, match: Match) -> ResolvedRates:
        """Return the rates of the matched entries, newest period first."""
        periods: list[PricePeriod] = []
        for start, end, entry_id in match.spans:
            entry = match.line["models"][entry_id]
            starts = [period.get("from") for period in entry["eras"]]
            for period, period_start, period_end in zip(entry["eras"], starts, [*starts[1:], None], strict=True):
                low = _latest(start, period_start)
                high = _earliest(end, period_end)
                if low is None or high is None or low < high:
                    periods.append(self._period(match, entry_id, entry, period, low, high))
        return ResolvedRates(tuple(reversed(periods)))

    def _period(
        self,
        match: Match,
        entry_id: str,
        entry: Mapping[str, Any],
        period: Mapping[str, Any],
        low: int | None,
        high: int | None,
    ) -> PricePeriod:
        table, consumed, variant_id = self._variant(period, match.facts)
        modifier, modifier_ids, answered_facts = self._modifiers(match, entry, consumed)
        caveat = self._caveat(match, entry, period, consumed | answered_facts)
        assumed = (SPLIT_FACT in entry.get("assumes", ()), frozenset(match.line.get("estimates", ())))
        name = f"{match.provider}/{entry_id}@{_instant(period.get('from'))}"
        parts = [name, *variant_id, *modifier_ids]
        limits = Limits(period.get("minimum", {}), period.get("maximum", {}))
        base, tiers = self._rate_sets(parts, table, modifier, limits, caveat, assumed)
        windows = []
        for window in period.get("windows", ()):
            factor = window.get("x", (1, 1))
            scaled = (modifier[0] * factor[0], modifier[1] * factor[1])
            inside = {**table, "rates": {**table["rates"], **window.get("rates", {})}}
            inner, inner_tiers = self._rate_sets([*parts, window["id"]], inside, scaled, limits, caveat, assumed)
            not_on = self._calendars[window["except"]] if "except" in window else frozenset()
            windows.append(Window(window["days"], window["minutes"], not_on, inner, inner_tiers))
        source = {
            "basis": period["basis"],
            "checked": period["checked"],
            "source": match.line["sources"][period["source"]],
        }
        return PricePeriod(_ns(low), _ns(high), base, tiers, tuple(windows), source)

    def _variant(
        self, period: Mapping[str, Any], facts: Mapping[str, str]
    ) -> tuple[Mapping[str, Any], frozenset[str], list[str]]:
        """Return the table for the facts, the dimensions it covers, and its name. The most conditions win."""
        best: Mapping[str, Any] | None = None
        for variant in period.get("variants", ()):
            when = variant["when"]
            fits = all(facts.get(dimension) == value for dimension, value in when.items())
            if fits and (best is None or len(when) > len(best["when"])):
                best = variant
        if best is None:
            return period, frozenset(), []
        # A variant replaces all token rates; fees and measures that it does not name stay.
        kept = {m: r for m, r in period["rates"].items() if not self._units.meters[m].is_token}
        table = {"rates": {**kept, **best["rates"]}, "steps": best.get("steps", ())}
        when = best["when"]
        return table, frozenset(when), [f"{dimension}={when[dimension]}" for dimension in sorted(when)]

    def _modifiers(
        self, match: Match, entry: Mapping[str, Any], consumed: frozenset[str]
    ) -> tuple[Rate, list[str], frozenset[str]]:
        """Return the product of the modifiers whose conditions hold, their names and the dimensions they cover."""
        numerator, denominator, names = 1, 1, []
        answered_facts: set[str] = set()
        for index in entry.get("modifiers", ()):
            modifier = match.line["modifiers"][index]
            when = modifier["when"]
            if any(d in consumed or match.facts.get(d) != value for d, value in when.items()):
                continue
            numerator *= modifier["x"][0]
            denominator *= modifier["x"][1]
            names.append(modifier["id"])
            answered_facts.update(when)
        return (numerator, denominator), names, frozenset(answered_facts)

    def _caveat(
        self, match: Match, entry: Mapping[str, Any], period: Mapping[str, Any], answered: frozenset[str]
    ) -> Caveat | None:
        """Return the first caveat of the facts: a value without a rate, then a fact that was not reported."""
        base_for = entry.get("base_for", {})
        assumes = [assumed.split("|") for assumed in (*entry.get("assumes", ()), *period.get("assumes", ()))]
        reported_instead = {names[0] for names in assumes if not match.reported.isdisjoint(names[1:])}
        for dimension in self._words.must_be_priced:
            value = match.facts.get(dimension)
            if value is None or dimension in answered:
                continue
            base = base_for.get(dimension, ())
            if value in base or EVERY in base or dimension in reported_instead:
                continue
            if dimension in self._words.places:
                return ESTIMATED, reasons.NO_PLACE_RATE
            return ESTIMATED, reasons.UNKNOWN_SERVICE_TIER if value == UNKNOWN else reasons.NO_TIER_RATE
        for names in assumes:
            if names[0] != SPLIT_FACT and match.reported.isdisjoint(names):
                return ESTIMATED, f"{reasons.ASSUMED_FACT}:{names[0]}"
        for dimension in match.silent_on:
            if dimension not in match.reported and _depends(match, entry, period, dimension):
                return ESTIMATED, f"{reasons.ASSUMED_FACT}:{dimension}"
        return (ESTIMATED, reasons.REQUESTED_MODEL) if match.by_request else None

    def _rate_sets(
        self,
        parts: list[str],
        table: Mapping[str, Any],
        modifier: Rate,
        limits: Limits,
        caveat: Caveat | None,
        assumed: _Assumed,
    ) -> tuple[RateSet, tuple[ContextTier, ...]]:
        published = {meter: _rate(value) for meter, value in table["rates"].items()}
        base = self._rate_set(";".join(parts), published, modifier, limits, caveat, assumed)
        tiers = []
        for tier in table.get("steps", ()):
            inner = {**published, **{meter: _rate(value) for meter, value in tier["rates"].items()}}
            # The bound on the card is inclusive: ">272000" is compiled to 272001.
            rate_id = ";".join([*parts, f"from={tier['from']}"])
            rate_set = self._rate_set(rate_id, inner, modifier, limits, caveat, assumed)
            tiers.append(ContextTier(tier["meter"], tier["from"], rate_set))
        return base, tuple(tiers)

    def _rate_set(
        self,
        rate_id: str,
        published: Mapping[str, Any],
        modifier: Rate,
        limits: Limits,
        caveat: Caveat | None,
        assumed: _Assumed,
    ) -> RateSet:
        implied = tuple(meter for meter in published if self._units.meters[meter].implied)
        scaled = self._scaled(published, modifier)
        return RateSet(rate_id, published, scaled, limits, implied, caveat, *assumed)

    def _scaled(self, rates: Mapping[str, Any], modifier: Rate) -> dict[str, Rate]:
        """Return the rates, those of tokens multiplied, in lowest terms."""
        scaled = {}
        for meter, (numerator, denominator) in rates.items():
            if self._units.meters[meter].is_token:
                numerator, denominator = numerator * modifier[0], denominator * modifier[1]
            common = gcd(numerator, denominator)
            scaled[meter] = (numerator // common, denominator // common)
        return scaled


def _depends(match: Match, entry: Mapping[str, Any], period: Mapping[str, Any], fact: str) -> bool:
    """Return whether a table or modifier of the entry depends on *fact*."""
    modifiers = (match.line["modifiers"][index] for index in entry.get("modifiers", ()))
    return any(fact in row["when"] for row in (*period.get("variants", ()), *modifiers))


def _rate(value: Any) -> Any:
    """Return a rate of the card as numerator and denominator; a contract's rate is returned unchanged.

    A compiled `tuple[int, int]` keeps its two numbers only: typed as Rate, a contract's rate would lose its class.
    """
    if isinstance(value, tuple):
        return value
    return (value, 1) if isinstance(value, int) else (value[0], value[1])


def _latest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _earliest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _ns(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1_000_000_000


def _instant(seconds: int | None) -> str:
    if seconds is None:
        return "launch"
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
