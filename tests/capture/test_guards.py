# SPDX-License-Identifier: Apache-2.0
"""Guards are called whatever the others do, and after a call with the cost that is on its span."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from spancost.capture import CallRequest, CallResult, CallStopped
from spancost.capture.instrumentor import CaptureInstrumentor
from spancost.control.guards import PROCESS, Guards
from tests.capture.world import ANSWER, ASK, COST, MODULES, URL, World, client

OPENROUTER = "https://openrouter.ai/api/v1/chat/completions"
BILLED = {
    **ANSWER,
    "id": "gen-1",
    "provider": "OpenAI",
    "model": "openai/gpt-4o-mini",
    "usage": {**ANSWER["usage"], "cost": 0.0123},
}
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}


class Heard:
    """Guards that keep what they are called with."""

    def __init__(self) -> None:
        self.results: list[CallResult] = []
        self.remove = PROCESS.after_call(self.results.append)

    def costs(self) -> list[tuple[str, float | None]]:
        records = [result.record for result in self.results]
        return [
            (record.status, None if record.cost_femto is None else record.cost_femto / 10**15)
            for record in records
            if record is not None
        ]


@pytest.fixture
def heard() -> Any:
    made = Heard()
    yield made
    made.remove()


def on_spans(world: World) -> list[tuple[Any, Any]]:
    all_attributes = [dict(span.attributes or {}) for span in world.spans]
    return [(said["llm.cost_status"], said.get("llm.request_cost_usd")) for said in all_attributes]


def test_a_guard_that_removes_itself_skips_no_other() -> None:
    """All of them do so."""
    guards = Guards()
    called: list[int] = []
    removals: dict[int, Any] = {}

    def once(number: int) -> Any:
        def guard(_: CallRequest) -> None:
            called.append(number)
            removals[number]()

        return guard

    for number in range(3):
        removals[number] = guards.before_call(once(number))
    for (guard,) in guards.before:
        guard(CallRequest(None, None, None, "host"))
    assert called == [0, 1, 2]
    assert guards.before == ()


def test_a_budget_guard_after_one_that_removes_itself_still_stops_the_call(world: World) -> None:
    """The request is not sent."""
    sent: list[Any] = []

    def over_budget(_: CallRequest) -> None:
        raise CallStopped

    def answer(request: Any) -> Any:
        sent.append(request)
        return httpx2.Response(200, json=ANSWER)

    remove_once = PROCESS.before_call(lambda _: remove_once())
    remove = PROCESS.before_call(over_budget)
    try:
        with client(httpx2, answer) as http, pytest.raises(CallStopped):
            http.post(URL, json=ASK)
    finally:
        remove()
    assert sent == []


@pytest.mark.parametrize("module", MODULES)
def test_a_guard_is_told_the_cost_that_is_on_the_span(world: World, heard: Heard, module: ModuleType) -> None:
    """Also where the provider says what it billed, and where usage is missing."""
    no_usage = {key: value for key, value in ANSWER.items() if key != "usage"}
    answers = iter([BILLED, {**ANSWER, "id": "a"}, {**no_usage, "id": "b"}])
    with client(module, lambda _: module.Response(200, json=next(answers))) as http:
        http.post(OPENROUTER, json={**ASK, "model": "openai/gpt-4o-mini"})
        http.post(URL, json=ASK)
        http.post(URL, json=ASK)
    assert heard.costs() == on_spans(world)
    assert heard.costs()[0] == ("priced", 0.0123)


def test_a_guard_is_told_what_an_enriched_span_gets(world: World, heard: Heard) -> None:
    """When that span ends: its own instrumentation may still add to it."""
    tracer = world.provider.get_tracer("some.instrumentation")
    with client(httpx2, lambda _: httpx2.Response(200, json=ANSWER)) as http:
        with tracer.start_as_current_span("chat", attributes=CHAT):
            http.post(URL, json=ASK)
            assert heard.results == []
        assert len(heard.results) == 1
    assert heard.costs() == on_spans(world) == [("priced", pytest.approx(COST))]


def test_a_call_that_is_not_counted_has_no_record(world: World, heard: Heard) -> None:
    """A guard that reserved money for it hears that nothing was spent."""
    with client(httpx2, lambda _: httpx2.Response(429)) as http:
        http.post(URL, json=ASK)
    assert [(result.record, result.cost) for result in heard.results] == [(None, None)]
    assert heard.results[0].request.host == "api.openai.com"


@pytest.mark.parametrize("sampler", [None, ALWAYS_OFF])
def test_without_a_processor_the_record_is_made_by_the_same_ledger(heard: Heard, sampler: Any) -> None:
    """Sampled or not."""
    instrumentor = CaptureInstrumentor()
    instrumentor.instrument(tracer_provider=TracerProvider(sampler=sampler, shutdown_on_exit=False))
    try:
        with client(httpx2, lambda _: httpx2.Response(200, json=ANSWER)) as http:
            http.post(URL, json=ASK)
    finally:
        instrumentor.uninstrument()
    assert heard.costs() == [("priced", pytest.approx(COST))]
    record = heard.results[0].record
    assert record is not None and record.usage["input_tokens"] == 1000
    assert heard.results[0].cost == record.cost and record.cost.femto == record.cost_femto


def test_guards_of_its_own(world: World) -> None:
    """What is registered for one capture is not called for another."""
    world.capture.uninstrument()
    guards, results = Guards(), list[CallResult]()
    guards.after_call(results.append)
    instrumentor = CaptureInstrumentor()
    instrumentor.instrument(tracer_provider=world.provider, guards=guards)
    with client(httpx2, lambda _: httpx2.Response(200, json=ANSWER)) as http:
        http.post(URL, json=ASK)
    assert len(results) == 1
