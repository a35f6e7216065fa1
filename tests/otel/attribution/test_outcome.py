# SPDX-License-Identifier: Apache-2.0
"""Outcomes land on the span that carries the trace's cost."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags, set_span_in_context

import spancost
from spancost import record_outcome
from spancost.otel import outcome
from spancost.otel.registry import PROCESS
from tests.otel.processor.simple import Set, processor

OUTCOME = "app.outcome"


@pytest.mark.parametrize("strategy", ["auto", "wrap"])
def test_an_outcome_lands_on_the_root_with_the_cost(strategy: str) -> None:
    """However deep it is recorded, and nowhere else: cost by outcome is one group-by."""
    made = Set(processor(strategy=strategy))
    with made.tracer.start_as_current_span("root"):
        with made.tracer.start_as_current_span("step"), made.tracer.start_as_current_span("deep"):
            made.call()
            assert record_outcome("success")
        made.call("after")
    root = made.kept.of("root")
    assert (root[OUTCOME], root["llm.trace_cost_usd"]) == ("success", 0.02)
    assert [name for name, attributes in made.kept.spans if OUTCOME in attributes] == ["root"]


def test_the_last_outcome_wins_wherever_it_was_recorded() -> None:
    """Above or below, earlier or later."""
    made = Set()
    with made.tracer.start_as_current_span("later below"):
        record_outcome("failure")
        with made.tracer.start_as_current_span("step"):
            record_outcome("success")
    with made.tracer.start_as_current_span("later above"), made.tracer.start_as_current_span("step"):
        record_outcome("failure")
        record_outcome("escalated", span=trace.get_current_span())
    with made.tracer.start_as_current_span("above last"):
        with made.tracer.start_as_current_span("step"):
            record_outcome("failure")
        record_outcome("success")
    assert made.kept.of("later below")[OUTCOME] == "success"
    assert made.kept.of("later above")[OUTCOME] == "escalated"
    assert made.kept.of("above last")[OUTCOME] == "success"


@pytest.mark.parametrize("strategy", ["auto", "wrap"])
def test_an_outcome_passes_over_parents_that_have_ended(strategy: str) -> None:
    """A task that outlives the step that began it: its outcome lands on the nearest ancestor that is open."""
    made = Set(processor(strategy=strategy))
    with made.tracer.start_as_current_span("root"):
        with made.tracer.start_as_current_span("step"), made.tracer.start_as_current_span("inner step"):
            task = made.tracer.start_span("task")
        with trace.use_span(task, end_on_exit=True):
            assert record_outcome("success")
    assert made.kept.of("root")[OUTCOME] == "success"
    assert [name for name, attributes in made.kept.spans if OUTCOME in attributes] == ["root"]


def test_an_outcome_that_comes_after_its_root_is_counted_and_not_kept() -> None:
    """Nothing is left to carry it; so too on a span that has ended itself."""
    made = Set()
    before = made.cost.stats["outcomes_dropped"]
    with made.tracer.start_as_current_span("root") as root:
        task = made.tracer.start_span("task")
    with trace.use_span(task, end_on_exit=True):
        assert record_outcome("success")
    assert not record_outcome("success", span=root)
    assert made.cost.stats["outcomes_dropped"] - before == 2
    assert len(made.cost._finisher.outcomes.waiting) == 0


def test_an_outcome_stays_in_its_own_service() -> None:
    """The local root carries the costs of its service, so the outcome too."""
    made = Set()
    remote = set_span_in_context(NonRecordingSpan(SpanContext(1 << 100, 1 << 50, True, TraceFlags(1))))
    with made.tracer.start_as_current_span("root", context=remote):
        record_outcome("success")
    assert made.kept.of("root")[OUTCOME] == "success"
    assert 1 << 50 not in made.cost._finisher.outcomes.waiting


def test_of_two_local_roots_of_one_trace_each_has_its_own() -> None:
    """A service that calls itself."""
    made = Set()
    with made.tracer.start_as_current_span("outer") as outer:
        context = outer.get_span_context()
        remote = SpanContext(context.trace_id, context.span_id, True, context.trace_flags)
        record_outcome("success")
        with made.tracer.start_as_current_span("inner", context=set_span_in_context(NonRecordingSpan(remote))):
            record_outcome("failure")
    assert made.kept.of("inner")[OUTCOME] == "failure"
    assert made.kept.of("outer")[OUTCOME] == "success"


def test_an_outcome_without_an_open_span_is_counted() -> None:
    """Nothing is raised."""
    before = PROCESS.outcomes_dropped
    assert not record_outcome("success")
    assert not record_outcome("", span=trace.INVALID_SPAN)
    made = Set()
    with made.tracer.start_as_current_span("root"):
        assert not record_outcome(3)  # type: ignore[arg-type]
    assert PROCESS.outcomes_dropped - before == 3


def test_an_outcome_stays_on_its_own_span_when_no_processor_finishes_it() -> None:
    """A processor that is disabled, was uninstrumented, or belongs to no provider of the span loses no outcome."""
    others = [processor(), processor(enabled=False), Set().cost]
    for disable in (None, "before", "meanwhile"):
        made = Set()
        if disable == "before":
            made.cost.disable()
        provider = made.provider if disable else TracerProvider(shutdown_on_exit=False)
        tracer = provider.get_tracer("tests")
        with tracer.start_as_current_span("root"), tracer.start_as_current_span("step") as step:
            assert record_outcome("success")
            if disable == "meanwhile":
                made.cost.disable()
        assert (step.attributes or {})[OUTCOME] == "success"  # type: ignore[attr-defined]
    assert others


def test_of_two_processors_on_one_provider_both_move_the_outcome() -> None:
    """A program's own processor beside the one of zero code."""
    made = Set()
    made.provider.add_span_processor(processor())
    with made.tracer.start_as_current_span("root"), made.tracer.start_as_current_span("step"):
        record_outcome("success")
    assert made.kept.of("root")[OUTCOME] == "success"
    assert OUTCOME not in made.kept.of("step")


def test_an_outcome_attribute_of_the_application_stays_where_it_is() -> None:
    """Only what `record_outcome` recorded moves."""
    made = Set()
    with made.tracer.start_as_current_span("root"), made.tracer.start_as_current_span("step") as step:
        step.set_attribute(OUTCOME, "own")
        with made.tracer.start_as_current_span("deep"):
            record_outcome("success")
    assert made.kept.of("step")[OUTCOME] == "own"
    assert made.kept.of("root")[OUTCOME] == "success"


def test_outcomes_of_spans_that_never_end_are_bounded() -> None:
    """At most two generations of them."""
    made = Set()
    kept = [made.tracer.start_span("never ended") for _ in range(3 * outcome.MAX_WAITING)]
    for span in kept:
        record_outcome("success", span=span)
    assert len(made.cost._finisher.outcomes.waiting) <= 2 * outcome.MAX_WAITING


def test_a_failed_call_with_an_outcome_that_comes_by_again_is_not_taken_for_another() -> None:
    """Another thread's span may end between its `_on_ending` and its `on_end`: then it is told by what it was."""
    made = Set(spancost.LLMCostProcessor(strategy="hook"))
    said = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}
    span = made.tracer.start_span("failed", attributes={**said, "gen_ai.request.model": "gpt-4o"})
    span.set_status(StatusCode.ERROR)
    record_outcome("failure", span=span)
    made.cost._on_ending(span)  # type: ignore[arg-type]
    made.call()
    made.cost.on_end(span)  # type: ignore[arg-type]
    assert (made.cost.stats["failed"], made.cost.stats["ids_repeated"]) == (1, 0)
