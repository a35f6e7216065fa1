# SPDX-License-Identifier: Apache-2.0
"""Applies a scenario to the calls of sessions and adds up what they would have cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from spancost.core import call as status
from spancost.core.analysis.whatif.changes import AS_RECORDED, IDEAL, NO_CACHE, Scenario
from spancost.core.analysis.whatif.knowledge import SAME, Factor, Knowledge
from spancost.core.analysis.whatif.prompt_cache import NOTHING, SessionCache
from spancost.core.analysis.whatif.usage import (
    INPUT,
    REASONING,
    Range,
    recached,
    scaled,
    truncated,
    with_more_reasoning,
    without_reasoning,
)
from spancost.core.call import BATCH, Call, Cost, Quantity
from spancost.core.record import CallRecord

PriceOf = Callable[[Call], Cost]
# Steps, which are the assumptions that an answer names.
TRUNCATE, MODEL, TOKENIZER, CACHE, TIER, BATCHED, CARD = (
    "truncate", "model", "tokenizer", "cache", "tier", "batch", "card",
)  # fmt: skip
_KNOWN = (status.PRICED, status.FREE, status.ESTIMATED)


class Assumption(NamedTuple):
    """One step of a scenario. expected_femto: by how much it alone changes the expected cost."""

    name: str
    expected_femto: int


class Answer(NamedTuple):
    """What the calls would have cost.

    Attributes:
        calls: calls looked at; `current_femto` is what they cost.
        low_femto, expected_femto, high_femto: what they would have cost. Calls that cannot be repriced keep their cost.
        exact: whether the figures are exact: only rates, tiers or contracts change and every call was repriced.
        repriced: calls with a new cost; calls that no change is about are in no count but `calls`.
        infeasible: calls that the target cannot answer (too long, a meter without a rate). unknown: calls whose new or
            old cost is unknown.
        facts_kept: repriced calls whose cost the same rates do not give: a region, a speed or a discount that a record
            does not hold keeps its effect as a factor.
        assumptions: the steps that changed the cost, in their order.
    """

    calls: int
    current_femto: int
    low_femto: int
    expected_femto: int
    high_femto: int
    exact: bool
    repriced: int
    infeasible: int
    unknown: int
    facts_kept: int
    assumptions: tuple[Assumption, ...]


class _Move(NamedTuple):
    """A repriced call: what it cost, where it goes, what its missing facts multiply, the share of calls that go."""

    record: CallRecord
    current: int
    target: Call
    facts: Fraction
    share: Fraction


class Whatif:
    """Adds up a scenario over calls, session by session in the order of their start."""

    def __init__(
        self, scenario: Scenario, knowledge: Knowledge, as_priced: Callable[[str | None], PriceOf], then: PriceOf | None
    ) -> None:
        """*as_priced* gives what prices by a pricing version; *then* by the scenario's card, None for the same."""
        self._scenario = scenario
        self._knowledge = knowledge
        self._as_priced, self._then = as_priced, then
        self._caches: dict[tuple[str, str, str], SessionCache] = {}
        self._effects: dict[str, Fraction] = {}
        self._sums = [Fraction(0)] * 4
        self._counts = {"calls": 0, "repriced": 0, "infeasible": 0, "unknown": 0, "facts_kept": 0}
        self._exact = scenario.keeps_meters

    def add(self, records: Iterable[CallRecord]) -> None:
        """Add *records*; those of one session have to come in the order of their start."""
        for record in records:
            self._add(record)

    def answer(self) -> Answer:
        """Return the sums so far."""
        current, low, expected, high = (round(value) for value in self._sums)
        counts = self._counts
        return Answer(
            counts["calls"],
            current,
            low,
            expected,
            high,
            self._exact and not counts["infeasible"] and not counts["unknown"],
            counts["repriced"],
            counts["infeasible"],
            counts["unknown"],
            counts["facts_kept"],
            tuple(Assumption(name, round(effect)) for name, effect in self._effects.items() if effect),
        )

    def _add(self, record: CallRecord) -> None:
        self._counts["calls"] += 1
        current = record.cost_femto
        if not self._scenario.applies_to(record.model):
            self._keep(current or 0, None)
            return
        if current is None or not record.provider or not record.model or record.status == status.NOT_BILLED:
            self._keep(current or 0, "unknown" if current is None else "repriced")
            return
        as_priced, target = self._as_priced(record.pricing_version), self._target(record)
        base = as_priced(record.call).femto
        usage, steps = self._usage(record, target)
        if self._is_too_long(record, target, usage):
            self._keep(current, "infeasible")
            return
        costs = [(self._then or as_priced)(target._replace(usage=case)) for case in usage]
        if refused := _refused(record, costs, bool(base) or not current):
            self._keep(current, refused)
            return
        move = _Move(record, current, target, Fraction(current, base) if base else Fraction(1), self._share(record))
        low, _, high = sorted((cost.femto or 0) * move.facts for cost in costs)
        expected = (costs[1].femto or 0) * move.facts
        self._counts["repriced"] += 1
        if move.facts != 1:
            self._counts["facts_kept"] += 1
            self._exact = False
        self._note(move, as_priced, steps, expected)
        self._sums[0] += current
        for index, value in enumerate((low, expected, high), 1):
            self._sums[index] += current + move.share * (value - current)

    def _keep(self, femto: int, count: str | None) -> None:
        if count is not None:
            self._counts[count] += 1
        for index in range(4):
            self._sums[index] += femto

    def _share(self, record: CallRecord) -> Fraction:
        return self._scenario.route if self._scenario.model_change(record.model) else Fraction(1)

    def _target(self, record: CallRecord) -> Call:
        scenario, here = self._scenario, record.call
        change = scenario.model_change(record.model)
        return here._replace(
            provider=(change and change.provider) or here.provider,
            model=change.target if change else here.model,
            service_tier=here.service_tier if scenario.tier is None else scenario.tier,
            processing=BATCH if scenario.batch else here.processing,
        )

    def _usage(self, record: CallRecord, target: Call) -> tuple[Range, list[tuple[str, Mapping[str, Quantity]]]]:
        """Return the usage in three cases, and the expected one after each step that changes usage."""
        scenario = self._scenario
        usage, steps = Range(record.usage, record.usage, record.usage), []
        if scenario.truncate is not None:
            most = scenario.truncate
            usage = usage.changed(lambda case: truncated(case, most))
            steps.append((TRUNCATE, usage.expected))
        if scenario.model_change(record.model) is not None:
            factor = self._knowledge.factor(record.model or "", target.model)
            if factor != SAME:
                usage = _retokenized(usage, factor)
                steps.append((TOKENIZER, usage.expected))
            if record.usage.get(REASONING):
                usage = Range(without_reasoning(usage.low), usage.expected, with_more_reasoning(usage.high))
        cached = self._recached(record, target, usage)
        if cached is not usage:
            steps.append((CACHE, cached.expected))
        return cached, steps

    def _recached(self, record: CallRecord, target: Call, usage: Range) -> Range:
        mode = self._scenario.cache
        moved = self._scenario.model_change(record.model) is not None
        tokens = usage.expected.get(INPUT)
        if mode == AS_RECORDED or (mode is None and not moved) or not isinstance(tokens, int):
            return usage
        if mode == NO_CACHE:
            return usage.changed(lambda case: recached(case, NOTHING, ""))
        rule = self._knowledge.cache_rule(target.provider, target.model)
        if rule is None:
            return usage
        key = (record.session_id, target.provider, target.model)
        cache = self._caches.get(key)
        if cache is None:
            cache = self._caches[key] = SessionCache(rule, mode == IDEAL)
        split = cache.next(tokens, record.start_ns)
        expected = recached(usage.expected, split, rule.writes)
        if mode is not None:
            return Range(recached(usage.low, split, rule.writes), expected, recached(usage.high, split, rule.writes))
        # Not asked for: the recorded split and none at all bound what the rules say.
        return Range(usage.low, expected, recached(usage.high, NOTHING, ""))

    def _is_too_long(self, record: CallRecord, target: Call, usage: Range) -> bool:
        if self._scenario.model_change(record.model) is None:
            return False
        most, tokens = self._knowledge.largest_input(target.provider, target.model), usage.expected.get(INPUT, 0)
        return most is not None and tokens > most

    def _note(
        self, move: _Move, as_priced: PriceOf, steps: list[tuple[str, Mapping[str, Quantity]]], expected: Fraction
    ) -> None:
        """Add the effect of each step on the expected cost; the effects add up to the whole change."""
        reached, usage = Fraction(move.current), move.record.usage
        for name, place, case in _stages(move.record.call, move.target, steps):
            usage = usage if case is None else case
            femto = as_priced(place._replace(usage=usage)).femto
            if femto is not None:
                self._add_effect(name, move.share * (femto * move.facts - reached))
                reached = femto * move.facts
        self._add_effect(CARD, move.share * (expected - reached))

    def _add_effect(self, name: str, effect: Fraction) -> None:
        self._effects[name] = self._effects.get(name, Fraction(0)) + effect


def _refused(record: CallRecord, costs: list[Cost], has_base: bool) -> str | None:
    """Return the count of a call that cannot be repriced; None for one that can."""
    if not has_base:
        return "unknown"
    if record.status not in _KNOWN or all(cost.status in _KNOWN for cost in costs):
        return "unknown" if any(cost.femto is None for cost in costs) else None
    return "infeasible" if any(cost.status == status.PARTIAL for cost in costs) else "unknown"


def _stages(
    here: Call, target: Call, steps: list[tuple[str, Mapping[str, Quantity]]]
) -> Iterable[tuple[str, Call, Mapping[str, Quantity] | None]]:
    """Yield (step, where the call goes, its usage or None for as before): truncation, the model, usage, tier, batch."""
    for name, usage in steps:
        if name == TRUNCATE:
            yield name, here, usage
    place = here._replace(provider=target.provider, model=target.model)
    if place != here:
        yield MODEL, place, None
    for name, usage in steps:
        if name != TRUNCATE:
            yield name, place, usage
    if target.service_tier != here.service_tier:
        place = place._replace(service_tier=target.service_tier)
        yield TIER, place, None
    if target.processing != here.processing:
        yield BATCHED, place._replace(processing=target.processing), None


def _retokenized(usage: Range, factor: Factor) -> Range:
    return Range(
        scaled(usage.low, factor.low), scaled(usage.expected, factor.expected), scaled(usage.high, factor.high)
    )
