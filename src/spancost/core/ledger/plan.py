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
from typing import Any

from spancost.core.call import Cost
from spancost.core.dialect.attribute_layout import UNPLANNED, AttributeLayout, values_inside
from spancost.core.dialect.dialects import Dialects
from spancost.core.dialect.program import Program
from spancost.core.generational import GenerationalCache
from spancost.core.ledger.classification import OWN
from spancost.core.ledger.memory import CountedCall, RecentCalls, Record
from spancost.core.ledger.options import LedgerOptions
from spancost.core.ledger.reading_pricer import UNCERTAIN, ReadingPricer
from spancost.core.ledger.recorder import Recorder, known_of
from spancost.core.ledger.rollup import RollUp, subtotal_of, subtotal_of_call
from spancost.core.ledger.span_plan import (
    NO_PLAN,
    Emitter,
    Found,
    Ids,
    Outcome,
    Place,
    PlannedCall,
    apply_plan,
    bind,
    call_of,
    compile_plan,
    covered_by,
    reading_of,
    usage_of,
)
from spancost.core.ledger.writes import TOKENS, Written, write_cost, write_trace
from spancost.core.money import usd_float
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

    def attach(self, rollup: RollUp, memory: RecentCalls) -> None:
        """Use the state of a ledger, from now on."""
        self._rollup = rollup
        self._memory = memory
        self._found: tuple[int, Found | None] = (0, None)  # for the span with this id, until it is read
        self._read: Found | None = None  # of the span read last
        self._missed: tuple[AttributeLayout, Any, Any] | None = None  # of the span looked for last

    def try_plan(
        self, place: Place, ids: Ids, emitter: Emitter, attributes: Attributes, writes: Written
    ) -> PlannedCall | None:
        """End a span by its plan, put what it gives into *writes* and return its call.

        None, and nothing is done, when there is no plan for it: then `read` reads it next. *writes* may be
        *attributes*. The span must have been noted as closed.
        """
        span_id, parent_id, is_local_root, _, _ = ids
        found = self._find(emitter, attributes)
        self._found = span_id, found
        if found is None:
            return None
        rollup = self._rollup
        pending, without_usage = rollup.pending, rollup.without_usage
        if span_id in pending.new or span_id in pending.old:
            return None
        if parent_id is not None and (parent_id in without_usage.new or parent_id in without_usage.old):
            return None
        if is_local_root and self._memory.is_doubted(span_id):  # another span had this id
            return None
        executed = self._execute(found, place, ids, attributes, writes)
        if executed is None:
            return None
        self._counts[OWN] += 1
        record, planned = executed
        is_priced = planned[3] is not None
        if is_local_root or not is_priced:
            passed: Any = record
            if not is_priced:
                passed = subtotal_of_call(CountedCall._make(record[:-2]), None, True)
            if is_local_root and self._options.roll_up:
                write_trace(subtotal_of(passed), writes)
            if parent_id is not None and (self._options.join_services or not is_local_root):
                rollup.pass_up(parent_id, subtotal_of(passed))
        elif parent_id is not None:
            rollup.pass_up_record(parent_id, record)
        return planned

    def read(self, span: Span) -> Reading | None:
        """Return what *span* says, by the plan that `try_plan` found for it, else as its dialect reads it."""
        (span_id, found), self._found, self._read = self._found, (0, None), None
        if found is not None and span_id == span.span_id:
            self._read = found
            return reading_of(found)
        reading = self._dialects.read(span)
        if not self._dialects.markers.isdisjoint(span.attributes):
            self._compile(span, reading)
        return reading

    def learn(self, span: Span, this: CountedCall, cost: Cost, writes: Mapping[str, AttributeValue]) -> None:
        """Add to the plan of *span*, which `read` has read, what was written for this result of pricing.

        The span must be a call of its own with nothing below. A plan that does not reproduce it is given up.
        """
        found = self._read
        if found is None or not found[1] or not _TOTALS.isdisjoint(span.attributes):
            return
        plan, usage = found[0], usage_of(found)
        place: Place = (span.trace_id, this.process, span.resource)
        ids = (span.span_id, span.parent_id, span.is_local_root, span.start_ns, span.end_ns)
        call = call_of(found, place, ids, span.attributes, self._charge)
        raw, outcomes = self._charge.price(call), plan.outcomes
        if raw.femto is None and plan.cost_at >= 0:
            return  # a cost that the span states may stand in for the one that is not known
        tokens = tuple((name, plan.meters.index(meter)) for meter, name in TOKENS if meter in usage)
        is_doubtful = int(cost.status in UNCERTAIN)
        outcome = Outcome(dict(writes), tokens, cost.femto is not None, is_doubtful, known_of(call, writes), None, [])
        key: Any = (raw.status, raw.reason, raw.rate_id, raw.source, raw.list_femto is None)
        card, rates = self._charge.card, plan.rates
        if card is not None and rates is not None and card.price_at(rates, usage, call.at_ns) is not None:
            rate_set = rates.rate_set(usage, call.at_ns)
            linear = rate_set.linear_costs[plan.meters]
            if not linear.is_free:
                kept = tuple(bound for bound in linear.bounds if bound not in covered_by(plan))
                key, outcome = rate_set, outcome._replace(linear=linear._replace(bounds=kept))
        if key in outcomes:
            return
        made: Written = {}
        outcomes[key] = outcome
        memory, self._memory = self._memory, RecentCalls(1)
        executed = self._execute(found, place, ids, span.attributes, made)
        self._memory = memory
        is_same = executed is not None and executed[0] == (*this, cost.femto, is_doubtful)
        if not is_same or list(made.items()) != list(writes.items()):
            outcomes[key] = None

    def _find(self, emitter: Emitter, attributes: Attributes) -> Found | None:
        """Return the plan of a span and what its values come to; None when there is none, or it is not for them."""
        self._missed = None
        try:
            layouts = self._layouts[emitter[0]]
            layout = layouts[tuple(attributes)]
            if layout.encoded:
                inside = values_inside(attributes, layout.encoded)
                layout = layout.plans[tuple(inside)]
                if inside:
                    attributes = {**attributes, **inside}
            _, _, number, varying, categorical, limits, equal, is_named, plans = layout
            values, key = varying(attributes), categorical(attributes)
            if limits or equal:
                bits = 1
                for at, least in limits:
                    bits = bits << 1 | (values[at] >= least)
                for at, wanted in equal:
                    bits = bits << 1 | (values[at] in wanted)
                key = (key, bits)
            if is_named:
                key = (key, emitter[1])
            plan = plans.get(key, NO_PLAN)
        except (KeyError, TypeError):  # not seen before, or a list among the values
            return None
        if plan is NO_PLAN or plan is None:
            if plan is NO_PLAN:
                self._missed = layout, values, key
            return None
        return apply_plan(plan, values, number)

    def _execute(
        self, found: Found, place: Place, ids: Ids, attributes: Attributes, writes: Written
    ) -> tuple[Record, PlannedCall] | None:
        """Price, remember and write a call; return it as remembered and as priced, None to decline."""
        plan, amounts, (entered, left), parts, response_id, _ = found
        _, _, _, _, _, _, _, _, _, _, _, _, rates, own, _, outcomes = plan
        if not amounts or not outcomes:
            return None
        span_id, parent_id, _, start_ns, end_ns = ids
        outcome: Outcome | None = None
        femto: int | None = None
        list_femto: int | None = None
        if rates is not None:
            outcome = outcomes.get(rates.only or rates.rate_set(usage_of(found), start_ns))
            if outcome is not None:
                constant, denominator, coefficients, bounds, _ = outcome.linear
                if bounds or denominator != 1:
                    femto = outcome.linear.cost_of(amounts)
                else:
                    femto = sum(map(mul, coefficients, amounts), constant)
        if not femto:
            cost = self._charge.price(call_of(found, place, ids, attributes, self._charge))
            status, reason, femto, rate_id, source, list_femto = cost
            outcome = outcomes.get((status, reason, rate_id, source, list_femto is None))
        if outcome is None or (not outcome.is_priced and entered is None and left is None):
            return None
        template, tokens, is_priced, is_doubtful, _, _, _ = outcome
        if not is_priced:
            femto = None
        scope, models, reported, provider, is_detached, is_exchange = own
        record = (
            span_id, scope, models, place[0], entered, left, place[1], response_id, start_ns, end_ns, reported,
            provider, parts, parent_id is not None, is_exchange, femto, is_doubtful,
        )  # fmt: skip
        if not self._memory.add_if_new(record, is_detached):
            return None
        writes.update(template)
        for name, at in tokens:
            writes[name] = amounts[at]
        if entered is not None or left is not None:
            writes[LLM_TOTAL_TOKENS] = (entered or 0) + (left or 0)
        if femto is not None:
            write_cost(femto, writes)
        if list_femto is not None:
            writes[LLM_LIST_COST_USD] = usd_float(list_femto)
        if response_id is not None:
            writes[LLM_REQUEST_ID] = response_id
        return record, (plan, outcome, amounts, femto, list_femto)

    def _compile(self, span: Span, reading: Reading | None) -> None:
        """Compile a plan of a span that no plan was found for, when it is worth it.

        The first span with these keys, and the first with these values, make none: compiling one triples the time of a
        span.
        """
        attributes, scope = span.attributes, (span.scope_name, span.scope_version, span.language)
        emitter = (scope, span.name)
        self._find(emitter, attributes)
        is_new = tuple(attributes) not in self._layouts.get(scope, {})
        if is_new and (
            len(attributes) > MAX_KEYS or "$" in "".join(attributes) or self._is_first((scope, *attributes))
        ):
            return
        program = self._dialects.program(span)
        if self._missed is None:
            self._add_layouts(self._layouts.setdefault(scope, {}), attributes, program)
            self._find(emitter, attributes)
        if self._missed is None:
            return
        layout, values, key = self._missed
        if layout is UNPLANNED or (not is_new and self._is_first((scope, *attributes, key))):
            return
        plan = compile_plan(program, layout, values, span, self._recorder.keys_of(attributes))
        if plan is not None:
            plan = bind(plan, span, self._charge, self._dialects.identity)
        self._make_room()
        layout.plans[key] = plan
        self._read = self._find(emitter, attributes)
        if plan is not None and (self._read is None or reading_of(self._read) != reading):
            layout.plans[key], self._read = None, None

    def _add_layouts(
        self, layouts: dict[tuple[str, ...], AttributeLayout], attributes: Attributes, program: Program
    ) -> None:
        """Add the layout of spans with the keys of *attributes*, and the one of what is found inside them."""
        keys, encoded = tuple(attributes), program.encoded(attributes)
        if encoded:
            inside = values_inside(attributes, encoded)
            layouts = layouts.setdefault(keys, AttributeLayout(encoded, plans={})).plans
            keys, attributes = tuple(inside), {**attributes, **inside}
        if keys not in layouts:
            self._make_room()
            layouts[keys] = program.layout(attributes) or UNPLANNED

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
