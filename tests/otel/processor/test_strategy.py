# SPDX-License-Identifier: Apache-2.0
"""The way of writing is tried out with the SDK that is installed, and changed when a wrapper hides the hook."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanContext

from spancost.otel.processor import LLMCostProcessor, sdk_access
from spancost.otel.processor.strategy import HOOK, ON_END, WRAP, best, works
from tests.otel.processor.simple import INPUT, MODEL, Kept, Set, processor

SDK_HAS_HOOK = hasattr(SpanProcessor, "_on_ending")


class Hiding(SpanProcessor):
    """Wraps a processor and forwards what has a public name only, as some vendors' pipelines do."""

    def __init__(self, inner: SpanProcessor) -> None:
        self.inner = inner

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self.inner.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        self.inner.on_end(span)


def hidden(cost: LLMCostProcessor) -> tuple[TracerProvider, Kept]:
    provider, kept = TracerProvider(shutdown_on_exit=False), Kept()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    provider.add_span_processor(Hiding(cost))
    return provider, kept


def test_the_strategies_of_this_sdk_are_what_its_hook_allows() -> None:
    """Wrapping and `on_end` work everywhere; the hook where the SDK calls it."""
    assert works(HOOK) is SDK_HAS_HOOK
    assert works(WRAP) is True
    assert works(ON_END) is True


def test_the_best_strategy_is_chosen_at_the_first_span() -> None:
    """Making a processor tries nothing out."""
    made = Set()
    assert made.cost.strategy == ""
    made.call()
    assert made.cost.strategy == best() == (HOOK if SDK_HAS_HOOK else WRAP)
    assert "end" not in vars(made.tracer.start_span("later")) or not SDK_HAS_HOOK


def test_a_wrapper_that_hides_the_hook_is_worked_around_from_the_first_span_on() -> None:
    """Spans are wrapped until the hook is seen: none is lost, not even to an exporter registered before."""
    cost = processor()
    provider, kept = hidden(cost)
    tracer = provider.get_tracer("tests")
    for number in range(3):
        with tracer.start_as_current_span(f"root {number}"):
            tracer.start_span("call", attributes={MODEL: "m", INPUT: 1}).end()
    assert cost.strategy == WRAP
    assert [kept.of(f"root {number}").get("llm.trace_cost_usd") for number in range(3)] == [0.001] * 3
    assert cost.stats["own"] == 3


def test_a_processor_behind_a_wrapper_and_on_a_provider_prices_both(caplog: pytest.LogCaptureFixture) -> None:
    """The hook seen on one provider says nothing of the other, which is noticed as soon as a call ends there."""
    made = Set()
    made.call()
    provider, kept = hidden(made.cost)
    tracer = provider.get_tracer("tests")
    with caplog.at_level(logging.WARNING, "spancost"):
        for number in (1, 2):
            with tracer.start_as_current_span(f"root {number}"):
                tracer.start_span("call", attributes={MODEL: "m", INPUT: 2}).end()
    assert made.cost.stats["own"] == 3
    assert kept.of("root 2")["llm.trace_cost_usd"] == 0.002
    assert sum("hook" in record.message for record in caplog.records) == (1 if SDK_HAS_HOOK else 0)


@pytest.mark.skipif(not SDK_HAS_HOOK, reason="this SDK calls no hook")
def test_the_public_name_of_the_hook_does_the_same_once() -> None:
    """An SDK that calls both names, or renames the hook, finds each span priced once."""
    made = Set(processor(strategy="hook"))

    class Both(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            made.cost.on_start(span, parent_context)

        def _on_ending(self, span: Any) -> None:
            made.cost.on_ending(span)
            made.cost.on_ending(span)

    made.provider.add_span_processor(Both())
    made.call()
    assert made.kept.of("call")["llm.request_cost_usd"] == 0.01
    assert made.cost.stats["own"] == 1


def test_a_span_context_is_the_tuple_we_take_it_for() -> None:
    """Places in the tuple are read in the place of its slower properties."""
    context = SpanContext(11, 22, True)
    assert (context[sdk_access.TRACE_ID], context[sdk_access.SPAN_ID], context[sdk_access.IS_REMOTE]) == (11, 22, True)


def test_no_strategy_that_works_is_said_loudly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A future SDK that lets nothing through is an error in the log, not silence."""

    def refuses(self: object, span: object) -> None:
        raise TypeError("frozen")

    monkeypatch.setattr(TracerProvider, "get_tracer", refuses)
    best.cache_clear()
    try:
        with caplog.at_level(logging.ERROR, "spancost"):
            assert best() == ON_END
    finally:
        best.cache_clear()
    assert "WITHOUT llm.*" in caplog.text
