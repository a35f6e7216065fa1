# SPDX-License-Identifier: Apache-2.0
"""`record_all`: every span is seen by processors, as many are exported as before; in code and by the environment."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, ParentBased, Sampler, TraceIdRatioBased

from spancost import LLMCostProcessor, record_all
from spancost.otel.sampling import hides_spans
from tests.otel.metrics.reading import COST, REQUESTS, nano, provider, sums
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
    assert nano(sums(reader)[COST]) == 300 * 10_000_000


def test_record_all_of_record_all_is_one() -> None:
    """Nothing is asked twice."""
    sampler = record_all(ALWAYS_OFF)
    assert record_all(sampler) is sampler
    assert sampler.get_description() == "RecordAll(AlwaysOffSampler)"


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
