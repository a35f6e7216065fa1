# SPDX-License-Identifier: Apache-2.0
"""What a program does with the openai client; one function a way of calling, named in matrix.json."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from typing import Any

import openai

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall
from spancost.testing.clients import async_http_client, http_client

SAY = [{"role": "user", "content": "Where is my order?"}]
LONG = "You help the customers of a small shop. " * 200
TOOL = {"type": "function", "function": {"name": "find_order", "parameters": {"type": "object", "properties": {}}}}
KEY = "not-a-key"
_BASES = [base.__module__.partition(".")[0] for base in openai.DefaultHttpxClient.__mro__]
HTTP = import_module(next(name for name in _BASES if name.startswith("httpx")))
"""httpx2 since openai 3, httpx before."""


def client(server: ProviderServer) -> Any:
    return openai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0)


def async_client(server: ProviderServer) -> Any:
    return openai.AsyncOpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0)


def chat(server: ProviderServer) -> None:
    client(server).chat.completions.create(model="gpt-4o-mini", messages=SAY)


async def chat_async(server: ProviderServer) -> None:
    async with async_client(server) as made:
        await made.chat.completions.create(model="gpt-5-mini", messages=SAY)


def chat_stream(server: ProviderServer) -> None:
    options = {"include_usage": True}
    for _ in client(server).chat.completions.create(
        model="gpt-4o-mini", messages=SAY, stream=True, stream_options=options
    ):
        pass


async def chat_stream_async(server: ProviderServer) -> None:
    options = {"include_usage": True}
    async with async_client(server) as made:
        chunks = await made.chat.completions.create(
            model="gpt-5-mini", messages=SAY, stream=True, stream_options=options
        )
        async for _ in chunks:
            pass


def chat_stream_silent(server: ProviderServer) -> None:
    for _ in client(server).chat.completions.create(model="gpt-4o-mini", messages=SAY, stream=True):
        pass


def chat_stream_closed_early(server: ProviderServer) -> None:
    options = {"include_usage": True}
    chunks = client(server).chat.completions.create(
        model="gpt-4o-mini", messages=SAY, stream=True, stream_options=options
    )
    next(iter(chunks))
    chunks.close()


def chat_cached(server: ProviderServer) -> None:
    made = client(server)
    for _ in range(2):
        made.chat.completions.create(model="gpt-5-mini", messages=[{"role": "system", "content": LONG}, *SAY])


def chat_cache_write(server: ProviderServer) -> None:
    made = client(server)
    for _ in range(2):
        made.chat.completions.create(model="gpt-5.6-terra", messages=[{"role": "system", "content": LONG}, *SAY])


def chat_flex(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(service_tier="flex")])
    client(server).chat.completions.create(model="gpt-5-mini", messages=SAY, service_tier="flex")


def chat_tools(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("find_order", {"number": 7}),))])
    made = client(server)
    first = made.chat.completions.create(model="gpt-4.1-mini", messages=SAY, tools=[TOOL])
    asked = first.choices[0].message
    found = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": json.dumps({"state": "sent"})}
    made.chat.completions.create(model="gpt-4.1-mini", messages=[*SAY, asked.model_dump(), found], tools=[TOOL])


def chat_unknown_model(server: ProviderServer) -> None:
    client(server).chat.completions.create(model="shop-model-of-tomorrow", messages=SAY)


def chat_failed(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(status=500, error="boom")])
    try:
        client(server).chat.completions.create(model="gpt-4o-mini", messages=SAY)
    except openai.InternalServerError:
        return
    raise AssertionError("the server answered 500 and the client did not say so")


def chat_retried(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(status=429, retry_after=0.01, times=2)])
    made = openai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=3)
    made.chat.completions.create(model="gpt-4o-mini", messages=SAY)


def responses(server: ProviderServer) -> None:
    client(server).responses.create(model="gpt-5-mini", input="Where is my order?")


async def responses_async(server: ProviderServer) -> None:
    async with async_client(server) as made:
        await made.responses.create(model="gpt-5-mini", input="Where is my order?")


def responses_stream(server: ProviderServer) -> None:
    with client(server).responses.stream(model="gpt-5-mini", input="Where is my order?") as stream:
        stream.until_done()


async def responses_stream_async(server: ProviderServer) -> None:
    async with async_client(server) as made:
        async for _ in await made.responses.create(model="gpt-5-mini", input="Where is it?", stream=True):
            pass


def embeddings(server: ProviderServer) -> None:
    client(server).embeddings.create(model="text-embedding-3-small", input=["an order", "a refund"])


async def embeddings_parallel(server: ProviderServer) -> None:
    async with async_client(server) as made:
        ask = [made.embeddings.create(model="text-embedding-3-small", input=["an order"]) for _ in range(3)]
        await asyncio.gather(*ask)


def azure(server: ProviderServer) -> None:
    made = openai.AzureOpenAI(
        api_key=KEY,
        api_version="2024-10-21",
        azure_endpoint="https://shop.openai.azure.com",
        http_client=http_client(HTTP, server),
        max_retries=0,
    )
    made.chat.completions.create(model="support-mini", messages=SAY)


async def openrouter(server: ProviderServer) -> None:
    http = async_http_client(HTTP, server)
    async with openai.AsyncOpenAI(api_key=KEY, base_url="https://openrouter.ai/api/v1", http_client=http) as made:
        await made.chat.completions.create(model="openai/gpt-4o-mini", messages=SAY)


def groq(server: ProviderServer) -> None:
    http = http_client(HTTP, server)
    made = openai.OpenAI(api_key=KEY, base_url="https://api.groq.com/openai/v1", http_client=http)
    made.chat.completions.create(model="openai/gpt-oss-120b", messages=SAY)


def xai(server: ProviderServer) -> None:
    http = http_client(HTTP, server)
    made = openai.OpenAI(api_key=KEY, base_url="https://api.x.ai/v1", http_client=http)
    made.chat.completions.create(model="grok-4.6", messages=SAY)


def chat_stream_left(server: ProviderServer) -> None:
    for _ in client(server).chat.completions.create(model="gpt-5-mini", messages=SAY, stream=True):
        break


async def chat_cancelled(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(delay_seconds=0.4)])
    async with async_client(server) as made:
        task = asyncio.create_task(made.chat.completions.create(model="gpt-5-mini", messages=SAY))
        while not server.exchanges:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    while not server.bill.charges:
        await asyncio.sleep(0.01)


def chat_raw_stream(server: ProviderServer) -> None:
    options = {"model": "gpt-5-mini", "messages": SAY, "stream": True, "stream_options": {"include_usage": True}}
    with client(server).chat.completions.with_streaming_response.create(**options) as answer:
        for _ in answer.iter_lines():
            pass


def chat_during_stream(server: ProviderServer) -> None:
    made, options = client(server), {"include_usage": True}
    chunks = made.chat.completions.create(model="gpt-5-mini", messages=SAY, stream=True, stream_options=options)
    next(iter(chunks))
    made.chat.completions.create(model="gpt-4o-mini", messages=SAY)
    for _ in chunks:
        pass
