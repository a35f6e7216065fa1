# SPDX-License-Identifier: Apache-2.0
"""The plan cache: what spans share that differ only in their counts, ids, costs and times.

Invariant: a plan writes exactly what the slow path would write, in the same order, or declines. A plan is compiled from
a span that the slow path has finished, and kept only when it reproduces that span. Its cost is one multiplication a
meter where the card's rates are linear in the counts; elsewhere, as under a contract, the pricer is asked each time.
What depends on other spans is checked each time: calls below, tokens or a response id that were counted lately, a
parent that waits for its usage. Where that makes the plan decline, the slow path takes its reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import mul
from typing import Any, TypeAlias

from spancost.core.call import Call, Cost
from spancost.core.dialect.attribute_layout import UNPLANNED, AttributeLayout, Encoded, flatten
from spancost.core.dialect.dialects import Dialects
from spancost.core.dialect.program import Program
from spancost.core.generational import GenerationalCache
from spancost.core.ledger.classification import OWN
from spancost.core.ledger.counting import counted
from spancost.core.ledger.memory import CountedCall, Process, RecentCalls, Record
from spancost.core.ledger.options import LedgerOptions
from spancost.core.ledger.reading_pricer import UNCERTAIN, ReadingPricer, new_call
from spancost.core.ledger.recorder import PlannedCall, Recorder, known_of, new_planned
from spancost.core.ledger.rollup import RollUp, subtotal_of, subtotal_of_call
from spancost.core.ledger.span_plan import Found, Outcome, apply_plan, compile_plan, reading_of
from spancost.core.ledger.writes import TOKENS, Written, write_cost, write_trace
from spancost.core.money import round_div, usd_float
from spancost.core.reading import Reading
from spancost.core.semconv import (
    LLM_LIST_COST_USD,
    LLM_REQUEST_ID,
    LLM_SUBTREE_COST_USD,
    LLM_TOTAL_TOKENS,
    LLM_TRACE_COST_USD,
)
from spancost.core.span import Attributes, AttributeValue, Span

PLANS_KEPT = 4_096
"""Plans at most; one more, and all are evicted. A plan takes about 2 KB."""
MAX_KEYS = 64
SEEN_KEPT = 8_192
_TOTALS = frozenset((LLM_TRACE_COST_USD, LLM_SUBTREE_COST_USD))
Place: TypeAlias = "tuple[int, Process, Attributes | None]"
"""Trace id, process and resource attributes."""
Ids: TypeAlias = "tuple[int, int | None, bool, int, int]"
"""Span id, parent's span id, whether the span is a local root, start and end."""
Emitter = tuple[tuple[str, str, str], str]
"""Name, version and language of the scope, and the name of the span."""


class PlanCache:
    """The plans of every scope; bounded. Not thread-safe, as the ledger is not."""

    def __init__(
        self,
        dialects: Dialects,
        charge: ReadingPricer,
        recorder: Recorder,
        counts: dict[str, int],
        options: LedgerOptions,
    ) -> None:
        self._dialects = dialects
        self._charge = charge
        self._recorder = recorder
        self._counts = counts
        self._options = options
        self._layouts: dict[tuple[str, str, str], dict[tuple[str, ...], AttributeLayout]] = {}
        self._compiled = 0
        self._seen: GenerationalCache[int, bool] = GenerationalCache(SEEN_KEPT)
        self._found: tuple[int, Found | None] = (0, None)  # for the span with this id, until it is read
        self._read: Found | None = None  # of the span read last

    def attach(self, rollup: RollUp, memory: RecentCalls) -> None:
        """Use the state of a ledger, from now on."""
        self._rollup = rollup
        self._memory = memory
        self._found, self._read = (0, None), None

    def try_plan(
        self, place: Place, ids: Ids, emitter: Emitter, attributes: Attributes, writes: Written
    ) -> PlannedCall | None:
        """End a span by its plan, put what it gives into *writes* and return its call.

        None, and nothing is done, when there is no plan for it: then `read` reads it next. *writes* may be
        *attributes*. The span must have been noted as closed.
        """
        found = self._find(emitter, attributes)
        span_id, parent_id = ids[0], ids[1]
        self._found = span_id, found
        rollup = self._rollup
        if found is None or span_id in rollup.pending or (parent_id is not None and parent_id in rollup.without_usage):
            return None
        priced = self._price(found, place, ids, attributes)
        if priced is None:
            return None
        outcome, femto, list_femto = priced
        record = _record(found, outcome, femto, place, ids)
        if not self._memory.add_if_new(record, found[0].own[4]):
            return None
        self._counts[OWN] += 1
        _write(found, outcome, femto, list_femto, writes)
        is_local_root = ids[2]
        if is_local_root or femto is None:
            passed: Any = record if femto is not None else subtotal_of_call(CountedCall._make(record[:-2]), None, True)
            if is_local_root and self._options.roll_up:
                write_trace(subtotal_of(passed), writes)
            if parent_id is not None and (self._options.join_services or not is_local_root):
                rollup.pass_up(parent_id, subtotal_of(passed))
        elif parent_id is not None:
            rollup.pass_up_record(parent_id, record)
        return new_planned((found[1], femto, list_femto, outcome.known, found[0].keys))

    def read(self, span: Span) -> Reading | None:
        """Return what *span* says, by the plan that `try_plan` found for it, else as its dialect reads it."""
        (span_id, found), self._found, self._read = self._found, (0, None), None
        if found is not None and span_id == span.span_id:
            self._read = found
            return reading_of(found)
        reading = self._dialects.read(span)
        if not self._dialects.markers.isdisjoint(span.attributes):
            self._compile(span)
        return reading

    def learn(self, span: Span, this: CountedCall, cost: Cost, writes: Mapping[str, AttributeValue]) -> None:
        """Add to the plan of *span*, which `read` has read, what was written for this result of pricing.

        The span must be a call of its own with nothing below. A plan that does not reproduce it is given up.
        """
        found = self._read
        if found is None or not found[2] or not _TOTALS.isdisjoint(span.attributes):
            return
        place: Place = (span.trace_id, this.process, span.resource)
        ids = (span.span_id, span.parent_id, span.is_local_root, span.start_ns, span.end_ns)
        call = self._call(found, place, ids, span.attributes)
        raw, outcomes = self._charge.price(call), found[0].outcomes
        if raw.femto is None and found[0].cost_at >= 0:
            return  # a cost that the span states may stand in for the one that is not known
        key, outcome = self._outcome(found, call, raw, cost, writes)
        if key in outcomes:
            return
        outcomes[key] = outcome
        priced = self._price(found, place, ids, span.attributes)
        made: Written = {}
        if priced is not None and priced[0] is outcome:
            _write(found, *priced, made)
            if _record(found, outcome, priced[1], place, ids) == (*this, cost.femto, outcome.is_doubtful):
                outcomes[key] = outcome if list(made.items()) == list(writes.items()) else None
                return
        outcomes[key] = None

    def _outcome(
        self, found: Found, call: Call, raw: Cost, cost: Cost, writes: Mapping[str, AttributeValue]
    ) -> tuple[Any, Outcome]:
        """Return the outcome of a call that the pricer gave *raw*, and its key: its rate set where that is linear."""
        plan, usage, card = found[0], found[1], self._charge.card
        outcome = Outcome(
            dict(writes),
            tuple(pair for pair in TOKENS if pair[0] in usage),
            cost.femto is not None,
            int(cost.status in UNCERTAIN),
            known_of(call, writes),
        )
        if card is not None and plan.rates is not None and card.price_at(plan.rates, usage, call.at_ns) is not None:
            rate_set = plan.rates.rate_set(usage, call.at_ns)
            linear = rate_set.linear_costs[plan.meters]
            if not linear.is_free:
                return rate_set, outcome._replace(
                    coefficients=linear.coefficients,
                    constant=linear.constant,
                    denominator=linear.denominator,
                    bounds=linear.bounds,
                )
        return (raw.status, raw.reason, raw.rate_id, raw.source, raw.list_femto is None), outcome

    def _find(self, emitter: Emitter, attributes: Attributes) -> Found | None:
        try:
            layouts = self._layouts[emitter[0]]
            layout = layouts[tuple(attributes)]
            if layout.encoded:
                attributes = flatten(attributes, layout.encoded)
                layout = layouts[tuple(attributes)]
            values, key = _values_of(layout, attributes, emitter[1])
            plan = layout.plans[key]
        except (KeyError, TypeError):  # not seen before, or a list among the values
            return None
        return None if plan is None else apply_plan(plan, values)

    def _call(self, found: Found, place: Place, ids: Ids, attributes: Attributes) -> Call:
        provider, model, _, _, request_model, operation, tier, processing, context, _ = found[0].call
        start_ns, end_ns = ids[3], ids[4]
        if self._charge.facts_of is not None:
            context = self._charge.facts_of(context, attributes, place[2])
        took_ns = end_ns - start_ns
        return new_call(
            (provider, model, found[1], start_ns, request_model, operation, tier, processing, context, took_ns)
        )

    def _price(
        self, found: Found, place: Place, ids: Ids, attributes: Attributes
    ) -> tuple[Outcome, int | None, int | None] | None:
        """Return the result of pricing, the cost and the list price where that differs; None to decline."""
        plan, usage, amounts, _, _ = found
        if not plan.outcomes or not amounts:
            return None
        if plan.rates is not None:
            outcome = plan.outcomes.get(plan.rates.only or plan.rates.rate_set(usage, ids[3]))
            if outcome is not None:
                _, _, is_priced, _, _, coefficients, constant, denominator, bounds = outcome
                for bound in bounds:
                    if sum(map(mul, bound, amounts)) < 0:
                        break
                else:
                    femto = sum(map(mul, coefficients, amounts), constant)
                    if not femto:
                        return None
                    if denominator != 1:
                        femto = round_div(femto, denominator)
                    return outcome, femto if is_priced else None, None
        status, reason, cost, rate_id, source, list_femto = self._charge.price(
            self._call(found, place, ids, attributes)
        )
        outcome = plan.outcomes.get((status, reason, rate_id, source, list_femto is None))
        if outcome is None or (not outcome.is_priced and "input_tokens" not in usage and "output_tokens" not in usage):
            return None
        return outcome, cost if outcome.is_priced else None, list_femto

    def _compile(self, span: Span) -> None:
        """Compile a plan of a span that no plan was found for, when it is worth it.

        The first span with these keys, and the first with these values, make none: compiling one triples the time of a
        span.
        """
        attributes, scope = span.attributes, (span.scope_name, span.scope_version, span.language)
        known = self._layouts.get(scope, {})
        is_new = tuple(attributes) not in known
        if is_new and (
            len(attributes) > MAX_KEYS or "$" in "".join(attributes) or self._is_first((scope, *attributes))
        ):
            return
        program = self._dialects.program(span)
        try:
            layout = self._layout(scope, attributes, program.encoded(attributes), program)
            if layout.encoded:
                attributes = flatten(attributes, layout.encoded)
                layout = self._layout(scope, attributes, (), program)
            values, key = _values_of(layout, attributes, span.name)
            if layout is UNPLANNED or key in layout.plans or (not is_new and self._is_first((scope, *attributes, key))):
                return
        except (TypeError, AttributeError):
            return
        self._make_room()
        plan = compile_plan(program, layout, values, span, self._recorder.keys_of(span.attributes))
        if plan is not None and plan.reading is not None:
            call = self._charge.call(plan.reading, span)._replace(context=plan.reading.context)
            this = counted(plan.reading, span, None)
            is_detached = self._dialects.identity.is_detached(this.scope)
            meters = this.reported_meters or frozenset()
            own = (this.scope, this.models, meters, this.provider, is_detached, this.is_exchange)
            rates = None if self._charge.card is None else self._charge.card.resolve(call)
            plan = plan._replace(call=call, own=own, rates=None if isinstance(rates, Cost) else rates)
        layout.plans[key] = plan
        self._read = None if plan is None else apply_plan(plan, values)

    def _layout(
        self, scope: tuple[str, str, str], attributes: Attributes, encoded: tuple[Encoded, ...], program: Program
    ) -> AttributeLayout:
        """Return the layout of spans with the keys of *attributes*, made now if need be."""
        keys = tuple(attributes)
        layout = self._layouts.get(scope, {}).get(keys)
        if layout is None:
            self._make_room()
            layout = AttributeLayout(encoded) if encoded else program.layout(attributes) or UNPLANNED
            self._layouts.setdefault(scope, {})[keys] = layout
        return layout

    def _make_room(self) -> None:
        if self._compiled >= PLANS_KEPT:
            self._layouts, self._compiled = {}, 0
        self._compiled += 1

    def _is_first(self, kind: tuple[Any, ...]) -> bool:
        """Note a kind of span; return whether none like it was noted lately. Raises TypeError for a list among it."""
        sight = hash(kind)
        if sight in self._seen:
            return False
        self._seen.set(sight, True)
        return True


def _values_of(layout: AttributeLayout, attributes: Attributes, name: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the values of a span that vary, and those by which its plan is found."""
    values, key = layout.varying(attributes), layout.categorical(attributes)
    if layout.tests:
        key = (*key, *[test(values[at]) for at, test in layout.tests])
    return values, (*key, name) if layout.is_named else key


def _record(found: Found, outcome: Outcome, femto: int | None, place: Place, ids: Ids) -> Record:
    """Return the call to remember."""
    (_, _, _, _, _, _, _, _, _, _, _, own, _, _), usage, _, response_id, _ = found
    span_id, parent_id, _, start_ns, end_ns = ids
    scope, models, meters, provider, _, is_exchange = own
    get = usage.get
    return (
        span_id, scope, models, place[0], get("input_tokens"), get("output_tokens"), place[1], response_id, start_ns,
        end_ns, meters, provider, (get("cache_read_tokens"), get("cache_write_tokens"), get("reasoning_tokens")),
        parent_id is not None, is_exchange, femto, outcome.is_doubtful,
    )  # fmt: skip


def _write(found: Found, outcome: Outcome, femto: int | None, list_femto: int | None, writes: Written) -> None:
    """Put what the call writes into *writes*."""
    usage, response_id = found[1], found[3]
    writes.update(outcome.template)
    for meter, key in outcome.tokens:
        writes[key] = usage[meter]
    if LLM_TOTAL_TOKENS in outcome.template:
        writes[LLM_TOTAL_TOKENS] = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
    if femto is not None:
        write_cost(femto, writes)
    if list_femto is not None:
        writes[LLM_LIST_COST_USD] = usd_float(list_femto)
    if response_id is not None:
        writes[LLM_REQUEST_ID] = response_id


def plan_cache(
    dialects: object, charge: ReadingPricer, recorder: Recorder, counts: dict[str, int], options: LedgerOptions
) -> PlanCache | None:
    """Return the plan cache of a ledger that reads by *dialects*; None when these are of another kind."""
    return PlanCache(dialects, charge, recorder, counts, options) if type(dialects) is Dialects else None
