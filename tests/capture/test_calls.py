# SPDX-License-Identifier: Apache-2.0
"""What a captured call does beside being priced: guards, outer spans, passes beside it, privacy."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import httpx2
import pytest

from spancost.capture import CallRequest, CallResult, CallStopped, after_call, attributes, before_call
from tests.capture.world import ANSWER, ASK, COST, EVENTS, MODULES, URL, USAGE, World, client, pieces


@pytest.mark.parametrize("module", MODULES)
def test_usage_is_asked_for_only_when_wanted(module: ModuleType) -> None:
    """include_usage changes the request of a stream that lacks it, and nothing else."""
    seen: list[Any] = []

    def answer(request: Any) -> Any:
        seen.append(json.loads(request.content))
        assert int(request.headers["content-length"]) == len(request.content)
        return pieces(module, EVENTS)

    world = World(include_usage=True)
    try:
        with client(module, answer) as http:
            http.post(URL, json={**ASK, "stream": True})
            http.post(URL, json={**ASK, "stream": True, "stream_options": {"include_usage": False}})
            http.post(URL, json=ASK)
    finally:
        world.capture.uninstrument()
    assert [ask.get("stream_options") for ask in seen] == [{"include_usage": True}, {"include_usage": False}, None]


def test_a_stream_without_usage_is_warned_about_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """One sentence a host says what to do."""
    with client(httpx2, lambda _: pieces(httpx2, EVENTS[:2] + EVENTS[3:])) as http:
        for _ in range(3):
            http.post(URL, json={**ASK, "stream": True})
    assert [r.getMessage().count("include_usage") for r in caplog.records] == [2]
    assert (world.spans[0].attributes or {})["llm.cost_reason"] == "no_usage"


def test_guards_see_calls_and_may_stop_them(world: World) -> None:
    """Before: the call; after: what it used and cost. Only `CallStopped` reaches the application."""
    asked: list[CallRequest] = []
    answered: list[CallResult] = []

    def stop(call: CallRequest) -> None:
        if len(asked) > 1:
            raise CallStopped("over budget")
        raise RuntimeError("a guard with a fault")

    removals = [before_call(asked.append), before_call(stop), after_call(answered.append)]
    try:
        with client(httpx2, lambda _: httpx2.Response(200, json=ANSWER)) as http:
            http.post(URL, json=ASK)
            with pytest.raises(CallStopped, match="over budget"):
                http.post(URL, json=ASK)
    finally:
        for remove in removals:
            remove()
    assert [(a.provider, a.model, a.operation, a.host) for a in asked] == [
        ("openai", "gpt-4o-mini", "chat", "api.openai.com")
    ] * 2
    assert [a.request for a in answered] == asked[:1]
    assert [a.record.cost_femto for a in answered if a.record] == [round(COST * 1e15)]
    assert (world.capture.stats["stopped"], world.capture.stats["errors_guard"]) == (1, 1)


def test_passes_beside_a_call_have_spans_of_their_own(world: World) -> None:
    """An advisor's tokens are billed at the advisor's rates."""
    message = {
        "id": "msg_1",
        "type": "message",
        "model": "claude-haiku-4-5",
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 100,
            "output_tokens": 10,
            "iterations": [
                {"type": "message", "input_tokens": 100, "output_tokens": 10},
                {"type": "advisor_message", "model": "claude-opus-4-5", "input_tokens": 2000, "output_tokens": 20},
            ],
        },
    }
    with (
        client(httpx2, lambda _: httpx2.Response(200, json=message)) as http,
        world.provider.get_tracer("app").start_as_current_span("root"),
    ):
        http.post("https://api.anthropic.com/v1/messages", json=ASK)
    root = dict(world.spans[-1].attributes or {})
    assert root["llm.trace_requests"] == 2
    assert root["llm.trace_cost_usd"] == pytest.approx(100e-6 + 10 * 5e-6 + 2000 * 5e-6 + 20 * 25e-6, rel=1e-12)


@pytest.mark.parametrize("module", MODULES)
def test_an_outer_span_of_the_call_is_enriched(world: World, module: ModuleType) -> None:
    """Another instrumentation's span that is this call's gets what the wire says; there is no second span."""
    tracer = world.provider.get_tracer("some.instrumentation")
    known = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}
    answers = iter([module.Response(500), module.Response(200, json=ANSWER)])
    with (
        client(module, lambda _: next(answers)) as http,
        tracer.start_as_current_span("chat", attributes=known) as outer,
    ):
        http.post(URL, json=ASK)
        http.post(URL, json=ASK)
        outer.set_attribute("gen_ai.usage.input_tokens", 1)  # whatever it says itself
    assert [span.name for span in world.spans] == ["chat"]
    assert world.only["llm.input_tokens"] == 1000
    assert world.only["llm.trace_cost_usd"] == pytest.approx(COST, rel=1e-12)


def test_nothing_of_a_prompt_or_key_leaves(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Planted words are in no attribute, event, name or log line."""
    headers = {"authorization": "Bearer planted-key"}
    with client(httpx2, lambda _: pieces(httpx2, EVENTS, x_planted="planted-header"), headers=headers) as http:
        http.post(URL, json=ASK)
        http.post(f"{URL}?key=planted-query", content=b'{"model": "planted-model"')
    everything = " ".join(span.to_json() for span in world.spans) + caplog.text
    assert world.spans
    assert "planted" not in everything


def test_a_path_alone_is_no_model_call(world: World) -> None:
    """One's own backend may have a chat, too: no model is named and nothing is counted."""
    with (
        client(httpx2, lambda _: httpx2.Response(200, json={"reply": "planted-answer"})) as http,
        world.provider.get_tracer("app").start_as_current_span("root"),
    ):
        http.post("http://backend.internal/api/chat", json={"text": "planted-prompt"})
        http.post("http://backend.internal/api/chat", json={"model": "m-1", "messages": []})
    of_nobody, of_a_model, root = (dict(span.attributes or {}) for span in world.spans)
    assert "llm.cost_status" not in of_nobody and of_a_model["llm.cost_reason"] == "no_usage"
    assert (root["llm.trace_requests"], root["llm.trace_cost_complete"]) == (1, False)


def test_work_in_the_background_costs_once(world: World) -> None:
    """Usage comes with a later poll, and again with each poll after it."""
    usage = {"input_tokens": 1000, "output_tokens": 10, "total_tokens": 1010}
    response = {"id": "resp_1", "object": "response", "model": "gpt-4o-mini-2024-07-18", "background": True}
    states = iter(
        [
            {**response, "status": "queued", "usage": None},
            {**response, "status": "in_progress", "usage": None},
            {**response, "status": "completed", "usage": usage},
            {**response, "status": "completed", "usage": usage},
        ]
    )
    with (
        client(httpx2, lambda _: httpx2.Response(200, json=next(states))) as http,
        world.provider.get_tracer("app").start_as_current_span("root"),
    ):
        http.post("https://api.openai.com/v1/responses", json={**ASK, "background": True})
        for _ in range(3):
            http.get("https://api.openai.com/v1/responses/resp_1")
    root = dict(world.spans[-1].attributes or {})
    told = [(s.attributes or {}).get("llm.cost_status") for s in world.spans[:-1]]
    assert told == [None, "priced"]
    assert root["llm.trace_cost_usd"] == pytest.approx(COST, rel=1e-12)
    assert root["llm.trace_cost_complete"] is True


def test_a_call_on_another_wire_of_a_named_host_says_why_it_has_no_price() -> None:
    """It is no call of the provider that was named, and does not vanish."""
    world = World(providers={"llm.internal": "openai"})
    try:
        usage = {"input_tokens": 10, "output_tokens": 5}
        message = {"id": "msg_1", "type": "message", "model": "claude-haiku-4-5", "usage": usage}
        with client(httpx2, lambda _: httpx2.Response(200, json=message)) as http:
            http.post("https://llm.internal/v1/messages", json={"model": "claude-haiku-4-5"})
        assert world.only["llm.cost_status"] == "unpriced"
        assert world.only["llm.cost_reason"] == "unknown_model"
    finally:
        world.capture.uninstrument()


def test_a_providers_own_cost_is_the_cost(world: World) -> None:
    """What OpenRouter states was paid; an estimate of a proxy was not."""
    stated = {**ANSWER, "usage": {**USAGE, "cost": 0.0042}}
    estimated = {"x-litellm-response-cost": "0.0042", "x-litellm-version": "1"}
    with client(httpx2, lambda _: httpx2.Response(200, json=stated, headers=estimated)) as http:
        http.post("https://openrouter.ai/api/v1/chat/completions", json=ASK)
        http.post("http://proxy.internal:4000/v1/chat/completions", json=ASK)
    bought, passed = (dict(span.attributes or {}) for span in world.spans)
    assert (bought["llm.request_cost_usd"], bought["llm.cost_source"]) == (0.0042, "provider")
    assert "llm.request_cost_usd" not in passed
    assert passed["llm.gateway"] == "litellm"


def test_the_parts_of_a_compound_system_are_sold_by_their_own_models(world: World) -> None:
    """The totals repeat the parts; only the parts have prices."""
    parts = [("llama-3.3-70b-versatile", 400, 4), ("openai/gpt-oss-120b", 600, 6)]
    answer = {
        **ANSWER,
        "model": "groq/compound",
        "usage_breakdown": {
            "models": [{"model": m, "usage": {"prompt_tokens": i, "completion_tokens": o}} for m, i, o in parts]
        },
    }
    with client(httpx2, lambda _: httpx2.Response(200, json=answer)) as http:
        http.post("https://api.groq.com/openai/v1/chat/completions", json=ASK)
    seen = [dict(span.attributes or {}) for span in world.spans]
    assert [(s["llm.cost_status"], s.get("llm.input_tokens")) for s in seen] == [
        ("priced", 400),
        ("priced", 600),
        ("aggregate", None),
    ]
    root = dict(world.spans[-1].attributes or {})
    assert (root["llm.trace_input_tokens"], root["llm.trace_output_tokens"]) == (1000, 10)


def test_the_tier_is_in_the_words_of_the_rate_card(world: World) -> None:
    """Vertex calls flex traffic ON_DEMAND_FLEX; it is sold at half the price."""
    url = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/{}/publishers/google/models/{}"
    url = url.format("global", "gemini-2.5-flash:generateContent")
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 10, "totalTokenCount": 1010}
    answers = iter([{"usageMetadata": {**usage, "trafficType": kind}} for kind in ("ON_DEMAND", "ON_DEMAND_FLEX")])
    with client(httpx2, lambda _: httpx2.Response(200, json=next(answers))) as http:
        http.post(url, json={"contents": []})
        http.post(url, json={"contents": []})
    usual, flex = (dict(span.attributes or {}) for span in world.spans)
    assert flex["llm.service_tier"] == "flex"
    assert flex["llm.request_cost_usd"] == pytest.approx(usual["llm.request_cost_usd"] / 2, rel=1e-12)


def test_embeddings_within_a_chat_are_another_call(world: World) -> None:
    """A chat's span is kept for the chat."""
    vectors = {"model": "text-embedding-3-small", "data": [], "usage": {"prompt_tokens": 1000, "total_tokens": 1000}}
    answers = iter([vectors, ANSWER])
    known = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}
    with (
        client(httpx2, lambda _: httpx2.Response(200, json=next(answers))) as http,
        world.provider.get_tracer("some.instrumentation").start_as_current_span("chat", attributes=known),
    ):
        http.post("https://api.openai.com/v1/embeddings", json={"model": "text-embedding-3-small"})
        http.post(URL, json=ASK)
    embedding, chat = (dict(span.attributes or {}) for span in world.spans)
    assert (embedding["llm.operation"], chat["llm.operation"]) == ("embeddings", "chat")
    assert chat["llm.trace_cost_usd"] == pytest.approx(COST + 1000 * 0.02e-6, rel=1e-12)


@pytest.mark.parametrize("module", MODULES)
def test_seconds_of_sound_are_sold_by_the_fraction(world: World, module: ModuleType) -> None:
    """8.3 seconds at $0.006 a minute, of the model that the upload names and the answer does not."""
    answer = {"text": "planted", "duration": 8.3, "task": "transcribe"}
    with client(module, lambda _: module.Response(200, json=answer)) as http:
        upload = {"file": ("a.wav", b"planted")}
        http.post("https://api.openai.com/v1/audio/transcriptions", data={"model": "whisper-1"}, files=upload)
    told = world.only
    assert told["llm.meter.audio_seconds"] == 8.3
    assert (told["llm.cost_status"], told.get("llm.cost_reason"), told.get("llm.model")) == (
        "priced",
        None,
        "whisper-1",
    )
    assert told["llm.request_cost_usd"] == pytest.approx(8.3 * 0.006 / 60, rel=1e-12)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("api.openai.com", ("api.openai.com", None)),
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("[::1]:8000", ("::1", 8000)),
        ("[::1]", ("::1", None)),
        ("::1", ("::1", None)),
    ],
)
def test_the_address_of_the_server_is_the_host_and_the_port_stands_apart(
    host: str, expected: tuple[str, int | None]
) -> None:
    """As the semantic conventions say."""
    found = attributes.of_host(host)
    assert (found["server.address"], found.get("server.port")) == expected


def test_a_span_of_a_server_at_a_port_names_both(world: World) -> None:
    """The host alone is what contracts and providers are matched by."""
    with client(httpx2, lambda _: httpx2.Response(200, json=ANSWER)) as http:
        http.post("https://api.openai.com:8443/v1/chat/completions", json=ASK)
    assert (world.only["server.address"], world.only["server.port"]) == ("api.openai.com", 8443)
    assert world.only["llm.request_cost_usd"] == COST
