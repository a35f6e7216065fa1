# SPDX-License-Identifier: Apache-2.0
"""The cost of one call under a contract, with the list price beside it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from spancost.core import reasons
from spancost.core.call import ESTIMATED, FREE, PRICED, UNPRICED, Call, Cost
from spancost.core.contract.match import Terms, spelled
from spancost.core.contract.rate_resolver import ContractRateResolver
from spancost.core.contract.terms import FACTS, OVERRIDE, Contract, ContractError, Hardware, Term
from spancost.core.generational import GenerationalCache
from spancost.core.money import FEMTO_PER_USD, round_div
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.price import CostBreakdown, Item, Pricer, is_well_formed
from spancost.core.pricing.rates import RateSet, ResolvedRates
from spancost.core.span import Attributes

CONTRACT = "contract"
HARDWARE = "hardware"
MANUAL = "manual"
GPU_SECONDS = "gpu_seconds"
"""The meter of machines' line items: seconds times GPUs, sold by the hour."""
_SECONDS = 1_000_000_000
_HOUR = 3_600
_DEALS_KEPT = 2_048
_TEXTS_KEPT = 2_048
_cost = partial(tuple.__new__, Cost)  # a third of the time of Cost(...)
_AMOUNT = re.compile(r"^[0-9]{1,15}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?$")


class _ResolvedTerm(NamedTuple):
    """What holds for all calls of one key. offer: what was agreed, None when the term changes nothing.

    model, context: of the call as the deployments map it. listed: what the card offers. source: llm.cost_source of what
    was agreed.
    """

    term: Term | None
    offer: ResolvedRates | Cost | None
    listed: ResolvedRates | Cost
    model: str
    context: Mapping[str, str] | None
    is_mapped: bool
    source: str


class ContractPricer(Pricer):
    """Prices calls by a rate card and a contract. Never raises on what a call holds; safe to share among threads."""

    def __init__(self, card: RateCard, contract: Contract) -> None:
        """Price by *card* and *contract*; ContractError when the contract names a meter that the card does not know."""
        super().__init__(card, contract.account)
        self.version = f"{card.version}+o{contract.suffix}"
        self.contract = contract
        self._list = Pricer(card, contract.account)
        for term in contract.terms:
            for meter in sorted(term.meters() - card.units.meters.keys()):
                raise ContractError(
                    f"contract {contract.name}, term {term.id}: found meter {meter!r}, which rate card {card.version} "
                    "does not have"
                )
        instants = contract.instants()
        self._instants = [at * _SECONDS for at in instants]
        self._in_force = [Terms(contract, card, at) for at in (None, *instants)]
        self._deals: GenerationalCache[Any, _ResolvedTerm] = GenerationalCache(_DEALS_KEPT)
        self._facts = tuple((fact, keys) for fact, keys in contract.attributes.items() if contract.has_conditions(fact))
        self._matter: GenerationalCache[tuple[str, str], bool] = GenerationalCache(_TEXTS_KEPT)
        self._has_override = contract.override is not None

    def price(self, call: Call) -> Cost:
        """Return what *call* costs under the contract, `list_femto` beside it; or why that cannot be said."""
        provider, model, usage, at_ns, request_model, _, tier, processing, context, _ = call
        try:
            if self._has_override and context and OVERRIDE in context:
                return self.bill(call).cost
            facts = tuple(context.items()) if context else None
            key = (bisect_right(self._instants, at_ns), provider, model, request_model, tier, processing, facts)
            deal = self._deals.new.get(key) or self._resolved_term(key, call)
            if deal.offer is None:
                cost = self._list.price(_mapped(call, deal))
                return cost if deal.term is None else _hardware_cost(call, deal.term, cost.femto)
            offer, listed, list_femto = deal.offer, deal.listed, None
            level = offer.only or offer.period(at_ns).level(usage, at_ns)  # type: ignore[union-attr]
            femto = _sum(level, usage)
            if femto is None:
                return self.bill(call).cost
            if listed.__class__ is ResolvedRates:
                list_level = listed.only or listed.period(at_ns).level(usage, at_ns)  # type: ignore[union-attr]
                list_femto = _sum(list_level, usage)
                if list_femto is None:
                    return self.bill(call).cost
        except (TypeError, AttributeError, KeyError, ValueError):
            return self.bill(call).cost
        caveat = level.caveat
        if caveat is None:
            return _cost((PRICED, None, femto, level.rate_id, deal.source, list_femto))
        return Cost(caveat[0], caveat[1], femto, level.rate_id, deal.source, list_femto)

    def bill(self, call: Call) -> CostBreakdown:
        """Return *call* worked out in full, however odd it is; a cost set by hand has no items."""
        if not is_well_formed(call):
            return self._list.bill(call)
        is_timed = isinstance(call.at_ns, int) and not isinstance(call.at_ns, bool)
        segment = bisect_right(self._instants, call.at_ns) if is_timed else 0
        facts = tuple(pair for pair in (call.context or {}).items() if pair[0] != OVERRIDE) or None
        key = (segment, call.provider, call.model, call.request_model, call.service_tier, call.processing, facts)
        deal = self._deals.get(key) or self._resolved_term(key, call)
        listed = self._list.break_down_at(_mapped(call, deal), deal.listed)
        bill = self._agreed(call, deal, listed)
        if not self._has_override or not call.context or OVERRIDE not in call.context:
            return bill
        return self._overridden(bill, call.context[OVERRIDE], listed)

    def facts_of(
        self, context: Mapping[str, str] | None, attributes: Attributes, resource: Attributes | None
    ) -> Mapping[str, str] | None:
        """Return *context* with the facts that a span, else its resource, states and the contract speaks of.

        Others change nothing and would only fill the cache.
        """
        found: dict[str, str] = {}
        for fact, keys in self._facts:
            text = _stated(attributes, resource, keys)
            if text is not None and self._matters(fact, text):
                found[fact] = text
        override = self.contract.override
        if override is not None:
            text = _stated(attributes, None, (override.attribute,))
            if text is not None:
                found[OVERRIDE] = text
        if not found:
            return context
        return {**context, **found} if context else found

    def _resolved_term(self, key: Any, call: Call) -> _ResolvedTerm:
        """Return what holds for *call* and keep it, under *key* and under what of the context can change it."""
        context = call.context or {}
        facts = tuple(sorted(pair for pair in context.items() if self._matters(*pair)))
        narrow = (*key[:-1], facts, "facts")
        deal = self._deals.get(key) or self._deals.get(narrow)
        if deal is None:
            deal = self._made(self._in_force[key[0]], call._replace(context=dict(facts)))
            self._deals.set(narrow, deal)
        self._deals.set(key, deal)
        return deal

    def _matters(self, fact: str, text: str) -> bool:
        if fact not in FACTS:
            return fact in self._card.fact_words.dimensions
        matters = self._matter.get((fact, text))
        if matters is None:
            matters = self.contract.speaks_of(fact, spelled(fact, text))
            self._matter.set((fact, text), matters)
        return matters

    def _made(self, terms: Terms, call: Call) -> _ResolvedTerm:
        mapped, listed, term, agreed = terms.holding(call)
        if agreed is not None and agreed is not listed:
            listed = reasons.UNKNOWN_MODEL  # what the card has is another model's
        offer: ResolvedRates | Cost | None = None
        if term is not None and agreed is not None:
            offer = ContractRateResolver(self._card, term).offer(agreed)
        elif term is not None and term.hardware is None:
            term = None  # a discount on what has no list price
        listed_offer = Cost(UNPRICED, listed, None) if isinstance(listed, str) else self._builder.offer(listed)
        source = HARDWARE if term is not None and term.is_allocated else CONTRACT
        return _ResolvedTerm(term, offer, listed_offer, mapped.model, mapped.context, mapped is not call, source)

    def _agreed(self, call: Call, deal: _ResolvedTerm, listed: CostBreakdown) -> CostBreakdown:
        """Return what was agreed for *call*: by rates, by machines, or nothing, which leaves the list price."""
        term = deal.term
        if term is None:
            return listed
        if term.hardware is not None:
            return _occupied(call, term, term.hardware, listed)
        assert deal.offer is not None
        bill = self._list.break_down_at(call, deal.offer)
        status, reason, femto, rate_id, _, _ = bill.cost
        if femto is None:
            return bill
        if term.is_allocated and status in (PRICED, FREE):
            status, reason = ESTIMATED, reasons.ALLOCATED
        return bill._replace(cost=Cost(status, reason, femto, rate_id, deal.source, listed.cost.femto))

    def _overridden(self, bill: CostBreakdown, text: str, listed: CostBreakdown) -> CostBreakdown:
        """Return the cost that was set by hand; one that cannot be taken leaves the other cost in doubt."""
        override = self.contract.override
        femto = round(Fraction(text.strip()) * FEMTO_PER_USD) if _AMOUNT.match(text.strip()) else None
        if override is None or femto is None or femto > override.most:
            cost = bill.cost
            if cost.status in (PRICED, FREE):
                cost = cost._replace(status=ESTIMATED, reason=reasons.OVERRIDE_REFUSED)
            return bill._replace(cost=cost)
        status, reason = (PRICED, None) if femto else (FREE, reasons.FREE_RATE)
        return CostBreakdown((), Cost(status, reason, femto, MANUAL, MANUAL, listed.cost.femto))

    def _per(self, meter: str) -> int:
        return _HOUR if meter == GPU_SECONDS else super()._per(meter)


def _mapped(call: Call, deal: _ResolvedTerm) -> Call:
    return call._replace(model=deal.model, context=deal.context) if deal.is_mapped else call


def _sum(level: RateSet, usage: Mapping[str, Any]) -> int | None:
    """Return the cost by the level's kernel, as `Pricer.price` works it out; None for what only a bill can say."""
    linear_cost = level.linear_costs[tuple(usage)]
    total = None if linear_cost.is_free else linear_cost.evaluate(usage.values())
    if not total:
        return None
    return total if linear_cost.denominator == 1 else round_div(total, linear_cost.denominator)


def _hardware_cost(call: Call, term: Term, list_femto: int | None) -> Cost:
    """Return the share of the machines' cost that the call's duration comes to; idle time is in no call's cost."""
    rate_id = f"{HARDWARE};contract={term.id}"
    duration, hardware = call.duration_ns, term.hardware
    if hardware is None or isinstance(duration, bool) or not isinstance(duration, int) or duration < 0:
        return Cost(UNPRICED, reasons.NO_DURATION, None, rate_id)
    (rate, rate_part), (gpus, gpus_part) = hardware
    femto = round_div(duration * gpus * rate, _SECONDS * _HOUR * gpus_part * rate_part)
    return Cost(ESTIMATED, reasons.ALLOCATED, femto, rate_id, HARDWARE, list_femto)


def _occupied(call: Call, term: Term, hardware: Hardware, listed: CostBreakdown) -> CostBreakdown:
    """Return what machines cost for a call, with the GPU seconds that it occupied."""
    cost = _hardware_cost(call, term, listed.cost.femto)
    if cost.femto is None or call.duration_ns is None:
        return CostBreakdown((), cost)
    seconds = Fraction(call.duration_ns * hardware.gpus[0], _SECONDS * hardware.gpus[1])
    rate = (hardware.rate[0], hardware.rate[1] * _HOUR)
    return CostBreakdown((Item(GPU_SECONDS, seconds, rate, rate),), cost)


def _stated(attributes: Attributes, resource: Attributes | None, keys: tuple[str, ...]) -> str | None:
    """Return the first of *keys* that a span, else its resource, states as a text or a number."""
    for holder in (attributes, resource):
        if holder:
            for key in keys:
                value = holder.get(key)
                if value.__class__ is str or value.__class__ is int or value.__class__ is float:
                    return str(value)
    return None
