# SPDX-License-Identifier: Apache-2.0
"""Zero code: under `opentelemetry-instrument` spans leave with costs, and no wrong setting stops the program."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spancost.config.settings import Settings
from spancost.otel.instrumentor import SpancostInstrumentor
from tests.otel.processor.simple import Kept

PROGRAM = """
from opentelemetry import trace
tracer = trace.get_tracer("opentelemetry.instrumentation.openai_v2")
with tracer.start_as_current_span("root"), tracer.start_as_current_span("chat gpt-4o") as span:
    span.set_attributes({
        "gen_ai.operation.name": "chat", "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 50,
    })
print("program done")
"""
CALL = "chat gpt-4o"


def run(tmp_path: Path, **environ: str) -> tuple[dict[str, dict[str, Any]], str]:
    """The attributes of the spans that the program exports, by name, and its standard error."""
    others = {each.name for each in entry_points(group="opentelemetry_instrumentor")} - {"spancost"}
    disabled = environ.pop("DISABLED", "")
    ours = {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join([*sorted(others), disabled]),
        **environ,
    }
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [str(Path(sys.executable).parent / "opentelemetry-instrument"), sys.executable, str(program)],
        env={**{key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "SPANCOST_"))}, **ours},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    output = done.stdout.replace("program done\n", "", 1)
    assert output != done.stdout
    spans: dict[str, dict[str, Any]] = {}
    decoder, place = json.JSONDecoder(), 0
    while (place := output.find("{", place)) >= 0:
        span, place = decoder.raw_decode(output, place)
        spans[span["name"]] = span["attributes"]
    return spans, done.stderr


def test_spans_leave_with_costs_without_a_line_of_code(tmp_path: Path) -> None:
    """The exporter was there first; the cost is seen all the same."""
    spans, _ = run(tmp_path)
    assert spans[CALL]["llm.request_cost_usd"] == 0.003
    assert spans["root"]["llm.trace_cost_usd"] == 0.003


@pytest.mark.parametrize("environ", [{"DISABLED": "spancost"}, {"SPANCOST_ENABLED": "false"}], ids=["otel", "spancost"])
def test_it_is_switched_off_by_either_variable(environ: dict[str, str], tmp_path: Path) -> None:
    """OpenTelemetry's list of instrumentations, or our own setting."""
    spans, _ = run(tmp_path, **environ)
    assert not [key for key in spans[CALL] if key.startswith("llm.")]


def test_wrong_settings_are_told_and_the_program_runs(tmp_path: Path) -> None:
    """A wrong variable keeps its default; a card that is not there leaves calls unpriced."""
    spans, errors = run(tmp_path, SPANCOST_STRATEGY="zap", SPANCOST_CARD="missing.json", SPANCOST_CONFIG_FILE="none")
    assert spans[CALL]["llm.cost_reason"] == "rate_card_unusable"
    for words in ("SPANCOST_STRATEGY: found 'zap'", "missing.json", "none: found a file that cannot be read"):
        assert words in errors


def test_it_joins_the_provider_it_is_given_and_leaves_it() -> None:
    """In a program: `SpancostInstrumentor().instrument(tracer_provider=..., rollup=False)`."""
    provider, kept = TracerProvider(shutdown_on_exit=False), Kept()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    instrumentor = SpancostInstrumentor()
    instrumentor.instrument(tracer_provider=provider, rollup=False)
    tracer = provider.get_tracer("tests")
    usage = {"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "gen_ai.operation.name": "chat"}
    call = {**usage, "gen_ai.provider.name": "openai"}
    with tracer.start_as_current_span("root"):
        tracer.start_span("on", attributes=call).end()
        instrumentor.uninstrument()
        tracer.start_span("off", attributes=call).end()
    assert kept.of("on")["llm.request_cost_usd"] == 0.0025
    assert "llm.request_cost_usd" not in kept.of("off")
    assert kept.of("root") == {}


def test_wrong_arguments_are_told_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """An instrumentor that raises stops every one after it."""
    provider = TracerProvider(shutdown_on_exit=False)
    instrumentor = SpancostInstrumentor()
    with caplog.at_level(logging.ERROR, "spancost"):
        instrumentor.instrument(tracer_provider=provider, strategy="zap")
        instrumentor.uninstrument()
    assert "argument: strategy: found 'zap'" in caplog.text


def test_right_arguments_beside_wrong_ones_hold(caplog: pytest.LogCaptureFixture) -> None:
    """Over an object of settings too; an argument that nobody knows is told."""
    provider, kept = TracerProvider(shutdown_on_exit=False), Kept()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    instrumentor = SpancostInstrumentor()
    settings = Settings(required_tags=("team",))
    instrumentor.instrument(
        tracer_provider=provider, meter_provider=None, settings=settings, rollup=False, strategy="zap", rolup=True
    )
    usage = {"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "gen_ai.operation.name": "chat"}
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("root"):
        tracer.start_span("call", attributes={**usage, "gen_ai.provider.name": "openai"}).end()
    instrumentor.uninstrument()
    assert kept.of("root") == {}
    assert kept.of("call")["app.attribution_missing"] == ("app.team",)
    assert "found 'zap'" in caplog.text and "rolup: found an unknown setting" in caplog.text


def test_a_provider_that_takes_no_processors_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """No SDK was set up: there is nothing to write costs on."""
    instrumentor = SpancostInstrumentor()
    with caplog.at_level(logging.WARNING, "spancost"):
        instrumentor.instrument(tracer_provider=trace.NoOpTracerProvider())
        instrumentor.uninstrument()
    assert "NoOpTracerProvider" in caplog.text
