# SPDX-License-Identifier: Apache-2.0
"""Budgets through the hook points of frameworks: a refused call sends nothing, an admitted one settles at its usage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

import spancost
from spancost.control.guards import PROCESS
from spancost.testing.provider_server import ProviderServer

KEY = "not-a-key"
MODEL = "gpt-4o-mini"
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with ProviderServer() as made:
        yield made
    PROCESS.admission = None


def base_of(server: ProviderServer) -> str:
    return server.url_for("api.openai.com") + "/v1"


def langchain(server: ProviderServer) -> None:
    langchain_openai = pytest.importorskip("langchain_openai")
    from spancost.control.hooks.langchain import BudgetCallback

    model = langchain_openai.ChatOpenAI(model=MODEL, api_key=KEY, base_url=base_of(server), max_tokens=50)
    model.invoke("Where is my parcel?", config={"callbacks": [BudgetCallback()]})


def langchain_async(server: ProviderServer) -> None:
    langchain_openai = pytest.importorskip("langchain_openai")
    from spancost.control.hooks.langchain import BudgetCallback

    model = langchain_openai.ChatOpenAI(model=MODEL, api_key=KEY, base_url=base_of(server), max_tokens=50)
    asyncio.run(model.ainvoke("Where is my parcel?", config={"callbacks": [BudgetCallback()]}))


def pydantic_ai(server: ProviderServer) -> None:
    pytest.importorskip("pydantic_ai")
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    from spancost.control.hooks.pydantic_ai import BudgetModel

    inner = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=base_of(server), api_key=KEY))
    Agent(BudgetModel(inner), model_settings={"max_tokens": 50}).run_sync("Where is my parcel?")


def pydantic_ai_stream(server: ProviderServer) -> None:
    pytest.importorskip("pydantic_ai")
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    from spancost.control.hooks.pydantic_ai import BudgetModel

    async def read() -> None:
        inner = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=base_of(server), api_key=KEY))
        async with Agent(BudgetModel(inner)).run_stream("Where is my parcel?") as result:
            async for _ in result.stream_text():
                pass

    asyncio.run(read())


def openai_agents(server: ProviderServer) -> None:
    agents = pytest.importorskip("agents")
    from openai import AsyncOpenAI

    from spancost.control.hooks.openai_agents import BudgetHooks

    agents.set_tracing_disabled(True)
    model = agents.OpenAIChatCompletionsModel(MODEL, AsyncOpenAI(base_url=base_of(server), api_key=KEY))
    asyncio.run(agents.Runner.run(agents.Agent(name="a", model=model), "Where is my parcel?", hooks=BudgetHooks()))


CALLS = [langchain, langchain_async, pydantic_ai, pydantic_ai_stream, openai_agents]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_a_refused_call_sends_nothing(server: ProviderServer, call: Callable[[ProviderServer], None]) -> None:
    made = spancost.enforce_budgets(["total:0.0000001"])
    with pytest.raises(spancost.BudgetExceeded):
        call(server)
    assert server.exchanges == [] and made.budgets.counts["refused"] == 1


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_an_admitted_call_settles_at_what_was_billed(
    server: ProviderServer, call: Callable[[ProviderServer], None]
) -> None:
    spancost.enforce_budgets(["total:1"])
    call(server)
    (status,) = spancost.budget_status()
    (charge,) = server.bill.charges
    assert status.reserved_usd == 0 and status.settled_usd == charge.usd


def test_the_proxy_is_told_of_a_refused_call(server: ProviderServer) -> None:
    """LiteLLM's hooks, called as its proxy calls them."""
    pytest.importorskip("litellm")
    fastapi = pytest.importorskip("fastapi")
    from spancost.control.hooks.litellm import BudgetLogger

    logger = BudgetLogger()
    data: dict[str, Any] = {"model": f"openai/{MODEL}", "messages": [{"content": "hi"}], "litellm_call_id": "1"}
    spancost.enforce_budgets(["total:1"])
    assert asyncio.run(logger.async_pre_call_hook(None, None, data, "completion")) is data

    response = SimpleNamespace(usage={"prompt_tokens": 1000, "completion_tokens": 100})
    asyncio.run(logger.async_log_success_event({"litellm_call_id": "1"}, response, None, None))
    (status,) = spancost.budget_status()
    assert (status.settled_usd, status.reserved_usd) == (Decimal("0.00021"), 0)
    spancost.enforce_budgets(["total:0.0000001"])
    with pytest.raises(fastapi.HTTPException) as raised:
        asyncio.run(logger.async_pre_call_hook(None, None, data, "completion"))
    assert raised.value.status_code == 429 and raised.value.detail["type"] == "budget_exceeded"
