# SPDX-License-Identifier: Apache-2.0
"""What a program does with LiteLLM; one function a way of calling, named in matrix.json.

LiteLLM reports from a thread after the call; a request that goes on for a moment is still open then, as is usual.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import litellm

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall

KEY = "not-a-key"
SAY = [{"role": "user", "content": "Where is my order?"}]
LONG = "You help the customers of a small shop. " * 200
MOMENT_SECONDS = 0.15
TOOL = {"type": "function", "function": {"name": "find_order", "parameters": {"type": "object", "properties": {}}}}


def ask(server: ProviderServer, model: str = "openai/gpt-4o-mini", **options: Any) -> Any:
    answer = litellm.completion(model=model, **{"messages": SAY, **where(server, model), **options})
    if options.get("stream"):
        for _ in answer:
            pass
    time.sleep(MOMENT_SECONDS)
    return answer


def where(server: ProviderServer, model: str) -> dict[str, str]:
    provider = model.partition("/")[0]
    base = {"openai": "/v1", "xai": "/api.x.ai/v1", "gemini": "/v1beta"}
    return {"api_key": KEY, "api_base": server.url + base.get(provider, "")}


def marked(ttl: str | None = None) -> list[dict[str, Any]]:
    mark = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}
    system = {"role": "system", "content": [{"type": "text", "text": LONG, "cache_control": mark}]}
    return [system, *SAY]


def openai(server: ProviderServer) -> None:
    ask(server)


async def openai_async(server: ProviderServer) -> None:
    await litellm.acompletion(model="openai/gpt-5-mini", messages=SAY, **where(server, "openai/"))
    await asyncio.sleep(MOMENT_SECONDS)


async def openai_parallel(server: ProviderServer) -> None:
    options = {"model": "openai/gpt-5-mini", "messages": SAY, **where(server, "openai/")}
    await asyncio.gather(*[litellm.acompletion(**options) for _ in range(3)])
    await asyncio.sleep(MOMENT_SECONDS)


def openai_stream(server: ProviderServer) -> None:
    ask(server, stream=True, stream_options={"include_usage": True})


def openai_stream_silent(server: ProviderServer) -> None:
    ask(server, stream=True)


def openai_cached(server: ProviderServer) -> None:
    for _ in range(2):
        ask(server, "openai/gpt-5-mini", messages=[{"role": "system", "content": LONG}, *SAY])


def openai_tools(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("find_order", {"number": 7}),))])
    asked = ask(server, tools=[TOOL]).choices[0].message
    found = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "sent"}
    ask(server, messages=[*SAY, asked.model_dump(), found], tools=[TOOL])


def openai_embeddings(server: ProviderServer) -> None:
    where_to = where(server, "openai/")
    litellm.embedding(model="openai/text-embedding-3-small", input=["an order", "a refund"], **where_to)
    time.sleep(MOMENT_SECONDS)


def openai_responses(server: ProviderServer) -> None:
    litellm.responses(model="openai/gpt-5-mini", input="Where is my order?", **where(server, "openai/"))
    time.sleep(MOMENT_SECONDS)


def anthropic(server: ProviderServer) -> None:
    ask(server, "anthropic/claude-haiku-4-5")


def anthropic_stream(server: ProviderServer) -> None:
    ask(server, "anthropic/claude-haiku-4-5", stream=True)


def anthropic_cached(server: ProviderServer) -> None:
    for _ in range(2):
        ask(server, "anthropic/claude-haiku-4-5", messages=marked())


def anthropic_cached_1h(server: ProviderServer) -> None:
    for _ in range(2):
        ask(server, "anthropic/claude-haiku-4-5", messages=marked("1h"))


def gemini(server: ProviderServer) -> None:
    ask(server, "gemini/gemini-2.5-flash")


def xai(server: ProviderServer) -> None:
    ask(server, "xai/grok-4.6")


def two_providers(server: ProviderServer) -> None:
    """A request that asks two providers, one after the other."""
    ask(server)
    ask(server, "anthropic/claude-haiku-4-5")
