# SPDX-License-Identifier: Apache-2.0
"""Capture of httpx and httpx2: the cost is the server's bill, and the caller cannot tell that anyone looked."""

from __future__ import annotations

import asyncio
import gc
import gzip
import sys
import zlib
from types import ModuleType
from typing import Any

import httpx2
import pytest
from opentelemetry.trace import StatusCode

from tests.capture.world import ANSWER, ASK, COST, EVENTS, MODULES, URL, World, async_client, client, pieces


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


def packed(encoding: str, body: bytes) -> bytes:
    """Return *body* in an encoding; the test is left out when its library is not installed."""
    if encoding == "br":
        return bytes(pytest.importorskip("brotli").compress(body))
    if encoding == "zstd":
        return bytes(pytest.importorskip("zstandard").ZstdCompressor().compress(body))
    return {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}[encoding](body)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity", "br", "zstd"])
def test_encodings_are_undone(world: World, module: ModuleType, encoding: str) -> None:
    """Compressed streams are read, in any pieces."""
    if (module, encoding) == (httpx2, "zstd") and sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd")  # what httpx2 itself undoes it with
    body = packed(encoding, b"".join(EVENTS))
    chunks = [body[at : at + 7] for at in range(0, len(body), 7)]
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
    """A self-hosted server is captured; without a provider it has no price and says so."""
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
