# SPDX-License-Identifier: Apache-2.0
"""What a program does with the google-genai client; one function a way of calling, named in matrix.json."""

from __future__ import annotations

import asyncio
from typing import Any

from google import genai
from google.genai import types

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall

MODEL = "gemini-2.5-flash"
ASK = "Where is my order?"
LONG = "You help the customers of a small shop. " * 200


def client(server: ProviderServer) -> Any:
    """Return a client; it closes its connections when nothing holds it any more."""
    return genai.Client(api_key="not-a-key", http_options=types.HttpOptions(base_url=server.url))


def find_order(number: int) -> str:
    """Return the state of an order."""
    return f"order {number} was sent"


def generate(server: ProviderServer) -> None:
    made = client(server)
    made.models.generate_content(model=MODEL, contents=ASK)


async def generate_async(server: ProviderServer) -> None:
    made = client(server)
    await made.aio.models.generate_content(model=MODEL, contents=ASK)


def stream(server: ProviderServer) -> None:
    made = client(server)
    for _ in made.models.generate_content_stream(model=MODEL, contents=ASK):
        pass


async def stream_async(server: ProviderServer) -> None:
    made = client(server)
    async for _ in await made.aio.models.generate_content_stream(model=MODEL, contents=ASK):
        pass


def cached(server: ProviderServer) -> None:
    made = client(server)
    for _ in range(2):
        made.models.generate_content(
            model=MODEL, contents=ASK, config=types.GenerateContentConfig(system_instruction=LONG)
        )


def tools(server: ProviderServer) -> None:
    """The client calls the function itself and asks again."""
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("find_order", {"number": 7}),))])
    config = types.GenerateContentConfig(tools=[find_order])
    made = client(server)
    made.models.generate_content(model=MODEL, contents=ASK, config=config)


def chat(server: ProviderServer) -> None:
    made = client(server)
    conversation = made.chats.create(model="gemini-2.5-pro")
    conversation.send_message(ASK)
    conversation.send_message("And the other one?")


async def parallel(server: ProviderServer) -> None:
    made = client(server)
    await asyncio.gather(*[made.aio.models.generate_content(model=MODEL, contents=ASK) for _ in range(3)])


def web_search(server: ProviderServer) -> None:
    config = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
    made = client(server)
    made.models.generate_content(model=MODEL, contents=ASK, config=config)


def failed(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(status=500, error="boom")])
    made = client(server)
    try:
        made.models.generate_content(model=MODEL, contents=ASK)
    except genai.errors.ServerError:
        return
    raise AssertionError("the server answered 500 and the client did not say so")
