# SPDX-License-Identifier: Apache-2.0
"""Phoenix as an OTLP backend: what its API returns of our attributes, and that its own cost stays what it was.

`make phoenix` runs these; where Phoenix is not installed they are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

from spancost import LLMCostProcessor

if find_spec("phoenix") is None:
    pytest.skip("Phoenix is not installed here; `make phoenix` has it", allow_module_level=True)

from tests.backends.phoenix import INSERT_SECONDS, Phoenix, running, until

WITH, WITHOUT = "with-spancost", "without-spancost"

GENAI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-11-20",
    "gen_ai.response.id": "chatcmpl-0001",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 350,
}
GENAI_UNKNOWN = {
    **GENAI,
    "gen_ai.request.model": "gpt-99",
    "gen_ai.response.model": "gpt-99",
    "gen_ai.response.id": "2",
}


def openinference(provider: str, system: str, model: str) -> dict[str, Any]:
    """Return the attributes OpenInference writes for a call; `llm.provider` is its name as well as ours."""
    return {
        "openinference.span.kind": "LLM",
        "llm.provider": provider,
        "llm.system": system,
        "llm.model_name": model,
        "llm.token_count.prompt": 2000,
        "llm.token_count.completion": 400,
        "llm.token_count.total": 2400,
        "llm.token_count.prompt_details.cache_read": 500,
    }


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat gpt-4o": ("opentelemetry.instrumentation.openai_v2", GENAI),
    "chat gpt-99": ("opentelemetry.instrumentation.openai_v2", GENAI_UNKNOWN),
    "oi openai": ("openinference.instrumentation.openai", openinference("openai", "openai", "gpt-4o")),
    "oi azure": ("openinference.instrumentation.openai", openinference("azure", "openai", "gpt-4.1")),
    "oi anthropic": (
        "openinference.instrumentation.anthropic", openinference("anthropic", "anthropic", "claude-sonnet-4-5"),
    ),
    "oi google": ("openinference.instrumentation.google_genai", openinference("google", "vertexai", "gemini-2.5-pro")),
    "oi aws": (
        "openinference.instrumentation.bedrock",
        openinference("aws", "amazon", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
    ),
}  # fmt: skip
"""Span name: instrumentation scope, attributes."""
PRICED_BY_PHOENIX = ("chat gpt-4o", "oi openai", "oi azure", "oi anthropic", "oi google")


def send(server: Phoenix, project: str, *processors: LLMCostProcessor) -> None:
    """Send one trace with all CALLS under an agent to *project*, through the real OTLP exporter."""
    provider = TracerProvider(resource=Resource({"openinference.project.name": project}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=server.traces)))
    for processor in processors:
        provider.add_span_processor(processor)
    app = provider.get_tracer("app")
    with app.start_as_current_span("POST /ask"), app.start_as_current_span("agent"):
        for name, (scope, attributes) in CALLS.items():
            _call(provider.get_tracer(scope), name, attributes)
    assert provider.force_flush()
    provider.shutdown()


def _call(tracer: Tracer, name: str, attributes: dict[str, Any]) -> None:
    with tracer.start_as_current_span(name) as span:
        span.set_attributes(attributes)


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phoenix]:
    """A Phoenix that has received the same trace twice: priced by us, and as it was."""
    folder: Path = tmp_path_factory.mktemp("phoenix")
    with running(folder) as server:
        send(server, WITH, LLMCostProcessor())
        send(server, WITHOUT)
        until(lambda: _are_here(server), INSERT_SECONDS, "the arrival of both traces")
        until(lambda: _are_priced(server), INSERT_SECONDS, "Phoenix's own pricing of both traces")
        yield server


def _are_here(server: Phoenix) -> bool:
    query = "{ projects { edges { node { name recordCount } } } }"
    counts = {edge["node"]["name"]: edge["node"]["recordCount"] for edge in server.graphql(query)["projects"]["edges"]}
    return min(counts.get(WITH, 0), counts.get(WITHOUT, 0)) == len(CALLS) + 2


def _are_priced(server: Phoenix) -> bool:
    """Whether the calls that Phoenix is known to price have a cost; it prices a while after it stores."""
    costs = server.own_costs(WITH), server.own_costs(WITHOUT)
    return all(priced[name][0] is not None for priced in costs for name in PRICED_BY_PHOENIX)


def test_a_call_comes_back_with_the_types_of_the_registry(phoenix: Phoenix) -> None:
    """USD is a double, counts are ints, words are strings: exactly as sent."""
    found = phoenix.otlp_spans(WITH)["chat gpt-4o"]
    assert found["llm.request_cost_usd"] == {"double_value": 0.0065}
    assert _int(found["llm.request_cost_nanousd"]) == 6_500_000
    assert _int(found["llm.input_tokens"]) == 1200
    assert _int(found["llm.output_tokens"]) == 350
    assert found["llm.provider"] == {"string_value": "openai"}
    assert found["llm.model"] == {"string_value": "gpt-4o-2024-11-20"}
    assert found["llm.cost_status"] == {"string_value": "partial"}  # its emitter tells no cached part of a long prompt
    assert found["llm.cost_bucket"] == {"string_value": "lt_0.01"}
    assert found["llm.pricing_version"]["string_value"][4:5] == "."


def test_the_root_comes_back_with_totals(phoenix: Phoenix) -> None:
    """The trace's total is a double, its calls an int, and completeness a bool: one call has no price."""
    spans = phoenix.otlp_spans(WITH)
    root = spans["POST /ask"]
    costs = [span["llm.request_cost_usd"]["double_value"] for span in spans.values() if "llm.request_cost_usd" in span]
    assert root["llm.trace_cost_usd"]["double_value"] == pytest.approx(sum(costs), abs=1e-15)
    assert _int(root["llm.trace_requests"]) == len(CALLS)
    assert root["llm.trace_cost_complete"] == {"bool_value": False}
    assert spans["agent"]["llm.subtree_cost_usd"] == root["llm.trace_cost_usd"]
    assert _int(spans["agent"]["llm.subtree_unpriced_requests"]) >= 1


def test_an_unknown_model_has_a_reason_and_no_cost(phoenix: Phoenix) -> None:
    """What cannot be said is absent, not 0."""
    found = phoenix.otlp_spans(WITH)["chat gpt-99"]
    assert found["llm.cost_status"] == {"string_value": "unpriced"}
    assert found["llm.cost_reason"] == {"string_value": "unknown_model"}
    assert "llm.request_cost_usd" not in found


def test_costs_can_be_searched_as_numbers(phoenix: Phoenix) -> None:
    """Phoenix's filter language compares our attributes by value."""
    assert "chat gpt-4o" in phoenix.names_where(WITH, "attributes['llm']['request_cost_usd'] > 0.006")
    assert "chat gpt-4o" not in phoenix.names_where(WITH, "attributes['llm']['request_cost_usd'] > 0.007")


@pytest.mark.parametrize("name", CALLS)
def test_its_own_cost_is_what_it_was(phoenix: Phoenix, name: str) -> None:
    """Phoenix prices a span alike with and without our attributes on it, `llm.provider` included."""
    assert phoenix.own_costs(WITH)[name] == phoenix.own_costs(WITHOUT)[name]


def test_its_own_totals_are_what_they_were(phoenix: Phoenix) -> None:
    """Nothing we write on a parent is taken by Phoenix for cost or tokens of its own."""
    assert phoenix.own_costs(WITH)["POST /ask"] == phoenix.own_costs(WITHOUT)["POST /ask"]


def test_it_agrees_on_a_plain_call(phoenix: Phoenix) -> None:
    """A second opinion: Phoenix, with its own price list, says the same of a call with no cache and no tier."""
    assert phoenix.own_costs(WITH)["chat gpt-4o"][0] == pytest.approx(0.0065, abs=1e-9)


def _int(value: dict[str, Any]) -> int:
    """Return an OTLP int."""
    assert list(value) == ["int_value"], value
    return int(value["int_value"])
