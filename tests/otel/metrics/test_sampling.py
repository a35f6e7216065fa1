# SPDX-License-Identifier: Apache-2.0
"""Capture counts at the HTTP boundary the calls whose spans the sampler dropped, as it counts any other."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    TraceIdRatioBased,
)

from spancost import LLMCostProcessor, attribution
from spancost.control.guards import PROCESS as GUARDS
from spancost.core.record import CallRecord
from tests.otel.metrics.reading import COST as COST_METRIC
from tests.otel.metrics.reading import REQUESTS, nano, points, provider, sums
from tests.otel.processor.simple import Set

if find_spec("httpx2") is None or find_spec("opentelemetry.instrumentation") is None:
    pytest.skip("capture cannot be tested here", allow_module_level=True)

import httpx2

from spancost.capture.instrumentor import CaptureInstrumentor
from tests.capture.world import ANSWER, ASK, COST, URL, client

ONE_IN_A_HUNDRED = ParentBased(TraceIdRatioBased(0.01))


@pytest.fixture
def captured() -> Iterator[Any]:
    """A function that turns capture on under a sampler and returns (spans, metric reader, records)."""
    capture = CaptureInstrumentor()

    def begin(sampler: Sampler) -> tuple[Set, InMemoryMetricReader, list[Any]]:
        reader = InMemoryMetricReader()
        events: list[Any] = []
        cost = LLMCostProcessor(meter_provider=provider(reader), on_call=[events.append])
        resource = Resource({"service.name": "shop", "deployment.environment.name": "test"})
        calls = Set(cost, sampler=sampler, resource=resource)
        capture.instrument(tracer_provider=calls.provider)
        return calls, reader, events

    yield begin
    capture.uninstrument()


def test_capture_counts_at_the_wire_what_is_sampled_out(captured: Any) -> None:
    """Once each: a call whose span is exported is counted by its span."""
    calls, reader, _ = captured(ONE_IN_A_HUNDRED)
    answers = ({**ANSWER, "id": f"chatcmpl-{number:024d}"} for number in range(200))
    with client(httpx2, lambda _: httpx2.Response(200, json=next(answers))) as http:
        for _ in range(200):
            http.post(URL, json=ASK)
    assert len(calls.kept.spans) < 60
    assert sums(reader)[REQUESTS] == 200
    assert nano(sums(reader)[COST_METRIC]) == 200 * nano(COST)
    assert calls.cost.stats["unsampled"] == 200 - len(calls.kept.spans)


def test_a_call_that_is_sampled_out_is_heard_of_like_any_other(captured: Any) -> None:
    """With its tags, its environment, its service, and the cost that a guard hears of."""
    calls, reader, events = captured(ALWAYS_OFF)
    results: list[Any] = []
    remove = GUARDS.after_call(results.append)
    try:
        with (
            client(httpx2, lambda _: httpx2.Response(200, json=ANSWER)) as http,
            attribution(team="growth"),
            calls.tracer.start_as_current_span("work") as work,
        ):
            http.post(URL, json=ASK)
    finally:
        remove()
    calls.cost.force_flush()
    (record,) = events
    assert isinstance(record, CallRecord)
    assert results[0].record == record
    assert (record.service, record.tags) == ("shop", {"app.team": "growth", "app.environment": "test"})
    assert record.trace_id == work.get_span_context().trace_id
    assert record.parent_id == work.get_span_context().span_id
    (point,) = points(reader)[COST_METRIC]
    assert point.attributes["app.environment"] == "test"


def test_a_call_is_the_same_with_and_without_its_span(captured: Any) -> None:
    """Record for record but for ids and times."""
    heard = []
    for sampler in (ALWAYS_ON, ALWAYS_OFF):
        calls, _, events = captured(sampler)
        with client(httpx2, lambda _: httpx2.Response(200, json=ANSWER)) as http, attribution(feature="search"):
            http.post(URL, json=ASK)
        calls.cost.force_flush()
        CaptureInstrumentor().uninstrument()
        heard += [
            event._replace(trace_id=0, span_id=0, start_ns=0, duration_ns=0, session_id="", time_to_first_token_ns=0)
            for event in events
        ]
    assert heard[0] == heard[1]
