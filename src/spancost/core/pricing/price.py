# SPDX-License-Identifier: Apache-2.0
"""Computes the exact cost of one call.

Fast path: a linear cost (core/pricing/linear_cost), one multiplication per meter. `break_down` is the slow path and the
definition: it handles parts that exceed totals, meters without rates, zero costs and invalid numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from spancost.core import reasons
from spancost.core.call import ESTIMATED, FREE, PARTIAL, PRICED, UNPRICED, Call, Cost, LineItem, Quantity
from spancost.core.money import round_div, usd_text
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.linear_cost import assumed_split, linear_cost_of, rate_of, unreported_part
from spancost.core.pricing.match import AccountFacts, match
from spancost.core.pricing.rate_resolver import RateResolver
from spancost.core.pricing.rates import Caveat, PricePeriod, Rate, RateSet, ResolvedRates
from spancost.core.pricing.usage import Leaves, checked, split

RATE_CARD = "rate_card"
_cost = partial(tuple.__new__, Cost)  # a third of the time of Cost(...)
_MATCHES_KEPT = 2_048
_LINEAR_COSTS_KEPT = 64


class Item(NamedTuple):
    """A line item with its rate: `published` before modifiers, `rate` after them."""

    meter: str
    quantity: Quantity
    rate: Rate
    published: Rate


class CostBreakdown(NamedTuple):
    """Cost of a call by line item, with the rate set and the price period, which are None when unpriced."""

    items: tuple[Item, ...]
    cost: Cost
    period: PricePeriod | None = None
    rate_set: RateSet | None = None


class Pricer:
    """Prices calls by one rate card. Never raises, whatever a call contains; thread-safe."""

    def __init__(self, card: RateCard, account: AccountFacts | None = None, suffix: str = "") -> None:
        """Price by *card*; *account* supplies facts that nothing else reports.

        `version` is the value of `llm.pricing_version`: the card's version, and *suffix* for the account facts.
        """
        self.version = card.version + suffix
        self._card = card
        self._account: AccountFacts = account or {}
        self._resolver = RateResolver(card.units, card.calendars, card.fact_words)
        # Two generations of resolved rates: a full new one becomes the old one; used entries move back to the new one.
        self._new: dict[Any, ResolvedRates | Cost] = {}
        self._old: dict[Any, ResolvedRates | Cost] = {}

    def price(self, call: Call) -> Cost:
        """Return the cost of *call*, or the reason why it is unknown."""
        try:
            provider, model, usage, at_ns, request_model, _, tier, processing, context, _ = call
            key = (provider, model, request_model, tier, processing, tuple(context.items()) if context else None)
            resolved = self._new.get(key) or self._resolve(key, call)
            if resolved.__class__ is Cost:
                return resolved
            return self.price_at(resolved, usage, at_ns) or self.break_down(call).cost  # type: ignore[arg-type]
        except (TypeError, AttributeError, KeyError, ValueError):
            return self.break_down(call).cost

    def price_at(self, resolved: ResolvedRates, usage: Mapping[str, Quantity], at_ns: int) -> Cost | None:
        """Return what *usage* costs by one multiplication a meter; None for what only `break_down` can evaluate."""
        rate_set = resolved.rate_set(usage, at_ns)
        linear_cost = None if rate_set is None else rate_set.linear_costs.get(tuple(usage))
        femto = None if linear_cost is None else linear_cost.evaluate(usage.values())
        if rate_set is None or linear_cost is None or femto is None:
            return None
        caveat = rate_set.caveat
        if not femto and (not linear_cost.is_free or caveat is not None or not any(usage.values())):
            return None
        if linear_cost.is_free:
            return Cost(FREE, reasons.FREE_RATE, 0, rate_set.rate_id, RATE_CARD)
        if caveat is None:
            return _cost((PRICED, None, femto, rate_set.rate_id, RATE_CARD, None))
        return Cost(caveat[0], caveat[1], femto, rate_set.rate_id, RATE_CARD)

    def line_items(self, call: Call) -> list[LineItem]:
        """Return the line items of *call*; their costs sum to the cost of the call."""
        breakdown = self.break_down(call)
        if breakdown.cost.femto is None or not breakdown.items:
            return []
        costs = [round_div(*_product(item.quantity, item.rate)) for item in breakdown.items]
        largest = max(range(len(costs)), key=costs.__getitem__)
        costs[largest] += breakdown.cost.femto - sum(costs)
        return [
            LineItem(item.meter, item.quantity, self.price_text(item.meter, item.rate), self._per(item.meter), cost)
            for item, cost in zip(breakdown.items, costs, strict=True)
        ]

    def price_text(self, meter: str, rate: Rate) -> str:
        """Return a rate as the price of the meter's billing unit, USD in decimal text."""
        return usd_text(round_div(rate[0] * self._per(meter), rate[1]))

    def _per(self, meter: str) -> int:
        return self._card.units.meters[meter].per

    @property
    def matches_kept(self) -> int:
        """Number of cached matches; at most twice the size of a generation."""
        return len(self._new) + len(self._old)

    def _resolve(self, key: Any, call: Call) -> ResolvedRates | Cost:
        """Return the rates of *call* and cache them under *key*, and under the part of the key that can change them."""
        resolved = self._old.get(key)
        if resolved is None:
            context = call.context or {}
            facts = tuple(sorted(pair for pair in context.items() if pair[0] in self._card.fact_words.dimensions))
            narrow = (*key[:-1], facts, "facts")
            resolved = self._new.get(narrow) or self._old.get(narrow)
            if resolved is None:
                found = match(self._card, call, self._account)
                resolved = Cost(UNPRICED, found, None) if isinstance(found, str) else self._resolver.resolve(found)
            self._cache(narrow, resolved)
        self._cache(key, resolved)
        return resolved

    def _cache(self, key: Any, resolved: ResolvedRates | Cost) -> None:
        if len(self._new) >= _MATCHES_KEPT:
            self._old, self._new = self._new, {}
        self._new[key] = resolved

    def resolve(self, call: Call) -> ResolvedRates | Cost:
        """Return the rates of *call*, or an unpriced cost with the reason why there are none."""
        context = tuple(call.context.items()) if call.context else None
        key = (call.provider, call.model, call.request_model, call.service_tier, call.processing, context)
        return self._new.get(key) or self._resolve(key, call)

    def break_down(self, call: Call) -> CostBreakdown:
        """Return the cost of *call* by line item, for any call: the slow path of `price`, and what `explain` prints."""
        held: tuple[object, ...] = tuple(call)
        unnamed: dict[str, Any] = {
            name: "" for name, text in zip(("provider", "model"), held[:2], strict=True) if text is None
        }
        if unnamed:
            call = call._replace(**unnamed)
        if not is_well_formed(call):
            return _unpriced(reasons.BAD_USAGE)
        return self.break_down_at(call, self.resolve(call))

    def break_down_at(self, call: Call, resolved: ResolvedRates | Cost) -> CostBreakdown:
        """Return the cost of a well-formed *call* at *resolved* rates, by line item."""
        if isinstance(resolved, Cost):
            return CostBreakdown((), resolved)
        if isinstance(call.at_ns, bool) or not isinstance(call.at_ns, int):
            return _unpriced(reasons.BAD_TIME)
        usage = checked(self._card.units, call.usage)
        if usage is None:
            return _unpriced(reasons.BAD_USAGE)
        if not usage:
            return _unpriced(reasons.NO_USAGE)
        period = resolved.period(call.at_ns)
        if period is None:
            return _unpriced(reasons.NO_PRICE_AT_TIME)
        rate_set = period.rate_set(usage, call.at_ns)
        self._add_linear_costs(resolved, tuple(call.usage))
        return self._break_down_at(usage, period, rate_set)

    def _break_down_at(self, usage: dict[str, Quantity], period: PricePeriod, rate_set: RateSet) -> CostBreakdown:
        leaves, caveat = split(self._card.units, usage)
        if caveat is not None:
            leaves, caveat = self._merged(usage, rate_set) or (leaves, caveat)
        caveats: list[Caveat] = [found for found in (caveat, rate_set.caveat) if found is not None]
        items: list[Item] = []
        missing: list[Caveat] = []
        measures: list[Caveat] = []
        for meter in self._card.units.meters:
            quantity = leaves.get(meter, 0)
            if meter in rate_set.implied and meter not in usage:
                quantity = self._card.units.meters[meter].implied
            if not quantity:
                continue
            source, how = rate_of(self._card.units, rate_set, meter)
            if source is None:
                code = (PARTIAL, f"{reasons.MISSING_RATE}:{meter}")
                (measures if self._card.units.meters[meter].is_measure else missing).append(code)
                continue
            if how == "estimate":
                caveats.append((ESTIMATED, f"{reasons.PARENT_RATE}:{meter}"))
            fact = assumed_split(self._card.units, rate_set, meter, usage)
            if fact is not None:
                caveats.append((ESTIMATED, f"{reasons.ASSUMED_FACT}:{fact}"))
            part = unreported_part(self._card.units, rate_set, meter, usage)
            if part is not None:
                caveats.append((PARTIAL, f"{reasons.PART_NOT_REPORTED}:{part}"))
            quantity = max(quantity, rate_set.limits.minimum.get(meter, 0))
            quantity = min(quantity, rate_set.limits.maximum.get(meter, quantity))
            items.append(Item(meter, quantity, rate_set.rates[source], rate_set.published[source]))
        if not items:
            missing += measures
        unknown = [name for name, quantity in usage.items() if quantity and name not in self._card.units.meters]
        if unknown:
            missing.append((PARTIAL, reasons.UNKNOWN_METER))
        return CostBreakdown(tuple(items), _total(items, rate_set, missing + caveats, bool(missing)), period, rate_set)

    def _merged(self, usage: Mapping[str, Quantity], rate_set: RateSet) -> Leaves | None:
        """Return *usage* split without parts billed at the rate of their total; None when that split has a caveat too.

        Parts may overlap by an unknown amount, for example cached tokens and audio tokens. A part without its own rate
        need not be separated, and without it the others may fit.
        """
        units = self._card.units
        merged = dict(usage)
        for meter in units.meters.keys() & merged.keys():
            source, how = rate_of(units, rate_set, meter)
            if source not in (None, meter) and how == "exact":
                del merged[meter]
        again = split(units, merged)
        return again if again.caveat is None else None

    def _add_linear_costs(self, resolved: ResolvedRates, meters: tuple[str, ...]) -> None:
        """Add the linear cost of a set of meters to every rate set that has one."""
        for rate_set in resolved.rate_sets():
            if meters not in rate_set.linear_costs and len(rate_set.linear_costs) < _LINEAR_COSTS_KEPT:
                linear_cost = linear_cost_of(self._card.units, rate_set, meters)
                if linear_cost is not None:
                    rate_set.linear_costs[meters] = linear_cost


def _product(quantity: Quantity, rate: Rate) -> tuple[int, int]:
    """Return quantity times rate as numerator and denominator."""
    if isinstance(quantity, int):
        return quantity * rate[0], rate[1]
    return quantity.numerator * rate[0], quantity.denominator * rate[1]


def _total(items: list[Item], rate_set: RateSet, caveats: list[Caveat], is_missing: bool) -> Cost:
    """Return the cost of the items with the most severe caveat; without a priced item it is unpriced, never 0."""
    exact = sum((Fraction(*_product(item.quantity, item.rate)) for item in items), Fraction(0))
    femto = round_div(exact.numerator, exact.denominator)
    worst = next((caveat for caveat in caveats if caveat[0] == PARTIAL), caveats[0] if caveats else None)
    if worst is not None and is_missing and not femto:
        return Cost(UNPRICED, worst[1], None, rate_set.rate_id)
    if worst is not None:
        return Cost(worst[0], worst[1], femto, rate_set.rate_id, RATE_CARD)
    if items and not exact:
        return Cost(FREE, reasons.FREE_RATE, 0, rate_set.rate_id, RATE_CARD)
    return Cost(PRICED, None, femto, rate_set.rate_id, RATE_CARD)


def _unpriced(reason: str) -> CostBreakdown:
    return CostBreakdown((), Cost(UNPRICED, reason, None))


def is_well_formed(call: Call) -> bool:
    """Return whether the call's fields have the declared types; outside input may contain anything."""
    held: tuple[object, ...] = tuple(call)  # compiled code checks the type of a field that is read by its name
    provider, model, usage, _, request_model, _, tier, processing, context, _ = held
    for text in (provider, model, request_model, tier, processing):
        if text is not None and not isinstance(text, str):
            return False
    if context is not None and not (
        isinstance(context, Mapping) and all(isinstance(value, str) for value in context.values())
    ):
        return False
    return isinstance(usage, Mapping)
