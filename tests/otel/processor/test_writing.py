# SPDX-License-Identifier: Apache-2.0
"""What the processor writes reaches every exporter, pushes nothing out, and is written once."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult

from tests.otel.processor.simple import INPUT, MODEL, Kept, Set, processor, simple_ledger


@pytest.mark.parametrize("exporter_first", [True, False])
@pytest.mark.parametrize("strategy", ["auto", "wrap"])
def test_cost_and_totals_reach_the_exporter_in_any_order(strategy: str, exporter_first: bool) -> None:
    """A call below two spans: its cost on itself, totals on both, the trace's on the root."""
    made = Set(processor(strategy=strategy), exporter_first=exporter_first)
    with made.tracer.start_as_current_span("root"), made.tracer.start_as_current_span("step"):
        made.call(tokens=10)
        made.call("second", tokens=5)
    assert made.kept.of("call")["llm.request_cost_usd"] == 0.01
    assert made.kept.of("step")["llm.subtree_cost_usd"] == 0.015
    assert made.kept.of("step")["llm.subtree_requests"] == 2
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.015
    assert "llm.trace_cost_usd" not in made.kept.of("step")


def test_on_end_reaches_exporters_registered_after_it() -> None:
    """The last resort keeps its narrower promise."""
    made = Set(processor(strategy="on_end"), exporter_first=False)
    made.call()
    assert made.kept.of("call")["llm.request_cost_usd"] == 0.01


def test_a_batch_exporter_registered_first_gets_the_cost_of_every_span() -> None:
    """No race with the exporting thread."""
    made = Set()
    batched = Kept()
    made.provider.add_span_processor(BatchSpanProcessor(batched, schedule_delay_millis=5))
    for number in range(300):
        made.call(f"call {number}")
    assert made.provider.force_flush()
    assert len(batched.spans) == 300
    assert all(attributes["llm.request_cost_usd"] == 0.01 for _, attributes in batched.spans)


def test_types_are_those_of_the_registry() -> None:
    """Dollars are doubles and counts are ints: a backend fixes the type of a column at first sight."""
    made = Set()
    made.call(tokens=1000)
    call = made.kept.of("call")
    assert type(call["llm.request_cost_usd"]) is float
    assert type(call["llm.request_cost_nanousd"]) is int
    assert type(call["llm.input_tokens"]) is int
    assert type(call["llm.trace_cost_complete"]) is bool


@pytest.mark.parametrize("strategy", ["auto", "wrap"])
def test_a_span_at_its_attribute_limit_loses_none_of_its_own(strategy: str) -> None:
    """The SDK would evict the oldest attribute, usually the model, for each new one."""
    made = Set(processor(strategy=strategy), limits=SpanLimits(max_span_attributes=6))
    made.call(**{f"prompt.{number}": "x" for number in range(4)})
    call = made.kept.of("call")
    assert call[MODEL] == "m"
    assert [call[f"prompt.{number}"] for number in range(4)] == ["x"] * 4
    assert call["llm.request_cost_usd"] == 0.01


def test_spans_without_calls_are_left_as_they_are() -> None:
    """Nothing is written where there is nothing to say."""
    made = Set()
    with made.tracer.start_as_current_span("root", attributes={"http.route": "/"}):
        pass
    assert made.kept.of("root") == {"http.route": "/"}


def test_one_processor_registered_twice_counts_once() -> None:
    """The same span comes by two times."""
    made = Set()
    made.provider.add_span_processor(made.cost)
    with made.tracer.start_as_current_span("root"):
        made.call()
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.01
    assert made.cost.stats["own"] == 1


def test_two_processors_on_one_provider_write_the_same() -> None:
    """By hand and by zero-code registration, say: the second takes what the first wrote as evidence."""
    made = Set()
    second = processor()
    made.provider.add_span_processor(second)
    with made.tracer.start_as_current_span("root"):
        made.call()
        made.call("unknown", **{MODEL: "unknown"})
    root = made.kept.of("root")
    assert (root["llm.trace_cost_usd"], root["llm.trace_requests"], root["llm.subtree_unpriced_requests"]) == (
        0.01,
        2,
        1,
    )
    assert made.cost.stats["own"] + second.stats["own"] == 2


def test_one_processor_on_two_providers_keeps_their_traces_apart() -> None:
    """State goes by span, not by provider."""
    first = Set()
    second = Set(first.cost)
    with first.tracer.start_as_current_span("root"):
        first.call(tokens=1)
    with second.tracer.start_as_current_span("root"):
        second.call(tokens=2)
    assert first.kept.of("root")["llm.trace_cost_usd"] == 0.001
    assert second.kept.of("root")["llm.trace_cost_usd"] == 0.002


class _RecordOnly(Sampler):
    def should_sample(self, *args: object, **kwargs: object) -> SamplingResult:
        name = args[2] if len(args) > 2 else kwargs["name"]
        return SamplingResult(Decision.RECORD_ONLY if name == "call" else Decision.RECORD_AND_SAMPLE)

    def get_description(self) -> str:
        return "calls are recorded and not exported"


def test_calls_that_are_recorded_and_not_exported_count_in_the_totals() -> None:
    """The totals of an exported root are those of the work, not of what the sampler let out."""
    made = Set(sampler=_RecordOnly())
    with made.tracer.start_as_current_span("root"):
        made.call()
    assert [name for name, _ in made.kept.spans] == ["root"]
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.01


def test_what_is_sampled_out_does_not_exist() -> None:
    """Nothing is exported, nothing counted, nothing raised."""
    made = Set(sampler=ALWAYS_OFF)
    with made.tracer.start_as_current_span("root"):
        made.call()
    assert made.kept.spans == []
    assert made.cost.stats["own"] == 0


def test_an_ended_span_takes_its_own_end_time_and_not_ours() -> None:
    """Wrapping does not make a span longer, nor change an end time given by the caller."""
    made = Set(processor(strategy="wrap"))
    ended: list[int | None] = []
    made.cost.on_end = lambda span: ended.append(span.end_time)  # type: ignore[method-assign]
    made.tracer.start_span("call", attributes={MODEL: "m", INPUT: 1}).end(end_time=12_345)
    assert ended == [12_345]


def test_ending_a_wrapped_span_twice_ends_it_once() -> None:
    """The second `end()` is the SDK's to warn about."""
    made = Set(processor(strategy="wrap"))
    span = made.tracer.start_span("call", attributes={MODEL: "m", INPUT: 1})
    span.end()
    span.end()
    assert len(made.kept.spans) == 1
    assert made.cost.stats["own"] == 1


def test_roll_up_can_be_switched_off() -> None:
    """Calls keep their cost; nothing above them is written."""
    made = Set(processor(simple_ledger(roll_up=False)))
    with made.tracer.start_as_current_span("root"):
        made.call()
    assert made.kept.of("call")["llm.request_cost_usd"] == 0.01
    assert made.kept.of("root") == {}
