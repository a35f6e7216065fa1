# SPDX-License-Identifier: Apache-2.0
"""Streams that did not tell what they used: unknown by default, estimated with its basis where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.capture.world import EVENTS, MODULES, URL, World, client, event, pieces

ANTHROPIC = "https://api.anthropic.com/v1/messages"
PROMPT = "planted words " * 40
ASK: dict[str, Any] = {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": PROMPT}]}
SAID = ["twelve chars"] * 10
STREAM = [event(choices=[{"index": 0, "delta": {"content": said}, "finish_reason": None}]) for said in SAID]
START = (
    b'data: {"type":"message_start","message":{"id":"msg_1","model":"claude-sonnet-4-5",'
    b'"usage":{"input_tokens":900,"cache_read_input_tokens":100,"output_tokens":1}}}\n\n'
)
DELTA = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"twelve chars"}}\n\n'


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world in which what is missing is estimated."""
    world = World(estimate_missing=True)
    yield world
    world.capture.uninstrument()


def ask(world: World, module: ModuleType, chunks: list[bytes], url: str = URL, **body: Any) -> dict[str, Any]:
    """Send a request whose answer is *chunks*, read it to its end, and return the attributes of its span."""
    with client(module, lambda _: pieces(module, chunks)) as http, http.stream("POST", url, json=body or ASK) as answer:
        assert b"".join(answer.iter_bytes()) == b"".join(chunks)
    return dict(world.spans[-1].attributes or {})


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("chunks", [STREAM, [*STREAM, EVENTS[1], EVENTS[3]]], ids=["cut", "without usage"])
def test_a_stream_without_usage_is_estimated_by_its_text(world: World, module: ModuleType, chunks: list[bytes]) -> None:
    """Output by what was streamed, input by the size of the request, each four characters a token; never kept."""
    told = ask(world, module, chunks)
    assert (told["llm.cost_status"], told["llm.cost_reason"]) == ("estimated", "usage_from_text")
    assert (told["llm.estimate"], told["llm.capture"]) == ("usage_from_text", "no_usage")
    assert told["llm.output_tokens"] == 12 * len(SAID) / 4
    assert len(PROMPT) / 4 <= told["llm.input_tokens"] <= len(PROMPT) / 4 + 30
    assert told["llm.request_cost_usd"] == pytest.approx(
        told["llm.input_tokens"] * 0.15e-6 + told["llm.output_tokens"] * 0.6e-6, rel=1e-12
    )
    assert world.capture.stats["estimated"] == 1
    assert "planted" not in world.spans[-1].to_json()


def test_input_that_the_provider_told_stands(world: World) -> None:
    """Anthropic tells the input first: only the output of a cut stream is estimated, 3.5 characters a token."""
    told = ask(world, MODULES[0], [START, *[DELTA] * 7], ANTHROPIC)
    assert (told["llm.cost_status"], told["llm.cost_reason"]) == ("estimated", "output_from_text")
    assert (told["llm.input_tokens"], told["llm.output_tokens"]) == (1000, 24)


def test_a_whole_stream_is_no_estimate(world: World) -> None:
    """What the provider told is taken as it is."""
    told = ask(world, MODULES[0], EVENTS)
    assert (told["llm.cost_status"], told["llm.output_tokens"]) == ("priced", 10)
    assert "llm.estimate" not in told


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
        [{"type": "text", "text": "A9+/" * 300}],
        [{"type": "file", "file": {"file_id": "file-1"}}],
    ],
    ids=["picture", "data as text", "file"],
)
def test_a_request_whose_size_tells_nothing_is_not_estimated(world: World, content: Any) -> None:
    """Input that is no text in the request leaves the call unpriced, with the reason."""
    told = ask(world, MODULES[0], STREAM, model="gpt-4o-mini", messages=[{"role": "user", "content": content}])
    assert (told["llm.cost_status"], told["llm.cost_reason"]) == ("unpriced", "no_usage")
    assert "llm.request_cost_usd" not in told


def test_other_writing_takes_more_tokens(world: World) -> None:
    """Text that is not ASCII has fewer characters a token, escaped in the request or not."""
    said = [event(choices=[{"index": 0, "delta": {"content": "包裹在哪里"}}])]
    plain = ask(world, MODULES[0], said, model="gpt-4o-mini", messages=[{"role": "user", "content": "包裹" * 500}])
    assert plain["llm.output_tokens"] == 3
    assert 600 <= plain["llm.input_tokens"] <= 625


@pytest.mark.parametrize("module", MODULES)
def test_a_refused_stream_is_not_estimated(world: World, module: ModuleType) -> None:
    """An error costs nothing, and a guess would make it cost something."""
    with client(module, lambda _: module.Response(500, json={"error": {"message": "no"}})) as http:
        http.post(URL, json=ASK)
    assert "llm.estimate" not in world.only


def test_nothing_is_estimated_by_default() -> None:
    """Without the option a cut stream is unpriced."""
    world = World()
    try:
        told = ask(world, MODULES[0], STREAM)
    finally:
        world.capture.uninstrument()
    assert (told["llm.cost_status"], told["llm.cost_reason"]) == ("unpriced", "no_usage")
    assert "llm.estimate" not in told
