# SPDX-License-Identifier: Apache-2.0
"""A span read by what its like have in common reads as it does in full."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from spancost import data
from spancost.core.dialect.program import Program
from spancost.core.reading import Reading
from spancost.core.span import Span

SCOPES = (
    "opentelemetry.instrumentation.openai_v2",
    "opentelemetry.instrumentation.anthropic",
    "opentelemetry.instrumentation.google_generativeai",
    "openinference.instrumentation.openai",
    "anthropic",
    "langfuse-sdk",
    "pydantic-ai",
    "somebody.else",
)
KEYS = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.system",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.response.id",
    "gen_ai.response.finish_reasons",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.reasoning.output_tokens",
    "llm.usage.total_tokens",
    "llm.request.type",
    "llm.provider",
    "llm.model_name",
    "llm.token_count.prompt",
    "llm.token_count.completion",
    "llm.token_count.total",
    "llm.token_count.prompt_details.cache_read",
    "llm.invocation_parameters",
    "openinference.span.kind",
    "operation.cost",
    "server.address",
)
TEXTS = ("chat", "LLM", "openai", "anthropic", "gpt-4o", "claude-sonnet-4-5", "", '"stop"', '{"service_tier": "flex"}')
VALUES = st.one_of(
    st.integers(-1, 3000),
    st.sampled_from(TEXTS),
    st.sampled_from([("stop",), ["stop"], None, True, 2.0, 0.5, float("nan"), 10**30]),
)
ATTRIBUTES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=10)


def span(scope: str, name: str, attributes: dict[str, Any]) -> Span:
    return Span(1, 2, None, True, 10**18, 10**18 + 5, scope, "0.60.0", name, attributes)


@settings(max_examples=400)
@given(
    st.sampled_from(SCOPES),
    ATTRIBUTES,
    st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3), max_size=4),
    st.sampled_from(("chat gpt-4o", "ChatOpenAI", "agent")),
)
def test_seen_before_or_not_a_span_says_the_same(
    scope: str, first: dict[str, Any], changes: list[dict[str, Any]], name: str
) -> None:
    """Reading spans one after the other gives what a reader that has seen none of the others gives."""
    dialects = data.default_dialects()
    for attributes in (first, *({**first, **change} for change in changes), first):
        one = span(scope, name, attributes)
        seasoned = dialects.program(one)
        assert _told(seasoned.read(one)) == _told(_fresh(seasoned).read(one))


def test_what_is_kept_of_shapes_is_bounded() -> None:
    """An emitter with ever new words or keys fills no memory: generations are dropped whole."""
    dialects = data.default_dialects()
    for number in range(3000):
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": f"m{number}"}
        one = span(SCOPES[0], "chat", {**attributes, "gen_ai.usage.input_tokens": number})
        assert dialects.program(one).read(one) is not None
    shapes = dialects.program(one)._shapes
    assert len(shapes) < 300
    assert all(len(shape.frames) <= 1024 for shape in (*shapes.new.values(), *shapes.old.values()))


def _told(reading: Reading | None) -> str:
    """Return a reading as text, types and all, whatever the order of its meters."""
    return repr(reading and (sorted(reading.usage.items()), reading._replace(usage={})))


def _fresh(seasoned: Program) -> Program:
    """Return the same program with nothing kept: what reading in full gives."""
    fresh = object.__new__(Program)
    for slot in Program.__slots__:
        setattr(fresh, slot, getattr(seasoned, slot))
    fresh._shapes = type(seasoned._shapes)(seasoned._shapes.size)
    return fresh
