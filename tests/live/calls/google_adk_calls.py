# SPDX-License-Identifier: Apache-2.0
"""What a program does with Google's Agent Development Kit; one function a way of calling, named in matrix.json."""

from __future__ import annotations

import os
from typing import Any

from google.adk.agents import LlmAgent, SequentialAgent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.models import Gemini
from google.adk.runners import InMemoryRunner
from google.genai import types

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall

ASK = "Where is my order?"
LONG = "You help the customers of a small shop. " * 200
os.environ["GOOGLE_API_KEY"] = "not-a-key"


def find_order(number: int) -> str:
    """Return the state of an order."""
    return f"order {number} was sent"


def agent(server: ProviderServer, name: str = "shop", **options: Any) -> LlmAgent:
    return LlmAgent(name=name, model=Gemini(model="gemini-2.5-flash", base_url=server.url), **options)


async def ask(of: Any, times: int = 1, **options: Any) -> None:
    runner = InMemoryRunner(agent=of, app_name="shop")
    session = await runner.session_service.create_session(app_name="shop", user_id="u1")
    message = types.Content(role="user", parts=[types.Part(text=ASK)])
    for _ in range(times):
        async for _event in runner.run_async(user_id="u1", session_id=session.id, new_message=message, **options):
            pass


async def run(server: ProviderServer) -> None:
    await ask(agent(server))


async def streamed(server: ProviderServer) -> None:
    await ask(agent(server), run_config=RunConfig(streaming_mode=StreamingMode.SSE))


async def cached(server: ProviderServer) -> None:
    await ask(agent(server, instruction=LONG), times=2)


async def tools(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("find_order", {"number": 7}),))])
    await ask(agent(server, tools=[find_order]))


async def sequence(server: ProviderServer) -> None:
    """Two agents, one after the other."""
    await ask(SequentialAgent(name="both", sub_agents=[agent(server, "first"), agent(server, "second")]))
