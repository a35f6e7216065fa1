# SPDX-License-Identifier: Apache-2.0
"""What a program does with LangChain; one function a way of calling, named in matrix.json."""

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.caches import InMemoryCache
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall

KEY = "not-a-key"
PROMPT = ChatPromptTemplate.from_messages([("system", "You help the customers of a shop."), ("user", "{question}")])
ASK = {"question": "Where is my order?"}
LONG = "You help the customers of a small shop. " * 200


def openai_chain(server: ProviderServer) -> Any:
    return PROMPT | ChatOpenAI(model="gpt-4o-mini", api_key=KEY, base_url=f"{server.url}/v1", stream_usage=True)


def anthropic_chain(server: ProviderServer) -> Any:
    return PROMPT | ChatAnthropic(model="claude-haiku-4-5", api_key=KEY, base_url=server.url)


def openai_invoke(server: ProviderServer) -> None:
    openai_chain(server).invoke(ASK)


async def openai_ainvoke(server: ProviderServer) -> None:
    await openai_chain(server).ainvoke(ASK)


def openai_stream(server: ProviderServer) -> None:
    for _ in openai_chain(server).stream(ASK):
        pass


async def openai_astream(server: ProviderServer) -> None:
    async for _ in openai_chain(server).astream(ASK):
        pass


def openai_batch(server: ProviderServer) -> None:
    openai_chain(server).batch([ASK, ASK, ASK])


def openai_embeddings(server: ProviderServer) -> None:
    made = OpenAIEmbeddings(
        model="text-embedding-3-small", api_key=KEY, base_url=f"{server.url}/v1", check_embedding_ctx_length=False
    )
    made.embed_documents(["an order", "a refund"])


def anthropic_invoke(server: ProviderServer) -> None:
    anthropic_chain(server).invoke(ASK)


async def anthropic_ainvoke(server: ProviderServer) -> None:
    await anthropic_chain(server).ainvoke(ASK)


def anthropic_stream(server: ProviderServer) -> None:
    for _ in anthropic_chain(server).stream(ASK):
        pass


async def anthropic_astream(server: ProviderServer) -> None:
    async for _ in anthropic_chain(server).astream(ASK):
        pass


def anthropic_cached(server: ProviderServer) -> None:
    system = {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}
    model = ChatAnthropic(model="claude-haiku-4-5", api_key=KEY, base_url=server.url)
    for _ in range(2):
        model.invoke([("system", [system]), ("user", "Where is my order?")])


def find_order(number: int) -> str:
    """Return the state of an order."""
    return f"order {number} was sent"


def openai_agent(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("find_order", {"number": 7}),))])
    model = ChatOpenAI(model="gpt-4.1-mini", api_key=KEY, base_url=f"{server.url}/v1")
    create_agent(model, tools=[find_order]).invoke({"messages": [("user", "Where is order 7?")]})


def anthropic_agent(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("find_order", {"number": 7}),))])
    model = ChatAnthropic(model="claude-haiku-4-5", api_key=KEY, base_url=server.url)
    create_agent(model, tools=[find_order]).invoke({"messages": [("user", "Where is order 7?")]})


def openai_flex(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(service_tier="flex")])
    made = ChatOpenAI(model="gpt-5-mini", api_key=KEY, base_url=f"{server.url}/v1", service_tier="flex")
    (PROMPT | made).invoke(ASK)


def openai_stream_left(server: ProviderServer) -> None:
    for _ in openai_chain(server).stream(ASK):
        break


def openai_responses(server: ProviderServer) -> None:
    made = ChatOpenAI(model="gpt-5-mini", api_key=KEY, base_url=f"{server.url}/v1", use_responses_api=True)
    (PROMPT | made).invoke(ASK)


def openai_cache_hit(server: ProviderServer) -> None:
    """LangChain answers the second call itself."""
    made = ChatOpenAI(model="gpt-5-mini", api_key=KEY, base_url=f"{server.url}/v1", cache=InMemoryCache())
    for _ in range(2):
        (PROMPT | made).invoke(ASK)
