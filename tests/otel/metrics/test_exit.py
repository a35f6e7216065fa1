# SPDX-License-Identifier: Apache-2.0
"""A program that ends has exported every call, though no export interval has passed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from spancost import LLMCostProcessor

one_line = ConsoleMetricExporter(formatter=lambda data: data.to_json(indent=None) + chr(10))
provider = TracerProvider()
provider.add_span_processor(LLMCostProcessor())
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(one_line)]))  # after the processor
for _ in range(5):
    trace.get_tracer("tests").start_span("call", attributes={
        "gen_ai.provider.name": "openai", "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 50,
    }).end()
"""


@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "raise ValueError"])
def test_the_last_export_holds_every_call(end: str) -> None:
    """At an orderly end, an exit with a status, and an error."""
    done = subprocess.run([sys.executable, "-c", PROGRAM + end], capture_output=True, text=True)
    (line,) = done.stdout.splitlines()
    (resource,) = json.loads(line)["resource_metrics"]
    found = {
        metric["name"]: [point["value"] for point in metric["data"]["data_points"]]
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
    }
    assert (found["llm.requests"], found["llm.cost.usd"]) == ([5], [0.015])
