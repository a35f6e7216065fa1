# SPDX-License-Identifier: Apache-2.0
"""What a program does with LlamaIndex; one function a way of calling, named in matrix.json."""

from __future__ import annotations

from typing import Any

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import ChatMessage
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.openai import OpenAI, OpenAIResponses

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall

KEY = "not-a-key"
ASK = "Where is my order?"
SAY = [ChatMessage(role="user", content=ASK)]
LONG = "You help the customers of a small shop. " * 200


def openai_model(server: ProviderServer, model: str = "gpt-4o-mini", **options: Any) -> Any:
    return OpenAI(model=model, api_key=KEY, api_base=f"{server.url}/v1", max_retries=0, **options)


def anthropic_model(server: ProviderServer) -> Any:
    return Anthropic(model="claude-haiku-4-5", api_key=KEY, base_url=server.url, max_retries=0)


def find_order(number: int) -> str:
    """Return the state of an order."""
    return f"order {number} was sent"


def calls_a_tool(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("find_order", {"number": 7}),))])


def openai_chat(server: ProviderServer) -> None:
    openai_model(server).chat(SAY)


async def openai_achat(server: ProviderServer) -> None:
    await openai_model(server).achat(SAY)


def openai_complete(server: ProviderServer) -> None:
    openai_model(server).complete(ASK)


def openai_stream(server: ProviderServer) -> None:
    options = {"stream_options": {"include_usage": True}}
    for _ in openai_model(server, additional_kwargs=options).stream_chat(SAY):
        pass


def openai_stream_silent(server: ProviderServer) -> None:
    for _ in openai_model(server).stream_chat(SAY):
        pass


def openai_cached(server: ProviderServer) -> None:
    for _ in range(2):
        openai_model(server, "gpt-5-mini").chat([ChatMessage(role="system", content=LONG), *SAY])


def openai_responses(server: ProviderServer) -> None:
    OpenAIResponses(model="gpt-5-mini", api_key=KEY, api_base=f"{server.url}/v1").chat(SAY)


def openai_query(server: ProviderServer) -> None:
    documents = [Document(text="Orders are sent on the day after they were made.")]
    index = VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=8))
    index.as_query_engine(llm=openai_model(server)).query(ASK)


async def openai_agent(server: ProviderServer) -> None:
    calls_a_tool(server)
    await FunctionAgent(tools=[find_order], llm=openai_model(server, "gpt-4.1-mini"), streaming=False).run(ASK)


def anthropic_chat(server: ProviderServer) -> None:
    anthropic_model(server).chat(SAY)


def anthropic_stream(server: ProviderServer) -> None:
    for _ in anthropic_model(server).stream_chat(SAY):
        pass


async def anthropic_agent(server: ProviderServer) -> None:
    calls_a_tool(server)
    await FunctionAgent(tools=[find_order], llm=anthropic_model(server), streaming=False).run(ASK)
