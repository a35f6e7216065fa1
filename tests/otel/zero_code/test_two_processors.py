# SPDX-License-Identifier: Apache-2.0
"""A program's own processor beside the one of zero code: one set of settings for all calls, each counted once."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spancost import LLMCostProcessor
from spancost.cli import main
from spancost.otel.instrumentor import SpancostInstrumentor
from tests.otel.metrics.reading import REQUESTS, provider, sums
from tests.otel.processor.simple import Kept

CALL = {
    "gen_ai.provider.name": "openai",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 50,
}


class Program:
    """A tracer provider under zero code, whose processor rolls up."""

    def __init__(self, **zero_code: Any) -> None:
        self.kept = Kept()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.kept))
        SpancostInstrumentor().instrument(tracer_provider=self.provider, **zero_code)

    def call(self, name: str) -> dict[str, Any]:
        tracer = self.provider.get_tracer("tests")
        with tracer.start_as_current_span(f"root of {name}"):
            tracer.start_span(name, attributes=CALL).end()
        return {**self.kept.of(name), **self.kept.of(f"root of {name}")}


@pytest.fixture(autouse=True)
def instrumentor() -> Iterator[None]:
    yield
    SpancostInstrumentor().uninstrument()


@pytest.mark.parametrize("is_on_the_same_provider", [True, False])
def test_the_settings_of_the_program_hold_for_all_calls(
    is_on_the_same_provider: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Before it was set up, those of zero code; from then on, on every provider, its own. It is said once."""
    program = Program()
    assert "llm.trace_cost_usd" in program.call("first")
    with caplog.at_level(logging.WARNING, "spancost"):
        own = LLMCostProcessor(rollup=False, required_tags=["team"])
    if is_on_the_same_provider:
        program.provider.add_span_processor(own)
    for name in ("second", "third"):
        found = program.call(name)
        assert found["llm.request_cost_usd"] == 0.003
        assert found["app.attribution_missing"] == ("app.team",)
        assert "llm.trace_cost_usd" not in found
    assert own.stats["own"] == 2
    (said,) = [each.getMessage() for each in caplog.records if "of its own" in each.getMessage()]
    assert said.endswith("(rollup, required_tags)")


def test_metrics_count_each_call_once() -> None:
    """Also those that the processor of zero code counted before."""
    reader = InMemoryMetricReader()
    meters = provider(reader)
    program = Program(meter_provider=meters)
    program.call("first")
    own = LLMCostProcessor(meter_provider=meters)
    program.provider.add_span_processor(own)
    program.call("second")
    assert sums(reader)[REQUESTS] == 2


def test_the_same_settings_are_not_worth_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing changes for the user."""
    program = Program()
    with caplog.at_level(logging.WARNING, "spancost"):
        program.provider.add_span_processor(LLMCostProcessor())
    assert program.call("call")["llm.trace_cost_usd"] == 0.003
    assert "of its own" not in caplog.text


PROGRAM = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from spancost import LLMCostProcessor

provider = TracerProvider()
provider.add_span_processor(LLMCostProcessor(rollup=False))
trace.set_tracer_provider(provider)
trace.get_tracer("tests").start_span("call", attributes=%r).end()
"""


@pytest.mark.slow
def test_doctor_sees_it(tmp_path: Path) -> None:
    """In the program that it runs."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM % CALL)
    done = CliRunner().invoke(main, ["doctor", "--json", "--", sys.executable, str(program)])
    found = [json.loads(line) for line in done.stdout.splitlines()]
    (finding,) = [each for each in found if "sets up an LLMCostProcessor" in each["text"]]
    assert finding["facts"] == {"settings": ["rollup"]}
