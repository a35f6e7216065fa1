# SPDX-License-Identifier: Apache-2.0
"""What a program does with the anthropic client; one function a way of calling, named in matrix.json."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall

MODEL = "claude-haiku-4-5"
SAY = [{"role": "user", "content": "Where is my order?"}]
LONG = "You help the customers of a small shop. " * 200
TOOL = {"name": "find_order", "input_schema": {"type": "object", "properties": {}}}
KEY = "not-a-key"
ASK = {"model": MODEL, "max_tokens": 99, "messages": SAY}


def client(server: ProviderServer) -> Any:
    return anthropic.Anthropic(api_key=KEY, base_url=server.url, max_retries=0)


def async_client(server: ProviderServer) -> Any:
    return anthropic.AsyncAnthropic(api_key=KEY, base_url=server.url, max_retries=0)


def marked(ttl: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": ttl}}]


def messages(server: ProviderServer) -> None:
    client(server).messages.create(model=MODEL, max_tokens=99, messages=SAY)


async def messages_async(server: ProviderServer) -> None:
    async with async_client(server) as made:
        await made.messages.create(model="claude-sonnet-5", max_tokens=99, messages=SAY)


def messages_stream(server: ProviderServer) -> None:
    with client(server).messages.stream(model=MODEL, max_tokens=99, messages=SAY) as stream:
        stream.get_final_message()


def messages_stream_raw(server: ProviderServer) -> None:
    for _ in client(server).messages.create(model=MODEL, max_tokens=99, messages=SAY, stream=True):
        pass


async def messages_stream_async(server: ProviderServer) -> None:
    async with (
        async_client(server) as made,
        made.messages.stream(model=MODEL, max_tokens=99, messages=SAY) as stream,
    ):
        await stream.get_final_message()


def messages_stream_closed_early(server: ProviderServer) -> None:
    chunks = client(server).messages.create(model=MODEL, max_tokens=99, messages=SAY, stream=True)
    next(iter(chunks))
    chunks.close()


def cached(server: ProviderServer) -> None:
    made = client(server)
    for _ in range(2):
        made.messages.create(model=MODEL, max_tokens=99, system=marked("5m"), messages=SAY)


def cached_1h(server: ProviderServer) -> None:
    made = client(server)
    for _ in range(2):
        made.messages.create(model=MODEL, max_tokens=99, system=marked("1h"), messages=SAY)


def cached_stream(server: ProviderServer) -> None:
    made = client(server)
    for _ in range(2):
        with made.messages.stream(model=MODEL, max_tokens=99, system=marked("5m"), messages=SAY) as stream:
            stream.get_final_message()


def thinking(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(thinking="The customer wants the state of an order, so look at it first.")])
    made = client(server)
    think = {"type": "enabled", "budget_tokens": 1024}
    made.messages.create(model="claude-opus-4-5", max_tokens=2048, messages=SAY, thinking=think)


def tools(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(text="Let me look.", tool_calls=(ToolCall("find_order", {"number": 7}),))])
    made = client(server)
    first = made.messages.create(model=MODEL, max_tokens=99, messages=SAY, tools=[TOOL])
    use = next(block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "sent"}
    asked = {"role": "assistant", "content": [block.model_dump() for block in first.content]}
    made.messages.create(
        model=MODEL, max_tokens=99, messages=[*SAY, asked, {"role": "user", "content": [result]}], tools=[TOOL]
    )


def web_search(server: ProviderServer) -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    client(server).messages.create(model=MODEL, max_tokens=99, messages=SAY, tools=[search])


def beta(server: ProviderServer) -> None:
    client(server).beta.messages.create(model=MODEL, max_tokens=99, messages=SAY, betas=["context-1m-2025-08-07"])


async def parallel(server: ProviderServer) -> None:
    async with async_client(server) as made:
        ask = [made.messages.create(model=MODEL, max_tokens=99, messages=SAY) for _ in range(3)]
        await asyncio.gather(*ask)


def failed(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(status=529, error="overloaded")])
    try:
        client(server).messages.create(model=MODEL, max_tokens=99, messages=SAY)
    except anthropic.APIStatusError:
        return
    raise AssertionError("the server answered 529 and the client did not say so")


def messages_stream_left(server: ProviderServer) -> None:
    for _ in client(server).messages.create(**ASK, stream=True):
        break


def during_stream(server: ProviderServer) -> None:
    made = client(server)
    events = made.messages.create(**ASK, stream=True)
    next(iter(events))
    made.messages.create(**{**ASK, "messages": [{"role": "user", "content": "What did it cost, and who paid for it?"}]})
    for _ in events:
        pass
