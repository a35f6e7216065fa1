# SPDX-License-Identifier: Apache-2.0
"""The attribute registry keeps its own rules, and what is exported keeps to the registry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spancost
from spancost.core import reasons
from spancost.core.ledger import counting
from tests.repository import ROOT
from tools import generate_semconv
from tools.generate_semconv import PREFIXES, RegistryError

REGISTRY = {attribute.key: attribute for group in generate_semconv.load() for attribute in group.attributes}
PYTHON_TYPES: Mapping[str, type] = {"string": str, "int": int, "double": float, "boolean": bool, "string[]": tuple}
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.response.model": "gpt-4o-mini",
    "gen_ai.response.id": "chatcmpl-jWIFfpuPvvbLwy1rAz78PTbZPvLXH",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 10,
}
CALLS = {
    "priced": CALL,
    "the same call again": CALL,
    "unknown model": {**CALL, "gen_ai.response.model": "gpt-4o-mini-ultra", "gen_ai.response.id": "chatcmpl-2"},
    "unknown provider": {**CALL, "gen_ai.provider.name": "acme", "gen_ai.response.id": "chatcmpl-3"},
    "nothing used": {
        **CALL,
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.usage.output_tokens": 0,
        "gen_ai.response.id": "4",
    },
    "cached exceeds input": {**CALL, "gen_ai.usage.cache_read.input_tokens": 5000, "gen_ai.response.id": "chatcmpl-5"},
    "negative": {**CALL, "gen_ai.usage.input_tokens": -1, "gen_ai.response.id": "chatcmpl-6"},
    "odd tier": {**CALL, "openai.response.service_tier": "platinum", "gen_ai.response.id": "chatcmpl-7"},
    "no usage": {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"},
    "reasoning and cache": {
        **CALL,
        "gen_ai.usage.cache_write.input_tokens": 300,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.response.id": "chatcmpl-9",
    },
    "whole dollars": {**CALL, "gen_ai.usage.output_tokens": 100_000_000, "gen_ai.response.id": "chatcmpl-8"},
}


@pytest.fixture(scope="module")
def spans() -> tuple[ReadableSpan, ...]:
    """Return what is exported of a trace that holds every kind of call, an agent above them and a root."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.add_span_processor(spancost.LLMCostProcessor(required_tags=("team", "workspace_id")))
    tracer = provider.get_tracer("opentelemetry.instrumentation.openai_v2")
    with (
        spancost.attribution(feature="search", team="care", prompt_version="7"),
        tracer.start_as_current_span("root"),
        tracer.start_as_current_span("agent"),
    ):
        for name, attributes in CALLS.items():
            with tracer.start_as_current_span(name, attributes=attributes):
                pass
        spancost.record_outcome("success")
    return exporter.get_finished_spans()


def test_what_is_written_is_defined_and_of_its_type(spans: tuple[ReadableSpan, ...]) -> None:
    """USD is a double even when it is whole, a count is an int, and a closed list is closed."""
    for span in spans:
        for key, value in (span.attributes or {}).items():
            if key.startswith(PREFIXES):
                attribute = REGISTRY[key]
                assert type(value) is PYTHON_TYPES[attribute.type], f"{span.name}: {key} = {value!r}"
                allowed = {member for member, _ in attribute.members}
                assert not allowed or value in allowed, f"{span.name}: {key} = {value!r}"


def test_most_of_the_registry_is_seen(spans: tuple[ReadableSpan, ...]) -> None:
    """The trace above really exercises what it is to check."""
    seen = {key for span in spans for key in span.attributes or {}}
    unseen = {key for key in REGISTRY if key not in seen and key.startswith("llm.")}
    elsewhere = ("llm.capture", "llm.budget", "llm.trace_sampling", "llm.trace_anomalies", "llm.anomaly", "llm.metrics")
    groups = [group for group in generate_semconv.load() if group.id in elsewhere]
    assert len(groups) == len(elsewhere)
    others = {attribute.key for group in groups for attribute in group.attributes}
    assert unseen - others <= {"llm.list_cost_usd", "llm.finish_reason"}


def test_a_reason_stands_whenever_the_status_is_not_priced(spans: tuple[ReadableSpan, ...]) -> None:
    """Reasons are codes of the closed list, a meter's name after a colon at most."""
    for span in spans:
        attributes = span.attributes or {}
        status, reason = attributes.get("llm.cost_status"), attributes.get("llm.cost_reason")
        assert (reason is None) == (status in {None, "priced"}), f"{span.name}: {status}, {reason}"
        if isinstance(reason, str):
            assert reason.split(":")[0] in reasons.SENTENCES, reason


def test_every_reason_in_code_and_data_is_documented() -> None:
    """The counting rule's codes and the doubts that dialects state are in the closed list."""
    compiled = json.loads((ROOT / "semconv" / "compiled" / "dialects.json").read_text(encoding="utf-8"))
    rules = [rule for dialect in compiled["dialects"] for rule in dialect["rules"]]
    caveats = {rule["then"]["caveat"][1].partition(":")[0] for rule in rules if "caveat" in rule["then"]}
    constants = {value for name, value in vars(counting).items() if name.isupper() and isinstance(value, str)}
    codes = {value for value in constants if "_" in value}
    assert caveats
    assert codes
    assert (caveats | codes) - reasons.SENTENCES.keys() == set()


def test_an_unknown_cost_is_absent(spans: tuple[ReadableSpan, ...]) -> None:
    """No zero stands for a price that is not known."""
    by_name = {span.name: span.attributes or {} for span in spans}
    for name in ("unknown model", "unknown provider", "no usage"):
        assert by_name[name]["llm.cost_status"] == "unpriced"
        assert "llm.request_cost_usd" not in by_name[name]


BROKEN = {
    "USD that is an int": ("type: double", "type: int", "type double for USD"),
    "a key of another namespace": ("llm.x_usd", "acme.x_usd", "a lower-case key under llm. or app."),
    "an attribute in no group": ("- ref: llm.x_usd", "[]", "membership of exactly one group"),
    "an unknown key": ("examples:", "samples:", "no key ['samples']"),
    "an example of another type": ("[0.5]", "[1]", "examples of type double, found 1"),
}
SOUND = """file_format: definition/2
attributes:
  - key: llm.x_usd
    type: double
    brief: A sentence.
    stability: development
    examples: [0.5]
attribute_groups:
  - id: g
    brief: On a span
    attributes:
      - ref: llm.x_usd
"""


def test_a_sound_registry_loads(tmp_path: Path) -> None:
    (tmp_path / "call.yaml").write_text(SOUND, encoding="utf-8")
    assert [attribute.key for group in generate_semconv.load(tmp_path) for attribute in group.attributes] == [
        "llm.x_usd"
    ]


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_registry_is_refused_with_its_place(fault: str, tmp_path: Path) -> None:
    """The message names the file, the key and what is expected."""
    old, new, expected = BROKEN[fault]
    text = SOUND.replace("attributes:\n      - ref: llm.x_usd", "attributes: []") if new == "[]" else SOUND
    (tmp_path / "call.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RegistryError, match=r"semconv/registry/") as raised:
        generate_semconv.load(tmp_path)
    assert expected in str(raised.value)
