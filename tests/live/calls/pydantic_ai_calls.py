# SPDX-License-Identifier: Apache-2.0
"""What a program does with Pydantic AI; one function a way of calling, named in matrix.json."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_ai import Agent, Embedder
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall

KEY = "not-a-key"
ASK = "Where is my order?"
LONG = "You help the customers of a small shop. " * 200


def find_order(number: int) -> str:
    """Return the state of an order."""
    return f"order {number} was sent"


def openai_provider(server: ProviderServer) -> OpenAIProvider:
    return OpenAIProvider(base_url=f"{server.url}/v1", api_key=KEY)


def openai_agent(server: ProviderServer, model: str = "gpt-5-mini", **options: Any) -> Agent[None, str]:
    return Agent(OpenAIChatModel(model, provider=openai_provider(server)), **options)


def anthropic_agent(server: ProviderServer, **options: Any) -> Agent[None, str]:
    provider = AnthropicProvider(base_url=server.url, api_key=KEY)
    return Agent(AnthropicModel("claude-haiku-4-5", provider=provider), **options)


def calls_a_tool(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("find_order", {"number": 7}),))])


async def openai_run(server: ProviderServer) -> None:
    await openai_agent(server).run(ASK)


async def openai_run_twice(server: ProviderServer) -> None:
    await asyncio.gather(openai_agent(server).run(ASK), openai_agent(server).run(ASK))


async def openai_stream(server: ProviderServer) -> None:
    async with openai_agent(server, "gpt-4o-mini").run_stream(ASK) as streamed:
        async for _ in streamed.stream_text():
            pass


async def openai_tools(server: ProviderServer) -> None:
    calls_a_tool(server)
    await openai_agent(server, "gpt-4.1-mini", tools=[find_order]).run(ASK)


async def openai_cached(server: ProviderServer) -> None:
    for _ in range(2):
        await openai_agent(server, instructions=LONG).run(ASK)


async def openai_responses(server: ProviderServer) -> None:
    await Agent(OpenAIResponsesModel("gpt-5-mini", provider=openai_provider(server))).run(ASK)


async def openai_embeddings(server: ProviderServer) -> None:
    model = OpenAIEmbeddingModel("text-embedding-3-small", provider=openai_provider(server))
    await Embedder(model).embed_query("an order")


async def anthropic_run(server: ProviderServer) -> None:
    await anthropic_agent(server).run(ASK)


async def anthropic_stream(server: ProviderServer) -> None:
    async with anthropic_agent(server).run_stream(ASK) as streamed:
        async for _ in streamed.stream_text():
            pass


async def anthropic_tools(server: ProviderServer) -> None:
    calls_a_tool(server)
    await anthropic_agent(server, tools=[find_order]).run(ASK)


async def anthropic_cached(server: ProviderServer) -> None:
    settings = AnthropicModelSettings(anthropic_cache_instructions=True)
    for _ in range(2):
        await anthropic_agent(server, instructions=LONG, model_settings=settings).run(ASK)


async def anthropic_cached_1h(server: ProviderServer) -> None:
    settings = AnthropicModelSettings(anthropic_cache_instructions="1h")
    for _ in range(2):
        await anthropic_agent(server, instructions=LONG, model_settings=settings).run(ASK)


async def agent_in_a_tool(server: ProviderServer) -> None:
    """An agent asks another, of another provider."""
    inner = anthropic_agent(server)

    async def ask_expert(question: str) -> str:
        """Ask somebody who knows."""
        return str((await inner.run(question)).output)

    once = Reply(when={"provider": "openai"}, tool_calls=(ToolCall("ask_expert", {"question": ASK}),))
    server.scenario = Scenario([once])
    await openai_agent(server, tools=[ask_expert]).run(ASK)
