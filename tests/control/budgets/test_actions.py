# SPDX-License-Identifier: Apache-2.0
"""At a limit, a request may get another model or a smaller bound, and a stream may be cut; the span says so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import spancost
from spancost.control.budgets import actions
from spancost.control.budgets.exceeded import BudgetExceeded
from spancost.control.guards import Change
from spancost.testing.reply import Reply, Scenario
from tests.control.budgets.test_clients import ASK, KEY, World

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.capture.uninstrument()
    made.server.close()


def client(world: World) -> Any:
    openai = pytest.importorskip("openai")
    return openai.OpenAI(api_key=KEY, base_url=world.server.url_for("api.openai.com") + "/v1", max_retries=2)


def test_a_call_gets_another_model_and_a_smaller_bound(world: World) -> None:
    """The provider is asked for the other model; the span names both."""
    world.limit(0.001, degrade=("gpt-4o-mini", 20))
    answer = client(world).chat.completions.create(model="gpt-4o", messages=ASK, max_tokens=1_000)
    assert answer.model.startswith("gpt-4o-mini")
    (said,) = world.spans()
    assert said["llm.budget.action"] == "changed" and said["llm.budget.requested_model"] == "gpt-4o"
    assert said["llm.budget.output_bound"] == 20 and said["llm.model"].startswith("gpt-4o-mini")
    (charge,) = world.server.bill.charges
    assert charge.model.startswith("gpt-4o-mini") and charge.usage.output_tokens <= 20


def test_a_registered_action_decides(world: World) -> None:
    """It sees the request and the refusal; None refuses the call."""
    seen: list[Any] = []

    def cheaper(act: Any) -> Change | None:
        seen.append((act.request.model, act.refused.budget))
        return Change(model="gpt-4o-mini", output_bound=10) if act.request.model == "gpt-4o" else None

    spancost.register_budget_action("cheaper", cheaper)
    try:
        world.limit(0.001, at_limit="cheaper")
        client(world).chat.completions.create(model="gpt-4o", messages=ASK, max_tokens=1_000)
        with pytest.raises(BudgetExceeded):
            client(world).chat.completions.create(model="gpt-4.1", messages=ASK, max_tokens=1_000)
    finally:
        actions.PROCESS.forget("cheaper")
    assert seen == [("gpt-4o", "all"), ("gpt-4.1", "all")] and len(world.server.exchanges) == 1


def test_a_changed_call_that_still_does_not_fit_is_refused(world: World) -> None:
    """Once, and nothing is sent."""
    world.limit(0.0000001, degrade=("gpt-4o-mini", 20))
    with pytest.raises(BudgetExceeded):
        client(world).chat.completions.create(model="gpt-4o", messages=ASK, max_tokens=1_000)
    assert world.server.exchanges == []


LONG = "word " * 4_000


@pytest.mark.parametrize("is_async", [False, True])
def test_a_stream_is_cut_at_the_limit(world: World, is_async: bool) -> None:
    """A call that may cross is closed where its cost reaches the limit, and settles at what was streamed."""
    world.server.scenario = Scenario([Reply(text=LONG)])
    made = world.limit(0.0005, may_cross=True, cut_at_limit=True)
    options: Any = {"model": "gpt-4o-mini", "messages": ASK, "stream": True}

    async def read() -> None:
        openai = pytest.importorskip("openai")
        base = world.server.url_for("api.openai.com") + "/v1"
        async with openai.AsyncOpenAI(api_key=KEY, base_url=base) as asking:
            async for _ in await asking.chat.completions.create(**options):
                pass

    with pytest.raises(BudgetExceeded):
        if is_async:
            asyncio.run(read())
        else:
            for _ in client(world).chat.completions.create(**options):
                pass
    (said,) = world.spans()
    assert said["llm.budget.action"] == "cut" and said["llm.cost_status"] == "estimated"
    (balance,) = made.budgets.store.balances()
    assert balance.reserved == 0 and balance.settled == world.cost_femto()
    assert 0.0005 * 0.9 <= balance.settled / 10**15 <= 0.0005 * 1.2
    assert made.budgets.counts["cut"] == 1


def test_a_stream_within_its_budget_is_not_cut(world: World) -> None:
    """It reserves more where its output exceeds what was assumed, and gives it back."""
    world.server.scenario = Scenario([Reply(text=LONG)])
    made = world.limit(1, cut_at_limit=True, assumed_output=100)
    for _ in client(world).chat.completions.create(
        model="gpt-4o-mini", messages=ASK, stream=True, stream_options={"include_usage": True}
    ):
        pass
    (balance,) = made.budgets.store.balances()
    assert (balance.reserved, balance.settled) == (0, world.cost_femto())
