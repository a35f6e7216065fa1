# SPDX-License-Identifier: Apache-2.0
"""What capture could not read is said on a span: an unknown endpoint with usage, and lists of a very long answer."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from spancost.capture import CallRequest, before_call
from tests.capture.world import ANSWER, World, client

GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
FUTURE = "https://api.openai.com/v1/imagined/runs"


def attributes(world: World) -> dict[str, Any]:
    (span,) = world.spans
    return dict(span.attributes or {})


def post(url: str, answer: Any) -> None:
    with client(httpx2, lambda _: httpx2.Response(200, json=answer)) as http:
        http.post(url, json={"model": "gpt-4o-mini"})


def test_an_unknown_endpoint_with_usage_says_why_it_is_not_read(world: World) -> None:
    """Its cost is unknown, never nothing."""
    post(FUTURE, {"id": "run-1", "usage": {"words_in": 12, "words_out": 3}})
    found = attributes(world)
    assert (found["llm.cost_status"], found["llm.cost_reason"]) == ("unpriced", "endpoint_unknown")
    assert (found["llm.provider"], found["llm.not_read"]) == ("openai", "endpoint")
    assert "llm.request_cost_usd" not in found


def test_an_unknown_endpoint_with_a_known_answer_is_priced(world: World) -> None:
    post(FUTURE, {**ANSWER, "object": "chat.completion"})
    assert attributes(world)["llm.cost_status"] == "priced"


@pytest.mark.parametrize("answer", [{"id": "file-1", "bytes": 12}, {"usage": None}, [1, 2]])
def test_other_requests_to_a_provider_make_no_span(world: World, answer: Any) -> None:
    """No guard is asked either: an upload of a file is no model call."""
    asked: list[CallRequest] = []
    remove = before_call(asked.append)
    try:
        post(FUTURE, answer)
    finally:
        remove()
    assert not world.spans and not asked
    assert not any(key.startswith("calls_") and number for key, number in world.capture.stats.items())


@pytest.mark.parametrize("is_grounded", [True, False])
def test_lists_of_a_very_long_answer_are_in_doubt_only_where_it_has_some(world: World, is_grounded: bool) -> None:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": "x" * (3 << 20)}]}, "finishReason": "STOP"}
    if is_grounded:
        candidate["groundingMetadata"] = {"webSearchQueries": ["planted-query"]}
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    post(GEMINI, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash"})
    found = attributes(world)
    expected = ("partial", "lists_not_read", "lists") if is_grounded else ("priced", None, None)
    assert tuple(found.get(key) for key in ("llm.cost_status", "llm.cost_reason", "llm.not_read")) == expected
    assert found["llm.input_tokens"] == 10
