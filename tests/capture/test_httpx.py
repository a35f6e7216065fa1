# SPDX-License-Identifier: Apache-2.0
"""Capture of httpx and httpx2: the cost is the server's bill, and the caller cannot tell that anyone looked."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import httpx
import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import spancost
from spancost.capture import Answered, Asked, CallStopped, after_call, before_call
from spancost.capture.instrumentor import CaptureInstrumentor

MODULES = [httpx, httpx2]
URL = "https://api.openai.com/v1/chat/completions"
ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "planted-prompt"}]}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "planted-answer"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
COST = 1000 * 0.15e-6 + 10 * 0.6e-6


def event(**fields: Any) -> bytes:
    """Return one event of a chat stream."""
    return b"data: " + json.dumps({"id": "chatcmpl-1", "model": "gpt-4o-mini-2024-07-18", **fields}).encode() + b"\n\n"


EVENTS = [
    event(choices=[{"index": 0, "delta": {"content": "planted-answer"}, "finish_reason": None}], usage=None),
    event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=None),
    event(choices=[], usage=USAGE),
    b"data: [DONE]\n\n",
]


class World:
    """A tracer provider with the processor, capture switched on, and what was exported."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.provider.add_span_processor(spancost.LLMCostProcessor())
        self.capture = CaptureInstrumentor()
        self.capture.instrument(tracer_provider=self.provider, **options)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Return what ended so far."""
        return self.exporter.get_finished_spans()

    @property
    def only(self) -> dict[str, Any]:
        """Return the attributes of the one span that ended."""
        (span,) = self.spans
        return dict(span.attributes or {})


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world with capture on; off again at the end."""
    world = World()
    yield world
    world.capture.uninstrument()


def client(module: ModuleType, answer: Callable[[Any], Any], **options: Any) -> Any:
    """Return a client whose requests *answer* answers."""
    return module.Client(transport=module.MockTransport(answer), **options)


def async_client(module: ModuleType, answer: Callable[[Any], Any]) -> Any:
    """Return an asynchronous client whose requests *answer* answers."""
    return module.AsyncClient(transport=module.MockTransport(answer))


def pieces(module: ModuleType, chunks: list[bytes], error: Exception | None = None, **headers: str) -> Any:
    """Return an answer that streams *chunks*, then raises *error*, as the transport of *module* would."""

    class Stream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc, name-defined]
        closed = 0

        def __iter__(self) -> Iterator[bytes]:
            yield from chunks
            if error is not None:
                raise error

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk
            if error is not None:
                raise error

        def close(self) -> None:
            self.closed += 1

        async def aclose(self) -> None:
            self.closed += 1

    headers = {"content-type": "text/event-stream", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return module.Response(200, headers=headers, stream=Stream())


@pytest.mark.parametrize("module", MODULES)
def test_a_json_answer_is_priced(world: World, module: ModuleType) -> None:
    """One call, one span, its tokens and its price."""
    with client(module, lambda _: module.Response(200, json=ANSWER)) as http:
        assert http.post(URL, json=ASK).json() == ANSWER
    assert world.only["llm.request_cost_usd"] == pytest.approx(COST, rel=1e-12)
    assert world.only["llm.capture"] == "usage"
    assert world.only["llm.streaming"] is False


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("read", ["bytes", "raw", "lines", "read"])
def test_a_stream_is_priced_and_passes_unchanged(world: World, module: ModuleType, read: str) -> None:
    """Every way to read a stream gives the same bytes as without capture."""
    with client(module, lambda _: pieces(module, EVENTS)) as http, http.stream("POST", URL, json=ASK) as response:
        found = (
            response.read()
            if read == "read"
            else "".join(f"{line}\n" for line in response.iter_lines()).encode()
            if read == "lines"
            else b"".join(getattr(response, f"iter_{read}")())
        )
    assert found == b"".join(EVENTS)
    assert world.only["llm.request_cost_usd"] == pytest.approx(COST, rel=1e-12)
    assert world.only["llm.streaming"] is True
    assert world.only["llm.time_to_first_token_seconds"] >= 0


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("stream", [False, True])
def test_async_is_the_same(world: World, module: ModuleType, stream: bool) -> None:
    """One core, two drivers."""

    async def ask() -> bytes:
        async with async_client(module, lambda _: pieces(module, EVENTS)) as http:
            if not stream:
                response: Any = await http.post(URL, json=ASK)
                return bytes(response.content)
            async with http.stream("POST", URL, json=ASK) as response:
                return b"".join([chunk async for chunk in response.aiter_bytes()])

    assert asyncio.run(ask()) == b"".join(EVENTS)
    assert world.only["llm.request_cost_usd"] == pytest.approx(COST, rel=1e-12)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_encodings_are_undone(world: World, module: ModuleType, encoding: str) -> None:
    """Compressed streams are read, in any pieces."""
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}[encoding](b"".join(EVENTS))
    chunks = [packed[at : at + 7] for at in range(0, len(packed), 7)]
    answer = lambda _: pieces(module, chunks, content_encoding=encoding)  # noqa: E731
    with client(module, answer) as http, http.stream("POST", URL, json=ASK) as response:
        assert b"".join(response.iter_bytes()) == b"".join(EVENTS)
    assert world.only["llm.input_tokens"] == 1000


@pytest.mark.parametrize("module", MODULES)
def test_an_unknown_encoding_is_unknown_usage(world: World, module: ModuleType) -> None:
    """What cannot be decoded tells nothing, and is passed on."""
    answer = lambda _: pieces(module, [b"\x00\x01", b"\x02"], content_encoding="rot13")  # noqa: E731
    with client(module, answer) as http, http.stream("POST", URL, json=ASK) as response:
        assert b"".join(response.iter_raw()) == b"\x00\x01\x02"
    assert world.only["llm.cost_status"] == "unpriced"


@pytest.mark.parametrize("module", MODULES)
def test_a_cut_stream_raises_as_ever_and_is_told(world: World, module: ModuleType) -> None:
    """The reader sees the transport's own error; what was told until then counts as a part."""
    start = (
        b'data: {"type":"message_start","message":{"id":"m","model":"claude-sonnet-4-5","usage":{"input_tokens":9}}}'
    )
    answer = lambda _: pieces(module, [start + b"\n\n"], module.ReadError("cut"))  # noqa: E731
    with client(module, answer) as http, pytest.raises(module.ReadError, match="cut"):
        http.post("https://api.anthropic.com/v1/messages", json=ASK)
    assert world.only["error.type"] == "ReadError"
    with (
        client(module, answer) as http,
        http.stream("POST", "https://api.anthropic.com/v1/messages", json=ASK) as response,
        pytest.raises(module.ReadError, match="cut"),
    ):
        response.read()
    last = dict(world.spans[-1].attributes or {})
    assert (last["llm.capture"], last["llm.cost_status"], last["llm.cost_reason"]) == (
        "partial_usage", "partial", "stream_cut",
    )  # fmt: skip
    assert last["llm.input_tokens"] == 9


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("how", ["closed early", "closed at the last event", "never closed"])
def test_streams_that_are_not_read_to_their_end(world: World, module: ModuleType, how: str) -> None:
    """A call ends once, and at its last event it is whole."""
    with client(module, lambda _: pieces(module, EVENTS)) as http:
        response = http.send(http.build_request("POST", URL, json=ASK), stream=True)
        chunks = response.iter_raw()
        for _ in range(1 if how == "closed early" else len(EVENTS)):
            next(chunks)
        if how == "never closed":
            del chunks, response
            gc.collect()
        else:
            response.close()
    early = how == "closed early"
    assert world.only["llm.capture"] == ("no_usage" if early else "usage")
    assert ("llm.request_cost_usd" in world.only) is not early


@pytest.mark.parametrize("module", MODULES)
def test_cancelling_is_seen(world: World, module: ModuleType) -> None:
    """A cancelled request ends its span and stays cancelled."""

    async def hang(_: Any) -> Any:
        await asyncio.sleep(60)

    async def ask() -> None:
        async with async_client(module, hang) as http:
            await asyncio.wait_for(http.post(URL, json=ASK), 0.02)

    with pytest.raises((asyncio.TimeoutError, TimeoutError)):
        asyncio.run(ask())
    assert world.only["error.type"] == "CancelledError"


@pytest.mark.parametrize("module", MODULES)
def test_errors_are_errors_and_cost_nothing(world: World, module: ModuleType) -> None:
    """A refused attempt and a broken connection each have a span of their own."""

    def broken(_: Any) -> Any:
        raise module.ConnectError("no route")

    with client(module, lambda _: module.Response(429, json={"error": {"message": "slow"}})) as http:
        assert http.post(URL, json=ASK).status_code == 429
    with client(module, broken) as http, pytest.raises(module.ConnectError, match="no route"):
        http.post(URL, json=ASK)
    assert [(s.attributes or {})["error.type"] for s in world.spans] == ["429", "ConnectError"]
    assert all(s.status.status_code is StatusCode.ERROR for s in world.spans)
    assert not any("llm.request_cost_usd" in (s.attributes or {}) for s in world.spans)


@pytest.mark.parametrize("module", MODULES)
def test_other_requests_are_left_alone(world: World, module: ModuleType) -> None:
    """Other hosts, other paths and counting tokens make no span."""
    with client(module, lambda _: module.Response(200, json=ANSWER)) as http:
        http.get("https://example.com/v1/chat/completions")
        http.post("https://example.com/orders", json=ASK)
        http.get("https://api.openai.com/v1/models")
        http.post("https://api.anthropic.com/v1/messages/count_tokens", json=ASK)
    assert world.spans == ()


@pytest.mark.parametrize("module", MODULES)
def test_a_private_host_is_known_by_its_path(world: World, module: ModuleType) -> None:
    """A self-hosted server is captured; without a seller it has no price and says so."""
    with client(module, lambda _: module.Response(200, json=ANSWER)) as http:
        http.post("http://10.0.0.7:8000/v1/chat/completions", json=ASK)
    assert (world.only["llm.cost_status"], world.only["llm.input_tokens"]) == ("unpriced", 1000)


@pytest.mark.parametrize("module", MODULES)
def test_redirects_are_one_call(world: World, module: ModuleType) -> None:
    """What happens between sending and the final answer is one call."""

    def answer(request: Any) -> Any:
        if request.url.path.endswith("completions"):
            return module.Response(307, headers={"location": "/v2"})
        return module.Response(200, json=ANSWER)

    with client(module, answer, follow_redirects=True) as http:
        http.post(URL, json=ASK)
    assert world.only["llm.input_tokens"] == 1000


@pytest.mark.parametrize("module", MODULES)
def test_switching_off_restores_everything(module: ModuleType) -> None:
    """After uninstrument() the methods are the very ones that were there."""
    before = module.Client.__dict__["send"], module.AsyncClient.__dict__["send"]
    world = World()
    assert module.Client.__dict__["send"] is not before[0]
    world.capture.uninstrument()
    assert (module.Client.__dict__["send"], module.AsyncClient.__dict__["send"]) == before


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
    asked: list[Asked] = []
    answered: list[Answered] = []

    def stop(call: Asked) -> None:
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
    assert [a.cost.femto for a in answered] == [round(COST * 1e15)]
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
