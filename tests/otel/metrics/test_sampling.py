# SPDX-License-Identifier: Apache-2.0
"""Every call is in the metrics when one trace in a hundred is exported: by `record_all`, or at the wire by capture."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_ON,
    ParentBased,
    Sampler,
    TraceIdRatioBased,
)

from spancost import LLMCostProcessor, attribution, record_all
from spancost.capture.instrumentor import CaptureInstrumentor
from spancost.control.guards import PROCESS as GUARDS
from spancost.core.record import CallRecord
from spancost.otel.sampling import hides_spans
from tests.capture.world import ANSWER, ASK, COST, URL, client
from tests.otel.metrics.reading import COST as COST_METRIC
from tests.otel.metrics.reading import REQUESTS, nano, points, provider, sums
from tests.otel.processor.simple import Set, simple_ledger

ONE_IN_A_HUNDRED = ParentBased(TraceIdRatioBased(0.01))


def test_record_all_shows_every_span_and_exports_as_before() -> None:
    """The totals of a trace that is not exported are right as well."""
    reader = InMemoryMetricReader()
    cost = LLMCostProcessor(ledger=simple_ledger(), meter_provider=provider(reader))
    calls = Set(cost, sampler=record_all(ONE_IN_A_HUNDRED))
    for _ in range(300):
        with calls.tracer.start_as_current_span("root"):
            calls.call(tokens=10)
    assert len(calls.kept.spans) < 100
    assert sums(reader)[REQUESTS] == cost.stats["own"] == 300
    assert nano(sums(reader)[COST_METRIC]) == 300 * 10_000_000


def test_record_all_of_record_all_is_one() -> None:
    """Nothing is asked twice."""
    sampler = record_all(ALWAYS_OFF)
    assert record_all(sampler) is sampler
    assert sampler.get_description() == "RecordAll(AlwaysOffSampler)"


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


@pytest.mark.parametrize(
    ("sampler", "hides"),
    [
        (DEFAULT_ON, False),
        (ALWAYS_OFF, True),
        (ONE_IN_A_HUNDRED, True),
        (TraceIdRatioBased(0.5), True),
        (ParentBased(TraceIdRatioBased(1.0)), False),
        (record_all(ONE_IN_A_HUNDRED), False),
    ],
)
def test_a_sampler_that_hides_spans_is_known_by_its_description(sampler: Sampler, hides: bool) -> None:
    """Of the SDK's samplers."""
    assert hides_spans(sampler.get_description()) is hides


PROGRAM = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk._configuration import _import_sampler
from opentelemetry.sdk.environment_variables import OTEL_TRACES_SAMPLER
import os
sampler = _import_sampler(os.environ[OTEL_TRACES_SAMPLER])
print(TracerProvider(sampler=sampler).sampler.get_description().partition(",")[0])
"""


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("0.01", "RecordAll(ParentBased{root:TraceIdRatioBased{0.01}"),
        ("", "RecordAll(ParentBased{root:AlwaysOnSampler"),
        ("many", "RecordAll(ParentBased{root:AlwaysOnSampler"),
    ],
)
def test_the_environment_can_name_the_sampler(argument: str, expected: str) -> None:
    """As the SDK finds samplers of other packages."""
    environ = {"OTEL_TRACES_SAMPLER": "spancost_record_all", "OTEL_TRACES_SAMPLER_ARG": argument}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
    assert ("found 'many'" in done.stderr) is (argument == "many")
