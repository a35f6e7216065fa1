# SPDX-License-Identifier: Apache-2.0
"""What a program does with the OpenAI Agents SDK; one function a way of calling, named in matrix.json."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall

ASK = "Where is my order?"
LONG = "You help the customers of a small shop. " * 200


@function_tool
def find_order(number: int) -> str:
    """Return the state of an order."""
    return f"order {number} was sent"


def responses_model(server: ProviderServer, model: str = "gpt-5-mini") -> Any:
    client = openai.AsyncOpenAI(api_key="not-a-key", base_url=f"{server.url}/v1", max_retries=0)
    return OpenAIResponsesModel(model, openai_client=client)


def chat_model(server: ProviderServer) -> Any:
    client = openai.AsyncOpenAI(api_key="not-a-key", base_url=f"{server.url}/v1", max_retries=0)
    return OpenAIChatCompletionsModel("gpt-4.1-mini", openai_client=client)


def calls_a_tool(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("find_order", {"number": 7}),))])


async def run(server: ProviderServer) -> None:
    await Runner.run(Agent("shop", model=responses_model(server)), ASK)


async def run_twice(server: ProviderServer) -> None:
    agent = Agent("shop", model=responses_model(server))
    await asyncio.gather(Runner.run(agent, ASK), Runner.run(agent, ASK))


async def cached(server: ProviderServer) -> None:
    for _ in range(2):
        await Runner.run(Agent("shop", instructions=LONG, model=responses_model(server)), ASK)


async def tools(server: ProviderServer) -> None:
    calls_a_tool(server)
    await Runner.run(Agent("shop", model=responses_model(server), tools=[find_order]), ASK)


async def streamed(server: ProviderServer) -> None:
    async for _ in Runner.run_streamed(Agent("shop", model=responses_model(server)), ASK).stream_events():
        pass


async def chat_run(server: ProviderServer) -> None:
    await Runner.run(Agent("shop", model=chat_model(server)), ASK)


async def chat_tools(server: ProviderServer) -> None:
    calls_a_tool(server)
    await Runner.run(Agent("shop", model=chat_model(server), tools=[find_order]), ASK)


async def chat_streamed(server: ProviderServer) -> None:
    agent = Agent("shop", model=chat_model(server), model_settings=ModelSettings(include_usage=True))
    async for _ in Runner.run_streamed(agent, ASK).stream_events():
        pass


async def chat_streamed_silent(server: ProviderServer) -> None:
    async for _ in Runner.run_streamed(Agent("shop", model=chat_model(server)), ASK).stream_events():
        pass


async def handoff(server: ProviderServer) -> None:
    """A triage agent hands over to another."""
    expert = Agent("expert", model=responses_model(server, "gpt-5"))
    triage = Agent("triage", model=responses_model(server), handoffs=[expert])
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("transfer_to_expert", {}),))])
    await Runner.run(triage, ASK)


async def agent_as_tool(server: ProviderServer) -> None:
    """An agent asks another as a tool."""
    expert = Agent("expert", model=responses_model(server, "gpt-5"))
    tool = expert.as_tool("ask_expert", "Ask somebody who knows.")
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("ask_expert", {"input": ASK}),))])
    await Runner.run(Agent("shop", model=responses_model(server), tools=[tool]), ASK)
