# SPDX-License-Identifier: Apache-2.0
"""The plan cache: what spans share that differ only in their counts, ids, costs and times.

Invariant: a plan writes exactly what the slow path would write, in the same order, or declines. A plan is compiled from
a span that the slow path has finished, and kept only when it reproduces that span. It holds the reading; prices come
from the pricer each time, so tiers, windows of the day and contracts need nothing here. What depends on other spans is
checked each time: calls below, tokens or a response id that were counted lately, a parent that waits for its usage.
Where that makes the plan decline, the slow path takes its reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from spancost.core.call import Call, Cost
from spancost.core.dialect.attribute_layout import AttributeLayout
from spancost.core.dialect.dialects import Dialects
from spancost.core.generational import GenerationalCache
from spancost.core.ledger.classification import OWN
from spancost.core.ledger.counting import counted
from spancost.core.ledger.memory import CountedCall, Process, RecentCalls
from spancost.core.ledger.reading_pricer import UNCERTAIN, ReadingPricer, new_call
from spancost.core.ledger.recorder import PricedCall, new_priced
from spancost.core.ledger.rollup import RollUp, subtotal_of, subtotal_of_call
from spancost.core.ledger.span_plan import Found, Outcome, apply_plan, compile_plan, reading_of
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
Place: TypeAlias = "tuple[int, Process, Attributes | None]"
"""Trace id, process and resource attributes."""
Ids: TypeAlias = "tuple[int, int | None, bool, int, int]"
"""Span id, parent's span id, whether the span is a local root, start and end."""
Emitter = tuple[tuple[str, str, str], str]
"""Name, version and language of the scope, and the name of the span."""


class PlanCache:
    """The plans of every scope; bounded. Not thread-safe, as the ledger is not.

    roll_up, join_services: see `LedgerOptions`. counts: counters of the ledger.
    """

    def __init__(
        self, dialects: Dialects, charge: ReadingPricer, counts: dict[str, int], roll_up: bool, join_services: bool
    ) -> None:
        self._dialects = dialects
        self._charge = charge
        self._counts = counts
        self._roll_up = roll_up
        self._join_services = join_services
        self._layouts: dict[tuple[str, str, str], dict[tuple[str, ...], AttributeLayout | None]] = {}
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
        self, place: Place, ids: Ids, emitter: Emitter, attributes: Attributes, written: Written
    ) -> PricedCall | None:
        """End a span by its plan, put what it gives into *written* and return the call as it was priced.

        None, and nothing is done, when there is no plan for it: then `read` reads it next. *written* may be
        *attributes*. The span must have been noted as closed.
        """
        span_id, parent_id, is_local_root, start_ns, end_ns = ids
        found = self._find(emitter, attributes, start_ns, end_ns)
        self._found = span_id, found
        rollup = self._rollup
        if found is None or span_id in rollup.pending or (parent_id is not None and parent_id in rollup.without_usage):
            return None
        executed = self._execute(found, place, ids, attributes)
        if executed is None:
            return None
        record, made, is_detached, priced = executed
        is_priced = record[-2] is not None
        if not self._memory.add_if_new(record, is_detached):
            return None
        self._counts[OWN] += 1
        written.update(made)
        passed: Any = record if is_priced else subtotal_of_call(CountedCall._make(record[:-2]), None, True)
        if is_local_root:
            if self._roll_up:
                write_trace(subtotal_of(passed), written)
            if not self._join_services:
                return priced
        if parent_id is not None:
            if is_priced:
                rollup.pass_up_record(parent_id, record)
            else:
                rollup.pass_up(parent_id, passed)
        return priced

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

    def learn(self, span: Span, this: CountedCall, cost: Cost, written: Mapping[str, AttributeValue]) -> None:
        """Add to the plan of *span*, which `read` has read, what was written for this result of pricing.

        The span must be a call of its own with nothing below. A plan that does not reproduce it is given up.
        """
        found = self._read
        if found is None or not _TOTALS.isdisjoint(span.attributes):
            return
        plan, usage, _, _, stated = found
        if not usage or (plan.reading is not None and plan.reading.billed):
            return
        place: Place = (span.trace_id, this.process, span.resource)
        ids = (span.span_id, span.parent_id, span.is_local_root, span.start_ns, span.end_ns)
        raw = self._charge.price(self._call(found, place, ids, span.attributes))
        key = (raw.status, raw.reason, raw.rate_id, raw.source, raw.list_femto is None)
        if key in plan.outcomes or (raw.femto is None and stated is not None):
            return  # a cost that the span states may stand in for the one that is not known
        plan.outcomes[key] = Outcome(
            dict(written),
            int(cost.status in UNCERTAIN),
            cost.femto is not None,
            tuple(pair for pair in TOKENS if pair[0] in usage),
        )
        executed = self._execute(found, place, ids, span.attributes)
        if (
            executed is None
            or executed[0] != (*this, cost.femto, int(cost.status in UNCERTAIN))
            or (list(executed[1].items()) != list(written.items()))
        ):
            plan.outcomes[key] = None

    def _find(self, emitter: Emitter, attributes: Attributes, start_ns: int, end_ns: int) -> Found | None:
        try:
            layout = self._layouts[emitter[0]][tuple(attributes)]
            if layout is None:
                return None
            values, categorical = layout.fetch(attributes)
            plan = layout.plans[(categorical, emitter[1]) if layout.is_named else categorical]
        except (KeyError, TypeError):  # not seen before, or a list among the values
            return None
        return None if plan is None else apply_plan(plan, values, start_ns, end_ns)

    def _call(self, found: Found, place: Place, ids: Ids, attributes: Attributes) -> Call:
        plan, usage, _, began_ns, _ = found
        provider, model, _, _, request_model, operation, tier, processing, context, _ = plan.call
        start_ns, end_ns = ids[3], ids[4]
        if self._charge.facts_of is not None:
            context = self._charge.facts_of(context, attributes, place[2])
        took = end_ns - (began_ns or start_ns)
        call = (provider, model, usage, start_ns, request_model, operation, tier, processing, context, took)
        return new_call(call)

    def _execute(
        self, found: Found, place: Place, ids: Ids, attributes: Attributes
    ) -> tuple[tuple[Any, ...], dict[str, AttributeValue], bool, PricedCall] | None:
        """Return the call to remember, what is written, whether its emitter is detached, and the priced call; None to
        decline."""
        plan, usage, response_id, began_ns, _ = found
        if not plan.outcomes:
            return None
        span_id, parent_id, _, start_ns, end_ns = ids
        call = self._call(found, place, ids, attributes)
        rates, card = plan.rates, self._charge.card
        cost = card.price_at(rates, usage, start_ns) if rates is not None and card is not None else None
        status, reason, femto, rate_id, source, list_femto = cost or self._charge.price(call)
        outcome = plan.outcomes.get((status, reason, rate_id, source, list_femto is None))
        if outcome is None:
            return None
        template, is_doubtful, is_priced, tokens = outcome
        entered, left = usage.get("input_tokens"), usage.get("output_tokens")
        if not is_priced:
            if entered is None and left is None:
                return None
            femto = None
        made = template.copy()
        for meter, key in tokens:
            made[key] = usage[meter]
        if entered is not None or left is not None:
            made[LLM_TOTAL_TOKENS] = (entered or 0) + (left or 0)
        if femto is not None:
            write_cost(femto, made)
        if list_femto is not None:
            made[LLM_LIST_COST_USD] = usd_float(list_femto)
        if response_id is not None:
            made[LLM_REQUEST_ID] = response_id
        scope, models, told, provider, is_detached, is_exchange = plan.counted
        parts = (usage.get("cache_read_tokens"), usage.get("cache_write_tokens"), usage.get("reasoning_tokens"))
        began_ns = start_ns if began_ns is None else began_ns
        record = (
            span_id, scope, models, place[0], entered, left, place[1], response_id, began_ns, end_ns, told, provider,
            parts, parent_id is not None, is_exchange, femto, is_doubtful,
        )  # fmt: skip
        return record, made, is_detached, new_priced((call, femto, list_femto))

    def _compile(self, span: Span) -> None:
        """Compile a plan of a span that no plan was found for, when it is worth it.

        The first span with these keys, and the first with these values, make none: compiling one triples the time of a
        span.
        """
        attributes, scope = span.attributes, (span.scope_name, span.scope_version, span.language)
        keys = tuple(attributes)
        layouts = self._layouts.get(scope, {})
        is_new = keys not in layouts
        if len(keys) > MAX_KEYS or (is_new and self._is_first((scope, keys))):
            return
        program = self._dialects.program(span)
        if is_new:
            self._make_room()
            layouts = self._layouts.setdefault(scope, {})
            layouts[keys] = program.layout(attributes)
        layout = layouts[keys]
        if layout is None:
            return
        try:
            values, categorical = layout.fetch(attributes)
            key: Any = (categorical, span.name) if layout.is_named else categorical
            if key in layout.plans or (not is_new and self._is_first((scope, keys, key))):
                return
        except TypeError:
            return
        self._make_room()
        plan = compile_plan(program, layout, values, span)
        if plan is not None and plan.reading is not None:
            call = self._charge.call(plan.reading, span)._replace(context=plan.reading.context)
            this = counted(plan.reading, span, None)
            is_detached = self._dialects.identity.is_detached(this.scope)
            meters = this.reported_meters or frozenset()
            own = (this.scope, this.models, meters, this.provider, is_detached, this.is_exchange)
            rates = None if self._charge.card is None else self._charge.card.resolve(call)
            plan = plan._replace(call=call, counted=own, rates=None if isinstance(rates, Cost) else rates)
        layout.plans[key] = plan
        self._read = None if plan is None else apply_plan(plan, values, span.start_ns, span.end_ns)

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


def plan_cache(
    dialects: object, charge: ReadingPricer, counts: dict[str, int], roll_up: bool, join_services: bool
) -> PlanCache | None:
    """Return the plan cache of a ledger that reads by *dialects*; None when these are of another kind."""
    return PlanCache(dialects, charge, counts, roll_up, join_services) if type(dialects) is Dialects else None
