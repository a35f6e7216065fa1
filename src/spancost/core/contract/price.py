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
from spancost.core.contract.match import Terms, normalize
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
"""The meter of hardware line items: seconds times GPUs, priced by the hour."""
_SECONDS = 1_000_000_000
_HOUR = 3_600
_TERMS_KEPT = 2_048
_TEXTS_KEPT = 2_048
_cost = partial(tuple.__new__, Cost)  # a third of the time of Cost(...)
_AMOUNT = re.compile(r"^[0-9]{1,15}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?$")


class _ResolvedTerm(NamedTuple):
    """The resolved term of all calls with one key. resolved: contract rates, None when the term changes nothing.

    model, context: of the call after deployments are mapped. listed: the card's rates. source: `llm.cost_source` of the
    contract's cost.
    """

    term: Term | None
    resolved: ResolvedRates | Cost | None
    listed: ResolvedRates | Cost
    model: str
    context: Mapping[str, str] | None
    is_mapped: bool
    source: str


class ContractPricer(Pricer):
    """Prices calls by a rate card and a contract. Never raises, whatever a call contains; thread-safe."""

    def __init__(self, card: RateCard, contract: Contract) -> None:
        """Price by *card* and *contract*; raise ContractError for a meter that the card does not have."""
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
        self._resolved_terms: GenerationalCache[Any, _ResolvedTerm] = GenerationalCache(_TERMS_KEPT)
        self._facts = tuple((fact, keys) for fact, keys in contract.attributes.items() if contract.has_conditions(fact))
        self._matter: GenerationalCache[tuple[str, str], bool] = GenerationalCache(_TEXTS_KEPT)
        self._has_override = contract.override is not None

    def price(self, call: Call) -> Cost:
        """Return the cost of *call* under the contract with `list_femto`, or the reason why it is unknown."""
        provider, model, usage, at_ns, request_model, _, tier, processing, context, _ = call
        try:
            if self._has_override and context and OVERRIDE in context:
                return self.break_down(call).cost
            facts = tuple(context.items()) if context else None
            key = (bisect_right(self._instants, at_ns), provider, model, request_model, tier, processing, facts)
            resolved_term = self._resolved_terms.new.get(key) or self._resolved_term(key, call)
            if resolved_term.resolved is None:
                cost = self._list.price(_mapped(call, resolved_term))
                return cost if resolved_term.term is None else _hardware_cost(call, resolved_term.term, cost.femto)
            resolved, listed, list_femto = resolved_term.resolved, resolved_term.listed, None
            rate_set = resolved.only or resolved.period(at_ns).rate_set(usage, at_ns)  # type: ignore[union-attr]
            femto = _sum(rate_set, usage)
            if femto is None:
                return self.break_down(call).cost
            if listed.__class__ is ResolvedRates:
                list_rate_set = listed.only or listed.period(at_ns).rate_set(usage, at_ns)  # type: ignore[union-attr]
                list_femto = _sum(list_rate_set, usage)
                if list_femto is None:
                    return self.break_down(call).cost
        except (TypeError, AttributeError, KeyError, ValueError):
            return self.break_down(call).cost
        caveat = rate_set.caveat
        if caveat is None:
            return _cost((PRICED, None, femto, rate_set.rate_id, resolved_term.source, list_femto))
        return Cost(caveat[0], caveat[1], femto, rate_set.rate_id, resolved_term.source, list_femto)

    def break_down(self, call: Call) -> CostBreakdown:
        """Return the cost of *call* by line item, for any call; a cost set by the application has no items."""
        if not is_well_formed(call):
            return self._list.break_down(call)
        is_timed = isinstance(call.at_ns, int) and not isinstance(call.at_ns, bool)
        segment = bisect_right(self._instants, call.at_ns) if is_timed else 0
        facts = tuple(pair for pair in (call.context or {}).items() if pair[0] != OVERRIDE) or None
        key = (segment, call.provider, call.model, call.request_model, call.service_tier, call.processing, facts)
        resolved_term = self._resolved_terms.get(key) or self._resolved_term(key, call)
        listed = self._list.break_down_at(_mapped(call, resolved_term), resolved_term.listed)
        breakdown = self._agreed(call, resolved_term, listed)
        if not self._has_override or not call.context or OVERRIDE not in call.context:
            return breakdown
        return self._overridden(breakdown, call.context[OVERRIDE], listed)

    def facts_of(
        self, context: Mapping[str, str] | None, attributes: Attributes, resource: Attributes | None
    ) -> Mapping[str, str] | None:
        """Return *context* with the facts of a span, else of its resource, that the contract has conditions on.

        Other facts change nothing and would only fill the cache.
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
        """Return the term of *call* and cache it, under *key* and under the part of the context that can change it."""
        context = call.context or {}
        facts = tuple(sorted(pair for pair in context.items() if self._matters(*pair)))
        narrow = (*key[:-1], facts, "facts")
        resolved_term = self._resolved_terms.get(key) or self._resolved_terms.get(narrow)
        if resolved_term is None:
            resolved_term = self._resolve_terms(self._in_force[key[0]], call._replace(context=dict(facts)))
            self._resolved_terms.set(narrow, resolved_term)
        self._resolved_terms.set(key, resolved_term)
        return resolved_term

    def _matters(self, fact: str, text: str) -> bool:
        if fact not in FACTS:
            return fact in self._card.fact_words.dimensions
        matters = self._matter.get((fact, text))
        if matters is None:
            matters = self.contract.matches_any(fact, normalize(fact, text))
            self._matter.set((fact, text), matters)
        return matters

    def _resolve_terms(self, terms: Terms, call: Call) -> _ResolvedTerm:
        mapped, listed, term, agreed = terms.holding(call)
        if agreed is not None and agreed is not listed:
            listed = reasons.UNKNOWN_MODEL  # the card's entry is of another model
        resolved: ResolvedRates | Cost | None = None
        if term is not None and agreed is not None:
            resolved = ContractRateResolver(self._card, term).resolve(agreed)
        elif term is not None and term.hardware is None:
            term = None  # a discount without a list price
        listed_rates = Cost(UNPRICED, listed, None) if isinstance(listed, str) else self._resolver.resolve(listed)
        source = HARDWARE if term is not None and term.is_allocated else CONTRACT
        return _ResolvedTerm(term, resolved, listed_rates, mapped.model, mapped.context, mapped is not call, source)

    def _agreed(self, call: Call, resolved_term: _ResolvedTerm, listed: CostBreakdown) -> CostBreakdown:
        """Return the contract's cost of *call*: by rates, by hardware, or the list price without a term."""
        term = resolved_term.term
        if term is None:
            return listed
        if term.hardware is not None:
            return _occupied(call, term, term.hardware, listed)
        assert resolved_term.resolved is not None
        breakdown = self._list.break_down_at(call, resolved_term.resolved)
        status, reason, femto, rate_id, _, _ = breakdown.cost
        if femto is None:
            return breakdown
        if term.is_allocated and status in (PRICED, FREE):
            status, reason = ESTIMATED, reasons.ALLOCATED
        return breakdown._replace(cost=Cost(status, reason, femto, rate_id, resolved_term.source, listed.cost.femto))

    def _overridden(self, breakdown: CostBreakdown, text: str, listed: CostBreakdown) -> CostBreakdown:
        """Return the cost that the application set; when it is refused, the computed cost becomes an estimate."""
        override = self.contract.override
        femto = round(Fraction(text.strip()) * FEMTO_PER_USD) if _AMOUNT.match(text.strip()) else None
        if override is None or femto is None or femto > override.most:
            cost = breakdown.cost
            if cost.status in (PRICED, FREE):
                cost = cost._replace(status=ESTIMATED, reason=reasons.OVERRIDE_REFUSED)
            return breakdown._replace(cost=cost)
        status, reason = (PRICED, None) if femto else (FREE, reasons.FREE_RATE)
        return CostBreakdown((), Cost(status, reason, femto, MANUAL, MANUAL, listed.cost.femto))

    def _per(self, meter: str) -> int:
        return _HOUR if meter == GPU_SECONDS else super()._per(meter)


def _mapped(call: Call, resolved_term: _ResolvedTerm) -> Call:
    return call._replace(model=resolved_term.model, context=resolved_term.context) if resolved_term.is_mapped else call


def _sum(rate_set: RateSet, usage: Mapping[str, Any]) -> int | None:
    """Return the linear cost, as `Pricer.price` computes it; None when only the slow path can."""
    linear_cost = rate_set.linear_costs[tuple(usage)]
    return None if linear_cost.is_free else linear_cost.evaluate(usage.values()) or None


def _hardware_cost(call: Call, term: Term, list_femto: int | None) -> Cost:
    """Return the hardware cost of the call's duration; idle time is in no call's cost."""
    rate_id = f"{HARDWARE};contract={term.id}"
    duration, hardware = call.duration_ns, term.hardware
    if hardware is None or isinstance(duration, bool) or not isinstance(duration, int) or duration < 0:
        return Cost(UNPRICED, reasons.NO_DURATION, None, rate_id)
    (rate, rate_part), (gpus, gpus_part) = hardware
    femto = round_div(duration * gpus * rate, _SECONDS * _HOUR * gpus_part * rate_part)
    return Cost(ESTIMATED, reasons.ALLOCATED, femto, rate_id, HARDWARE, list_femto)


def _occupied(call: Call, term: Term, hardware: Hardware, listed: CostBreakdown) -> CostBreakdown:
    """Return the hardware cost of a call, with the GPU seconds it used as its line item."""
    cost = _hardware_cost(call, term, listed.cost.femto)
    if cost.femto is None or call.duration_ns is None:
        return CostBreakdown((), cost)
    seconds = Fraction(call.duration_ns * hardware.gpus[0], _SECONDS * hardware.gpus[1])
    rate = (hardware.rate[0], hardware.rate[1] * _HOUR)
    return CostBreakdown((Item(GPU_SECONDS, seconds, rate, rate),), cost)


def _stated(attributes: Attributes, resource: Attributes | None, keys: tuple[str, ...]) -> str | None:
    """Return the first of *keys* that a span, else its resource, has as a string or a number."""
    for holder in (attributes, resource):
        if holder:
            for key in keys:
                value = holder.get(key)
                if value.__class__ is str or value.__class__ is int or value.__class__ is float:
                    return str(value)
    return None
