# SPDX-License-Identifier: Apache-2.0
"""Frameworks on captured clients: a refused call sends nothing, is refused once, and is raised as it is."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import spancost
from spancost.capture.instrumentor import CaptureInstrumentor
from spancost.control.guards import PROCESS
from spancost.testing.provider_server import ProviderServer

KEY = "not-a-key"
ASK: list[Any] = [{"role": "user", "content": "hi"}]
MODEL = "gpt-4o-mini"
GEMINI = "generativelanguage.googleapis.com"
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with ProviderServer() as made:
        capture = CaptureInstrumentor()
        capture.instrument(providers={f"127.0.0.1:{made.port}": "openai"})
        yield made
        capture.uninstrument()
        PROCESS.admission = None
        # Clients leave connections and event loops open; their warnings belong here, not into some later test.
        gc.collect()


def litellm_sync(base: str) -> None:
    litellm = pytest.importorskip("litellm")
    litellm.completion(model=f"openai/{MODEL}", messages=ASK, api_base=base, api_key=KEY, num_retries=2)


def litellm_stream(base: str) -> None:
    litellm = pytest.importorskip("litellm")

    async def read() -> None:
        asked = {"model": f"openai/{MODEL}", "messages": ASK, "api_base": base, "api_key": KEY, "stream": True}
        async for _ in await litellm.acompletion(**asked):
            pass

    asyncio.run(read())


def litellm_responses(base: str) -> None:
    litellm = pytest.importorskip("litellm")
    litellm.responses(model=f"openai/{MODEL}", input="hi", api_base=base, api_key=KEY)


def litellm_router(base: str) -> None:
    litellm = pytest.importorskip("litellm")
    row = {"model_name": "m", "litellm_params": {"model": f"openai/{MODEL}", "api_base": base, "api_key": KEY}}
    asyncio.run(litellm.Router(model_list=[row], num_retries=2).acompletion(model="m", messages=ASK))


def langchain(base: str) -> None:
    langchain_openai = pytest.importorskip("langchain_openai")
    langchain_openai.ChatOpenAI(model=MODEL, api_key=KEY, base_url=base).invoke("hi")


def langchain_stream(base: str) -> None:
    langchain_openai = pytest.importorskip("langchain_openai")
    list(langchain_openai.ChatOpenAI(model=MODEL, api_key=KEY, base_url=base).stream("hi"))


def _graph(base: str) -> Any:
    pytest.importorskip("langgraph")
    from langchain_openai import ChatOpenAI
    from langgraph.graph import END, START, MessagesState, StateGraph

    model = ChatOpenAI(model=MODEL, api_key=KEY, base_url=base)  # type: ignore[arg-type]

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile()


def langgraph(base: str) -> None:
    _graph(base).invoke({"messages": ASK})


def langgraph_async(base: str) -> None:
    asyncio.run(_graph(base).ainvoke({"messages": ASK}))


def _genai(base: str) -> Any:
    genai = pytest.importorskip("google.genai")
    options = {"base_url": base.removesuffix("/v1").replace("api.openai.com", GEMINI)}
    return genai.Client(api_key=KEY, http_options=options)


def genai_sync(base: str) -> None:
    _genai(base).models.generate_content(model="gemini-2.5-flash", contents="hi")


def genai_async(base: str) -> None:
    asyncio.run(_genai(base).aio.models.generate_content(model="gemini-2.5-flash", contents="hi"))


def genai_stream(base: str) -> None:
    list(_genai(base).models.generate_content_stream(model="gemini-2.5-flash", contents="hi"))


def pydantic_ai(base: str) -> None:
    pytest.importorskip("pydantic_ai")
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=base, api_key=KEY))).run_sync("hi")


def openai_agents(base: str) -> None:
    agents = pytest.importorskip("agents")
    from openai import AsyncOpenAI

    agents.set_tracing_disabled(True)
    model = agents.OpenAIChatCompletionsModel(MODEL, AsyncOpenAI(base_url=base, api_key=KEY))
    asyncio.run(agents.Runner.run(agents.Agent(name="a", model=model), "hi"))


CALLS = [
    litellm_sync,
    litellm_stream,
    litellm_responses,
    litellm_router,
    langchain,
    langchain_stream,
    langgraph,
    langgraph_async,
    genai_sync,
    genai_async,
    genai_stream,
    pydantic_ai,
    openai_agents,
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_a_refusal_passes_through_a_framework(server: ProviderServer, call: Callable[[str], None]) -> None:
    made = spancost.enforce_budgets(["total:0.0000001"])
    with pytest.raises(spancost.BudgetExceeded):
        call(server.url_for("api.openai.com") + "/v1")
    assert server.exchanges == [] and made.budgets.counts["refused"] == 1
