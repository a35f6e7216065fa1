# SPDX-License-Identifier: Apache-2.0
"""Real clients under a budget: a refused call sends no byte, is raised once, and the next window lets it pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spancost
from spancost.capture.instrumentor import CaptureInstrumentor
from spancost.control.budgets import setup
from spancost.control.budgets.admission import BudgetAdmission
from spancost.control.budgets.exceeded import BudgetExceeded
from spancost.control.guards import Guards
from spancost.core.budget.limit import Limit
from spancost.core.budget.windows import LIFETIME, Window
from spancost.core.money import FEMTO_PER_USD
from spancost.testing.provider_server import ProviderServer

ASK: list[Any] = [{"role": "user", "content": "Where is my parcel?"}]
KEY = "not-a-key"
pytestmark = pytest.mark.filterwarnings("ignore")


class World:
    """A provider, capture with guards of its own, and the spans."""

    def __init__(self) -> None:
        self.server = ProviderServer()
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.provider.add_span_processor(spancost.LLMCostProcessor())
        self.guards = Guards()
        self.capture = CaptureInstrumentor()
        self.provides("openai")

    def provides(self, name: str) -> None:
        """Have the server's host stand for the provider *name*."""
        self.capture.uninstrument()
        providers = {f"127.0.0.1:{self.server.port}": name}
        self.capture.instrument(tracer_provider=self.provider, guards=self.guards, providers=providers)

    def limit(self, usd: float, **options: Any) -> BudgetAdmission:
        """Put one budget in force for all calls."""
        made = setup.admission(
            [Limit("all", round(usd * FEMTO_PER_USD), options.pop("window", Window(LIFETIME)), **options)]
        )
        setup.put_in_force(made, self.guards)
        return made

    def spans(self) -> list[dict[str, Any]]:
        """Return the attributes of the spans that ended."""
        return [dict(span.attributes or {}) for span in self.exporter.get_finished_spans()]

    def cost_femto(self) -> int:
        """Return what the spans cost."""
        return round(sum(each.get("llm.request_cost_usd", 0) for each in self.spans()) * FEMTO_PER_USD)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World()
    call = request.node.callspec.params.get("call")
    made.provides("anthropic" if call is not None and "anthropic" in call.__name__ else "openai")
    yield made
    made.capture.uninstrument()
    made.server.close()


def openai_sync(server: ProviderServer) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key=KEY, base_url=server.url_for("api.openai.com") + "/v1")
    client.chat.completions.create(model="gpt-4o-mini", messages=ASK, max_tokens=100)


def openai_async(server: ProviderServer) -> None:
    openai = pytest.importorskip("openai")

    async def ask() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url_for("api.openai.com") + "/v1") as client:
            await client.chat.completions.create(model="gpt-4o-mini", messages=ASK, max_tokens=100)

    asyncio.run(ask())


def anthropic_sync(server: ProviderServer) -> None:
    anthropic = pytest.importorskip("anthropic")
    client = anthropic.Anthropic(api_key=KEY, base_url=server.url_for("api.anthropic.com"))
    client.messages.create(model="claude-sonnet-4-5", max_tokens=64, messages=ASK)


def anthropic_async(server: ProviderServer) -> None:
    anthropic = pytest.importorskip("anthropic")

    async def ask() -> None:
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=server.url_for("api.anthropic.com")) as client:
            await client.messages.create(model="claude-sonnet-4-5", max_tokens=64, messages=ASK)

    asyncio.run(ask())


def openai_stream(server: ProviderServer) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key=KEY, base_url=server.url_for("api.openai.com") + "/v1")
    stream = client.chat.completions.create(
        model="gpt-4o-mini", messages=ASK, max_tokens=100, stream=True, stream_options={"include_usage": True}
    )
    list(stream)


def anthropic_stream(server: ProviderServer) -> None:
    anthropic = pytest.importorskip("anthropic")
    client = anthropic.Anthropic(api_key=KEY, base_url=server.url_for("api.anthropic.com"))
    with client.messages.stream(model="claude-sonnet-4-5", max_tokens=64, messages=ASK) as stream:
        list(stream)


CALLS = [openai_sync, openai_async, openai_stream, anthropic_sync, anthropic_async, anthropic_stream]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_a_refused_call_sends_nothing_and_is_raised_once(world: World, call: Callable[[ProviderServer], None]) -> None:
    """The client's own retries do not repeat it, and its exception is the budget's."""
    made = world.limit(0.0000001)
    with pytest.raises(BudgetExceeded) as raised:
        call(world.server)
    assert world.server.exchanges == []
    assert made.budgets.counts["refused"] == 1 and not raised.value.is_retryable
    (said,) = world.spans()
    assert said["llm.budget.id"] == "all" and said["llm.budget.limit_usd"] == 0.0000001
    assert "llm.cost_status" not in said


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_an_admitted_call_settles_at_the_cost_on_its_span(world: World, call: Callable[[ProviderServer], None]) -> None:
    """What is reserved is gone afterwards."""
    made = world.limit(1)
    call(world.server)
    (balance,) = made.budgets.store.balances()
    assert balance.reserved == 0
    assert balance.settled == world.cost_femto() > 0
