# SPDX-License-Identifier: Apache-2.0
"""Totals in the real SDK: late children, hidden and remote parents, deep and wide traces, what never ends."""

from __future__ import annotations

import gc
import random
import tracemalloc
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

import spancost
from spancost import record_outcome
from spancost.core.call import Cost
from tests.otel.processor.simple import FEMTO_PER_TOKEN, INPUT, MODEL, Set, processor, simple_ledger

PACKAGE = Path(spancost.__file__).parent
STRATEGIES = pytest.mark.parametrize("strategy", ["auto", "wrap", "on_end"])


@STRATEGIES
def test_a_cost_that_came_as_an_attribute_reaches_the_root(strategy: str) -> None:
    """Case A: the root of a call whose cost is an attribute, not a metric, carries it."""
    made = Set(processor(strategy=strategy), exporter_first=False)
    with made.tracer.start_as_current_span("root"):
        made.call("leaf", tokens=500)
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.5


@STRATEGIES
def test_a_call_that_ends_after_its_parent_reaches_the_open_root(strategy: str) -> None:
    """Case B: a stream read after the span that opened it has ended."""
    made = Set(processor(strategy=strategy), exporter_first=False)
    with made.tracer.start_as_current_span("root"):
        with made.tracer.start_as_current_span("middle"), made.tracer.start_as_current_span("inner"):
            leaf = made.tracer.start_span("leaf", attributes={MODEL: "m", INPUT: 1000})
        leaf.end()
    assert made.kept.of("root")["llm.trace_cost_usd"] == 1.0
    assert "llm.subtree_cost_usd" not in made.kept.of("middle")


@STRATEGIES
def test_two_instrumentations_of_one_call_are_counted_once(strategy: str) -> None:
    """Case C: the outer one reports what the inner one reported."""
    made = Set(processor(strategy=strategy), exporter_first=False)
    outer = made.provider.get_tracer("outer")
    with made.tracer.start_as_current_span("root"), outer.start_as_current_span("outer") as span:
        made.call("inner", tokens=1000)
        span.set_attributes({MODEL: "m", INPUT: 1000})
    assert made.kept.of("root")["llm.trace_cost_usd"] == 1.0
    assert made.kept.of("outer")["llm.cost_status"] == "duplicate"
    assert "llm.request_cost_usd" not in made.kept.of("outer")


@STRATEGIES
def test_a_call_that_ends_after_its_root_keeps_its_cost_and_is_counted_as_late(strategy: str) -> None:
    """Case D: the root has left; the call says its own cost and the counter says that a total lacks it."""
    made = Set(processor(strategy=strategy), exporter_first=False)
    with made.tracer.start_as_current_span("root"):
        leaf = made.tracer.start_span("leaf", attributes={MODEL: "m", INPUT: 1000})
    leaf.end()
    assert made.kept.of("leaf")["llm.request_cost_usd"] == 1.0
    assert "llm.trace_cost_usd" not in made.kept.of("root")
    assert made.cost.stats["late"] == 1


def test_a_late_call_below_a_root_with_a_remote_parent_is_late_too() -> None:
    """The way up ends at the local root: the remote parent's totals are made elsewhere."""
    made = Set()
    remote = SpanContext(1 << 100, 1 << 50, True, TraceFlags(1))
    with made.tracer.start_as_current_span("root", context=set_span_in_context(NonRecordingSpan(remote))):
        leaf = made.tracer.start_span("leaf", attributes={MODEL: "m", INPUT: 1})
    leaf.end()
    assert made.cost.stats["late"] == 1


def test_a_span_with_a_remote_parent_is_a_local_root() -> None:
    """Each service's topmost span carries the totals of that service."""
    made = Set()
    remote = SpanContext(1 << 100, 1 << 50, True, TraceFlags(1))
    with made.tracer.start_as_current_span("root", context=set_span_in_context(NonRecordingSpan(remote))):
        made.call()
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.01


def test_a_parent_hidden_behind_a_span_that_does_not_record_gets_its_total() -> None:
    """Some SDKs carry only the parent's ids: totals go by id, not by object."""
    made = Set()
    with made.tracer.start_as_current_span("root") as root:
        hidden = set_span_in_context(NonRecordingSpan(root.get_span_context()))
        with made.tracer.start_as_current_span("call", context=hidden, attributes={MODEL: "m", INPUT: 10}):
            pass
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.01


def test_a_thousand_levels_carry_the_total_to_the_root() -> None:
    """Each level does a fixed amount of work: the ledger is asked once a span."""
    ledger = simple_ledger()
    made = Set(processor(ledger))
    spans = [made.tracer.start_span("root")]
    for _ in range(999):
        spans.append(made.tracer.start_span("level", context=set_span_in_context(spans[-1])))
    spans[-1].set_attributes({MODEL: "m", INPUT: 7})
    for span in reversed(spans):
        span.end()
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.007
    assert all(attributes["llm.subtree_requests"] == 1 for name, attributes in made.kept.spans[1:])


class _Counting:
    """Counts how often a price is asked for."""

    version = "2026.01.01-000000000000"

    def __init__(self) -> None:
        self.asked = 0

    def price(self, call: object) -> Cost:
        self.asked += 1
        return Cost("priced", None, FEMTO_PER_TOKEN, "acme/m@1", "rate_card")


def test_a_wide_trace_asks_for_each_price_once_and_adds_up() -> None:
    """Ten thousand calls below one span."""
    prices = _Counting()
    ledger = simple_ledger(prices=prices)
    made = Set(processor(ledger))
    with made.tracer.start_as_current_span("root"):
        for number in range(10_000):
            made.tracer.start_span("call", attributes={MODEL: "m", INPUT: number + 1}).end()
    assert made.kept.of("root")["llm.trace_cost_usd"] == 10.0
    assert prices.asked == 10_000


@pytest.mark.parametrize(("strategy", "most"), [("hook", 80), ("wrap", 256)])
def test_an_open_span_holds_little_memory_of_ours(strategy: str, most: int) -> None:
    """At most 80 bytes each; where `end` must be wrapped, 256."""
    made = Set(processor(strategy=strategy))
    made.call()

    def used(count: int) -> int:
        gc.collect()
        tracemalloc.start()
        kept = [made.tracer.start_span("open") for _ in range(count)]
        ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, f"{PACKAGE}/*")])
        tracemalloc.stop()
        del kept
        return sum(stat.size for stat in ours.statistics("filename"))

    assert used(2_000) <= most * 2_000


def test_wrapped_spans_that_never_end_leave_nothing() -> None:
    """Nothing but the span itself holds its wrapper."""
    made = Set(processor(strategy="wrap"))
    made.call()
    gc.collect()
    before = sum(isinstance(each, trace.Span) for each in gc.get_objects())
    for _ in range(100):
        made.tracer.start_span("never ended")
    gc.collect()
    assert sum(isinstance(each, trace.Span) for each in gc.get_objects()) <= before


def test_state_is_bounded_and_what_is_forgotten_is_counted() -> None:
    """Parents that never end are forgotten in the end, and the counter says so."""
    made = Set(processor(simple_ledger(open_spans=10)))
    for _ in range(100):
        parent = made.tracer.start_span("never ended")
        with made.tracer.start_as_current_span("call", context=set_span_in_context(parent)) as span:
            span.set_attributes({MODEL: "m", INPUT: 1})
    assert made.cost.stats["evicted"] >= 80


def handled(made: Set, seed: int) -> None:
    """What a handler does that makes its randomness repeat itself."""
    random.seed(seed)
    with made.tracer.start_as_current_span("agent"):
        random.random()
        made.call(tokens=7)


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_program_that_seeds_its_randomness_gets_its_totals(is_whole: bool, caplog: pytest.LogCaptureFixture) -> None:
    """The SDK takes its ids from Python's random numbers: span ids come again, or (the second case) whole traces."""
    state = random.getstate()
    made = Set()
    try:
        for number in range(4):
            if is_whole:
                random.seed(number // 2)
            with made.tracer.start_as_current_span("root") as root:
                handled(made, 42)
                random.seed()
                record_outcome(f"outcome {number}", span=root)
    finally:
        random.setstate(state)
    roots = [attributes for name, attributes in made.kept.spans if name == "root"]
    agents = [attributes for name, attributes in made.kept.spans if name == "agent"]
    assert [root["llm.trace_cost_usd"] for root in roots] == [0.007] * 4
    assert [agent["llm.subtree_cost_usd"] for agent in agents] == [0.007] * 4
    assert [root["app.outcome"] for root in roots] == [f"outcome {number}" for number in range(4)]
    assert made.cost.stats["ids_repeated"] == (2 if is_whole else 1)
    assert made.cost.stats["late"] == 0
    assert sum("random.seed" in record.getMessage() for record in caplog.records) == 1


def test_a_call_with_the_id_of_an_earlier_span_that_was_no_call_is_noticed() -> None:
    """Also when no call has asked for that span in between: the totals of its trace are complete from the first on."""
    state = random.getstate()
    made = Set()
    try:
        made.tracer.start_span("before").end()
        for is_call in (False, True, True):
            random.seed(42)
            with made.tracer.start_as_current_span("root" if is_call else "idle"):
                if is_call:
                    made.call(tokens=7)
                else:
                    made.tracer.start_span("lookup").end()
    finally:
        random.setstate(state)
    roots = [attributes for name, attributes in made.kept.spans if name == "root"]
    assert [root["llm.trace_cost_usd"] for root in roots] == [0.007] * 2
    assert made.cost.stats["ids_repeated"] == 2


def test_no_id_is_taken_for_one_that_came_before_when_the_memory_of_ended_spans_turns() -> None:
    """Nor at the span that fills it."""
    made = Set(processor(simple_ledger(closed_spans=4)))
    with made.tracer.start_as_current_span("root"):
        for _ in range(20):
            made.call(tokens=1)
    assert made.cost.stats["ids_repeated"] == 0
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.02


def test_traces_with_the_same_span_ids_at_a_time_stay_apart() -> None:
    """Once ids were seen to come again."""
    state = random.getstate()
    made = Set()
    try:
        for _ in range(2):
            with made.tracer.start_as_current_span("before"):
                handled(made, 42)
                random.seed()
        roots = [made.tracer.start_span(f"root {number}") for number in range(2)]
        agents = []
        for root in roots:
            random.seed(42)
            agents.append(made.tracer.start_span("agent", context=trace.set_span_in_context(root)))
        for number, agent in enumerate(agents):
            with trace.use_span(agent):
                made.call(tokens=number + 1)
        for span in (*agents, *roots):
            span.end()
    finally:
        random.setstate(state)
    assert made.kept.of("root 0")["llm.trace_cost_usd"] == 0.001
    assert made.kept.of("root 1")["llm.trace_cost_usd"] == 0.002
