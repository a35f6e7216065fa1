# SPDX-License-Identifier: Apache-2.0
"""The optional histogram: boundaries that fit calls, and exemplars that lead to the call's own span."""

from __future__ import annotations

from inspect import signature

import pytest
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from spancost import LLMCostProcessor
from spancost.otel.metrics import BOUNDARIES, HISTOGRAM_NAME
from tests.otel.metrics.reading import points, provider
from tests.otel.processor.simple import INPUT, MODEL, Set, simple_ledger

HAS_ADVICE = "explicit_bucket_boundaries_advisory" in signature(Meter.create_histogram).parameters


def test_it_is_off_by_default() -> None:
    """It costs as much as the rest of the processor."""
    reader = InMemoryMetricReader()
    Set(LLMCostProcessor(ledger=simple_ledger(), meter_provider=provider(reader))).call()
    assert HISTOGRAM_NAME not in points(reader)


@pytest.mark.parametrize("strategy", ["hook", "wrap"])
def test_costs_fall_into_buckets_and_an_exemplar_names_the_call(strategy: str) -> None:
    """Not its parent, which is the current span again when a call ends."""
    reader = InMemoryMetricReader()
    calls = Set(
        LLMCostProcessor(
            ledger=simple_ledger(),
            meter_provider=provider(reader),
            metric_histogram=True,
            strategy=strategy,  # type: ignore[arg-type]
        )
    )
    with calls.tracer.start_as_current_span("root"), calls.tracer.start_as_current_span("call") as call:
        call.set_attributes({MODEL: "m", INPUT: 2})
    calls.call(**{MODEL: "unknown"})
    (point,) = points(reader)[HISTOGRAM_NAME]
    assert (point.count, round(point.sum, 9)) == (1, 0.002)
    assert point.attributes["llm.model"] == "m"
    if HAS_ADVICE:
        assert point.explicit_bounds == BOUNDARIES
        assert point.bucket_counts[BOUNDARIES.index(0.003)] == 1
    exemplars = getattr(point, "exemplars", ())
    if exemplars or HAS_ADVICE:
        (exemplar,) = exemplars
        context = call.get_span_context()
        assert (exemplar.trace_id, exemplar.span_id) == (context.trace_id, context.span_id)
