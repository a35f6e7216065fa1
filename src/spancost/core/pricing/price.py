# SPDX-License-Identifier: Apache-2.0
"""The exact cost of one call.

The usual call goes through a kernel (core/kernel): one multiplication a meter. Whatever a kernel cannot say (parts that
exceed totals, meters without rates, zero costs, odd numbers) is worked out in full by `bill`, which is the definition.
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
from spancost.core.pricing.linear_cost import assumed_split, linear_cost_of, rate_of
from spancost.core.pricing.match import AccountFacts, match
from spancost.core.pricing.rate_resolver import RateResolver
from spancost.core.pricing.rates import Caveat, PricePeriod, Rate, RateSet, ResolvedRates
from spancost.core.pricing.usage import Leaves, checked, split

RATE_CARD = "rate_card"
_cost = partial(tuple.__new__, Cost)  # a third of the time of Cost(...)
_MATCHES_KEPT = 2_048
_LINEAR_COSTS_KEPT = 64


class Item(NamedTuple):
    """A leaf with its rate: `published` before modifiers, `rate` after."""

    meter: str
    quantity: Quantity
    rate: Rate
    published: Rate


class CostBreakdown(NamedTuple):
    """A call worked out in full: what is owed for each part, at which level and era; these are None when unpriced."""

    items: tuple[Item, ...]
    cost: Cost
    period: PricePeriod | None = None
    level: RateSet | None = None


class Pricer:
    """Prices calls by one rate card. Never raises on what a call holds; safe to share among threads."""

    def __init__(self, card: RateCard, account: AccountFacts | None = None, suffix: str = "") -> None:
        """Price by *card*, with *account* for facts that nothing else reports.

        `version` is what goes into `llm.pricing_version`: the card's, and *suffix*, which names the account's facts.
        """
        self.version = card.version + suffix
        self._card = card
        self._account: AccountFacts = account or {}
        self._builder = RateResolver(card.units, card.calendars, card.fact_words)
        # Two generations of matches: when the young one is full it becomes the old one, and what is used comes back.
        self._young: dict[Any, ResolvedRates | Cost] = {}
        self._old: dict[Any, ResolvedRates | Cost] = {}

    def price(self, call: Call) -> Cost:
        """Return what *call* costs, or why that cannot be said."""
        provider, model, usage, at_ns, request_model, _, tier, processing, context, _ = call
        try:
            key = (provider, model, request_model, tier, processing, tuple(context.items()) if context else None)
            offer = self._young.get(key) or self._remember(key, call)
            if offer.__class__ is Cost:
                return offer
            level = offer.only or offer.period(at_ns).level(usage, at_ns)  # type: ignore[union-attr]
            linear_cost = level.linear_costs[tuple(usage)]
            numerator = linear_cost.evaluate(usage.values())
            if numerator is None:
                return self.bill(call).cost
        except (TypeError, AttributeError, KeyError, ValueError):
            return self.bill(call).cost
        caveat = level.caveat
        if not numerator and (not linear_cost.is_free or caveat is not None or not any(usage.values())):
            return self.bill(call).cost
        femto = numerator if linear_cost.denominator == 1 else round_div(numerator, linear_cost.denominator)
        if linear_cost.is_free:
            return Cost(FREE, reasons.FREE_RATE, 0, level.rate_id, RATE_CARD)
        if caveat is None:
            return _cost((PRICED, None, femto, level.rate_id, RATE_CARD, None))
        return Cost(caveat[0], caveat[1], femto, level.rate_id, RATE_CARD)

    def line_items(self, call: Call) -> list[LineItem]:
        """Return what *call* costs meter by meter; the items' costs add up to the cost of the call."""
        bill = self.bill(call)
        if bill.cost.femto is None or not bill.items:
            return []
        costs = [round_div(*_product(item.quantity, item.rate)) for item in bill.items]
        largest = max(range(len(costs)), key=costs.__getitem__)
        costs[largest] += bill.cost.femto - sum(costs)
        return [
            LineItem(item.meter, item.quantity, self.price_text(item.meter, item.rate), self._per(item.meter), cost)
            for item, cost in zip(bill.items, costs, strict=True)
        ]

    def price_text(self, meter: str, rate: Rate) -> str:
        """Return a rate as the price of as many units as the meter is sold in, USD in decimal text."""
        return usd_text(round_div(rate[0] * self._per(meter), rate[1]))

    def _per(self, meter: str) -> int:
        return self._card.units.meters[meter].per

    @property
    def matches_kept(self) -> int:
        """How many matches are kept at present; at most twice the size of a generation."""
        return len(self._young) + len(self._old)

    def _remember(self, key: Any, call: Call) -> ResolvedRates | Cost:
        """Return the offer of *call* and keep it under *key*, and under the part of the key that can change it."""
        offer = self._old.get(key)
        if offer is None:
            context = call.context or {}
            facts = tuple(sorted(pair for pair in context.items() if pair[0] in self._card.fact_words.dimensions))
            narrow = (*key[:-1], facts, "facts")
            offer = self._young.get(narrow) or self._old.get(narrow)
            if offer is None:
                found = match(self._card, call, self._account)
                offer = Cost(UNPRICED, found, None) if isinstance(found, str) else self._builder.offer(found)
            self._keep(narrow, offer)
        self._keep(key, offer)
        return offer

    def _keep(self, key: Any, offer: ResolvedRates | Cost) -> None:
        if len(self._young) >= _MATCHES_KEPT:
            self._old, self._young = self._young, {}
        self._young[key] = offer

    def offer(self, call: Call) -> ResolvedRates | Cost:
        """Return what the card offers *call*, or the cost that says why it offers nothing."""
        context = tuple(call.context.items()) if call.context else None
        key = (call.provider, call.model, call.request_model, call.service_tier, call.processing, context)
        return self._young.get(key) or self._remember(key, call)

    def bill(self, call: Call) -> CostBreakdown:
        """Return *call* worked out in full, however odd it is: what `price` falls back on and what people are shown."""
        if not is_well_formed(call):
            return _unpriced(reasons.BAD_USAGE)
        return self.break_down_at(call, self.offer(call))

    def break_down_at(self, call: Call, offer: ResolvedRates | Cost) -> CostBreakdown:
        """Return a sound *call* worked out in full at what *offer* says."""
        if isinstance(offer, Cost):
            return CostBreakdown((), offer)
        if isinstance(call.at_ns, bool) or not isinstance(call.at_ns, int):
            return _unpriced(reasons.BAD_TIME)
        usage = checked(self._card.units, call.usage)
        if usage is None:
            return _unpriced(reasons.BAD_USAGE)
        if not usage:
            return _unpriced(reasons.NO_USAGE)
        period = offer.period(call.at_ns)
        if period is None:
            return _unpriced(reasons.NO_PRICE_AT_TIME)
        level = period.level(usage, call.at_ns)
        self._add_linear_costs(offer, tuple(call.usage))
        return self._break_down_at(usage, period, level)

    def _break_down_at(self, usage: dict[str, Quantity], period: PricePeriod, level: RateSet) -> CostBreakdown:
        leaves, caveat = split(self._card.units, usage)
        if caveat is not None:
            leaves, caveat = self._merged(usage, level) or (leaves, caveat)
        caveats: list[Caveat] = [found for found in (caveat, level.caveat) if found is not None]
        items: list[Item] = []
        missing: list[Caveat] = []
        measures: list[Caveat] = []
        for meter in self._card.units.meters:
            quantity = leaves.get(meter, 0)
            if meter in level.implied and meter not in usage:
                quantity = self._card.units.meters[meter].implied
            if not quantity:
                continue
            source, how = rate_of(self._card.units, level, meter)
            if source is None:
                code = (PARTIAL, f"{reasons.MISSING_RATE}:{meter}")
                (measures if self._card.units.meters[meter].is_measure else missing).append(code)
                continue
            if how == "estimate":
                caveats.append((ESTIMATED, f"{reasons.PARENT_RATE}:{meter}"))
            fact = assumed_split(self._card.units, level, meter, usage)
            if fact is not None:
                caveats.append((ESTIMATED, f"{reasons.ASSUMED_FACT}:{fact}"))
            quantity = max(quantity, level.minimum.get(meter, 0))
            items.append(Item(meter, quantity, level.rates[source], level.published[source]))
        if not items:
            missing += measures
        unknown = [name for name, quantity in usage.items() if quantity and name not in self._card.units.meters]
        if unknown:
            missing.append((PARTIAL, reasons.UNKNOWN_METER))
        return CostBreakdown(tuple(items), _total(items, level, missing + caveats, bool(missing)), period, level)

    def _merged(self, usage: Mapping[str, Quantity], level: RateSet) -> Leaves | None:
        """Return *usage* split without parts that are billed as what is around them; None if that is in doubt too.

        Parts overlap where nothing tells by how much: cached tokens and tokens of sound, say. A part without a rate of
        its own need not be taken out, and then the others may fit.
        """
        units = self._card.units
        merged = dict(usage)
        for meter in units.meters.keys() & merged.keys():
            source, how = rate_of(units, level, meter)
            if source not in (None, meter) and how == "exact":
                del merged[meter]
        again = split(units, merged)
        return again if again.caveat is None else None

    def _add_linear_costs(self, offer: ResolvedRates, meters: tuple[str, ...]) -> None:
        """Make the kernel of a set of meters on every level of an offer, where one can be made."""
        for level in offer.levels():
            if meters not in level.linear_costs and len(level.linear_costs) < _LINEAR_COSTS_KEPT:
                linear_cost = linear_cost_of(self._card.units, level, meters)
                if linear_cost is not None:
                    level.linear_costs[meters] = linear_cost


def _product(quantity: Quantity, rate: Rate) -> tuple[int, int]:
    """Return quantity times rate as numerator and denominator."""
    if isinstance(quantity, int):
        return quantity * rate[0], rate[1]
    return quantity.numerator * rate[0], quantity.denominator * rate[1]


def _total(items: list[Item], level: RateSet, caveats: list[Caveat], is_missing: bool) -> Cost:
    """Return the cost of the items with the worst of the doubts; nothing priced is unpriced, never 0."""
    exact = sum((Fraction(*_product(item.quantity, item.rate)) for item in items), Fraction(0))
    femto = round_div(exact.numerator, exact.denominator)
    worst = next((caveat for caveat in caveats if caveat[0] == PARTIAL), caveats[0] if caveats else None)
    if worst is not None and is_missing and not femto:
        return Cost(UNPRICED, worst[1], None, level.rate_id)
    if worst is not None:
        return Cost(worst[0], worst[1], femto, level.rate_id, RATE_CARD)
    if items and not exact:
        return Cost(FREE, reasons.FREE_RATE, 0, level.rate_id, RATE_CARD)
    return Cost(PRICED, None, femto, level.rate_id, RATE_CARD)


def _unpriced(reason: str) -> CostBreakdown:
    return CostBreakdown((), Cost(UNPRICED, reason, None))


def is_well_formed(call: Call) -> bool:
    """Tell whether the call's fields have the types they must have; what came from outside may hold anything."""
    texts = (call.provider, call.model, call.request_model, call.service_tier, call.processing)
    if any(text is not None and not isinstance(text, str) for text in texts):
        return False
    if call.context is not None and not (
        isinstance(call.context, Mapping) and all(isinstance(value, str) for value in call.context.values())
    ):
        return False
    return isinstance(call.usage, Mapping)
