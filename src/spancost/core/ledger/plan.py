# SPDX-License-Identifier: Apache-2.0
"""The plan cache: what spans share that differ only in their counts, ids and times.

Invariant: a plan writes exactly what the slow path would write, in the same order, or declines. A plan is compiled from
a span that the slow path has finished, and kept only when it reproduces that span. It holds the reading; prices come
from the pricer each time, so tiers, windows of the day and contracts need nothing here. What depends on other spans is
checked each time: calls below, tokens or a response id that were counted lately, a parent that waits for its usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from spancost.core.call import Cost
from spancost.core.dialect.attribute_layout import Fetched, Layout
from spancost.core.dialect.dialects import Dialects
from spancost.core.dialect.fields import COUNTED
from spancost.core.dialect.inclusive import inclusive
from spancost.core.dialect.rule import remap_fields
from spancost.core.generational import GenerationalCache
from spancost.core.ledger.counting import OWN
from spancost.core.ledger.memory import CountedCall, Process, RecentCalls
from spancost.core.ledger.reading_pricer import UNCERTAIN, ReadingPricer
from spancost.core.ledger.recorder import PricedCall
from spancost.core.ledger.rollup import RollUp, subtotal_of
from spancost.core.ledger.span_plan import Outcome, SpanPlan, execute, figures_of_plan, unpriced_call, usage_of_plan
from spancost.core.ledger.writes import Written, write_trace
from spancost.core.semconv import (
    LLM_COST_STATUS,
    LLM_SUBTREE_COST_USD,
    LLM_TRACE_COST_USD,
)
from spancost.core.span import Attributes, AttributeValue, Span

PLANS_KEPT = 4_096
"""Plans at most; one more, and all are evicted. A plan takes about 2 KB."""
MAX_KEYS = 64
SEEN_KEPT = 8_192
_OURS = frozenset((LLM_COST_STATUS, LLM_TRACE_COST_USD, LLM_SUBTREE_COST_USD))


class _Layouts(NamedTuple):
    """The layout of one order of keys and its plans; is_named: the span's name is part of their key."""

    layout: Layout
    is_named: bool
    plans: dict[Any, SpanPlan | None]


class PlanCache:
    """The plans of every scope; bounded. Not thread-safe, as the ledger is not.

    roll_up, join_services: see `LedgerOptions`. counts: counters of the ledger.
    """

    def __init__(
        self, dialects: Dialects, charge: ReadingPricer, counts: dict[str, int], roll_up: bool, join_services: bool
    ) -> None:
        self._dialects = dialects
        self._charge = charge
        self._price = charge.price
        self._facts_of = charge.facts_of
        self._counts = counts
        self._roll_up = roll_up
        self._join_services = join_services
        self._layouts: dict[tuple[str, str, str], dict[tuple[str, ...], _Layouts | None]] = {}
        self._compiled = 0
        self._seen: GenerationalCache[int, bool] = GenerationalCache(SEEN_KEPT)

    def attach(self, rollup: RollUp, memory: RecentCalls) -> None:
        """Use the state of a ledger, from now on."""
        self._rollup = rollup
        self._memory = memory

    def try_plan(
        self,
        place: tuple[int, Process, Attributes | None],
        ids: tuple[int, int | None, bool],
        times: tuple[int, int],
        scope: tuple[str, str, str],
        name: str,
        attributes: Attributes,
        written: Written,
    ) -> PricedCall | None:
        """End a span by its plan, put what it gives into *written* and return the call as it was priced.

        None, and nothing is done, when there is no plan for it.

        place: trace id, process and resource attributes. ids: span id, parent's span id, whether the span is a local
        root. times: start and end. scope: name, version and language. *written* may be *attributes*. The span must have
        been noted as closed.
        """
        try:
            layouts = self._layouts[scope][tuple(attributes)]
            if layouts is None:
                return None
            fetched = layouts.layout.fetch(attributes)
            categorical = fetched.categorical
            plan = layouts.plans[(categorical, name) if layouts.is_named else categorical]
        except (KeyError, TypeError):  # not seen before, or a list among the values
            return None
        span_id, parent_id, is_local_root = ids
        rollup = self._rollup
        if plan is None or span_id in rollup.pending or (parent_id is not None and parent_id in rollup.without_usage):
            return None
        executed = execute(plan, fetched, place, ids, times, attributes, self._charge)
        if executed is None:
            return None
        record, made, is_priced, priced = executed
        if not self._memory.add_if_new(record, plan.counted[4]):
            return None
        self._counts[OWN] += 1
        written.update(made)
        passed: Any = record if is_priced else unpriced_call(record)
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

    def learn(self, span: Span, counted: CountedCall, cost: Cost, written: Mapping[str, AttributeValue]) -> None:
        """Compile a plan of a span that the slow path counted, with nothing below it, when it is worth it.

        cost: what was written. The first span with these keys, and the first with these values, make no plan: compiling
        one triples the time of a span.
        """
        attributes = span.attributes
        keys = tuple(attributes)
        if len(keys) > MAX_KEYS or not _OURS.isdisjoint(attributes):
            return
        scope = (span.scope_name, span.scope_version, span.language)
        of_scope = self._layouts.get(scope, {})
        is_new = keys not in of_scope
        if is_new:
            if self._is_first((scope, keys)):
                return
            program = self._dialects.program(span)
            layout = program.layout(attributes)
            self._room()
            of_scope = self._layouts.setdefault(scope, {})
            of_scope[keys] = None if layout is None else _Layouts(layout, program.is_named, {})
        layouts = of_scope[keys]
        if layouts is None:
            return
        try:
            fetched = layouts.layout.fetch(attributes)
            key: Any = (fetched.categorical, span.name) if layouts.is_named else fetched.categorical
            if key not in layouts.plans:
                if not is_new and self._is_first((scope, keys, key)):
                    return
                self._room()
                layouts.plans[key] = self._plan(span, fetched, counted)
        except TypeError:
            return
        plan = layouts.plans.get(key)
        if plan is not None and not self._add_outcome(plan, span, fetched, counted, cost, written):
            layouts.plans[key] = None

    def _room(self) -> None:
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

    def _plan(self, span: Span, fetched: Fetched, counted: CountedCall) -> SpanPlan | None:
        program = self._dialects.program(span)
        reading, rules = program.read_with_rules(span)
        if reading is None or reading.billed or any("response_id" in rule.strip_suffix for rule in rules):
            return None
        places: dict[str, Any] = {field: place for place, field in enumerate(fetched.fields)}
        remap_fields(places, rules)
        figures = {field: place for field, place in places.items() if field in COUNTED}
        kept: dict[str, Any] = dict(figures)
        program.proving(kept, reading.provider)
        picks = tuple(figures.values())
        plan = SpanPlan(
            None if picks == tuple(range(len(fetched.fields))) else picks,
            tuple(figures),
            frozenset(reading.usage),
            None,
            len(kept) != len(figures),
            self._charge.call(reading, span)._replace(context=reading.context),
            (
                counted.scope,
                counted.models,
                counted.told or frozenset(),
                counted.provider,
                self._dialects.identity.is_detached(counted.scope),
            ),
            {},
        )
        split = inclusive(figures_of_plan(plan, fetched.counts))[1]
        plan = plan._replace(split=split)
        usage = usage_of_plan(plan, fetched.counts)
        return plan if usage is not None and list(usage.items()) == list(reading.usage.items()) else None

    def _add_outcome(
        self,
        plan: SpanPlan,
        span: Span,
        fetched: Fetched,
        counted: CountedCall,
        cost: Cost,
        written: Mapping[str, AttributeValue],
    ) -> bool:
        """Add what was written for this result of pricing; False when the plan does not reproduce the span."""
        usage = usage_of_plan(plan, fetched.counts)
        if usage is None:
            return True
        place = (span.trace_id, counted.process, span.resource)
        context = plan.call.context
        if self._facts_of is not None:
            context = self._facts_of(context, span.attributes, span.resource)
        raw = self._price(
            plan.call._replace(
                usage=usage, at_ns=span.start_ns, context=context, duration_ns=span.end_ns - counted.start_ns
            )
        )
        if raw.femto is None and self._dialects.program(span).states_cost(span.attributes):
            return True  # a cost that the span states may stand in for the one that is not known
        key = (raw.status, raw.reason, raw.rate_id, raw.source, raw.list_femto is None)
        if key in plan.outcomes:
            return True
        plan.outcomes[key] = Outcome(dict(written), int(cost.status in UNCERTAIN), cost.femto is not None)
        executed = execute(
            plan,
            fetched,
            place,
            (span.span_id, span.parent_id, span.is_local_root),
            (span.start_ns, span.end_ns),
            span.attributes,
            self._charge,
        )
        if executed is None or list(executed[1].items()) != list(written.items()) or executed[0][:-2] != counted:
            del plan.outcomes[key]
            return False
        return bool(executed[0][-2] == cost.femto)


def plan_cache(
    dialects: object, charge: ReadingPricer, counts: dict[str, int], roll_up: bool, join_services: bool
) -> PlanCache | None:
    """Return the plan cache of a ledger that reads by *dialects*; None when these are of another kind."""
    return PlanCache(dialects, charge, counts, roll_up, join_services) if type(dialects) is Dialects else None
