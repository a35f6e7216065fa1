# SPDX-License-Identifier: Apache-2.0
"""Emitters that a file describes, in process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spancost import LLMCostProcessor


def written(emitters: Path) -> dict[str, Any]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(LLMCostProcessor(emitters=emitters))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    said = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "acme.in": 1000, "acme.out": 100}
    provider.get_tracer("acme.llm").start_span("ask", attributes=said).end()
    provider.shutdown()
    return dict(exporter.get_finished_spans()[0].attributes or {})


def test_a_call_is_read_as_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "emitters.yaml"
    path.write_text(
        "emitters:\n  - name: acme\n    scopes: [acme.*]\n    provider: openai\n"
        "    keys: {input_tokens: acme.in, output_tokens: acme.out}\n"
    )
    assert written(path)["llm.request_cost_usd"] == 0.0035


def test_a_file_that_cannot_be_used_is_logged_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert "llm.request_cost_usd" not in written(tmp_path / "none.yaml")
    assert "none.yaml cannot be used" in caplog.text
