# SPDX-License-Identifier: Apache-2.0
"""Capture obeys the settings: of the environment under zero code, of `instrument()` before them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

import spancost
from spancost.capture import CallResult, after_call
from spancost.config.settings import warn_of_former_name
from spancost.core.money import usd_text
from tests.capture.world import ANSWER, ASK, COST, EVENTS, URL, World, client, pieces

HOUSE_URL = URL.replace("api.openai.com", "llm.internal:8443")


def asked_of(world: World) -> list[Any]:
    """Return what a stream asked for, with capture as it is set."""
    seen: list[Any] = []

    def answer(request: Any) -> Any:
        seen.append(json.loads(request.content).get("stream_options"))
        return pieces(httpx2, EVENTS)

    try:
        with client(httpx2, answer) as http:
            http.post(URL, json={**ASK, "stream": True})
    finally:
        world.capture.uninstrument()
    return seen


def test_the_environment_asks_for_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    """And an argument wins over it."""
    monkeypatch.setenv("SPANCOST_CAPTURE_INCLUDE_USAGE", "true")
    assert asked_of(World()) == [{"include_usage": True}]
    assert asked_of(World(include_usage=False)) == [None]


def test_the_environment_asks_for_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that told nothing is estimated, and says so."""
    monkeypatch.setenv("SPANCOST_CAPTURE_ESTIMATE_MISSING", "true")
    world = World()
    try:
        with client(httpx2, lambda _: pieces(httpx2, EVENTS[:2] + EVENTS[3:])) as http:
            http.post(URL, json={**ASK, "stream": True})
    finally:
        world.capture.uninstrument()
    assert world.only["llm.cost_status"] == "estimated"


def test_the_environment_names_the_provider_of_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host in the house answers with a model of OpenAI's."""
    monkeypatch.setenv("SPANCOST_CAPTURE_PROVIDERS", "LLM.internal:8443 = openai")
    world = World()
    try:
        with client(httpx2, lambda _: httpx2.Response(200, json=ANSWER)) as http:
            http.post(HOUSE_URL, json=ASK)
    finally:
        world.capture.uninstrument()
    assert (world.only["llm.provider"], world.only["llm.request_cost_usd"]) == ("openai", pytest.approx(COST))


def test_switched_off_nothing_is_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the environment or an object says so; the client is as it was."""
    original = httpx2.Client.send
    for options in ({}, {"settings": spancost.Settings(enabled=False)}):
        monkeypatch.setenv("SPANCOST_ENABLED", "true" if options else "false")
        world = World(**options)
        try:
            assert httpx2.Client.send is original
            with client(httpx2, lambda _: httpx2.Response(200, json=ANSWER)) as http:
                http.post(URL, json=ASK)
        finally:
            world.capture.uninstrument()
        assert not world.spans


def test_the_former_argument_names_the_provider_of_a_host(caplog: pytest.LogCaptureFixture) -> None:
    """`sellers` is `providers`, and is told."""
    warn_of_former_name.cache_clear()
    world = World(sellers={"LLM.internal:8443": "openai"})
    try:
        with client(httpx2, lambda _: httpx2.Response(200, json=ANSWER)) as http:
            http.post(HOUSE_URL, json=ASK)
    finally:
        world.capture.uninstrument()
    assert world.only["llm.request_cost_usd"] == pytest.approx(COST)
    assert "argument: sellers is now called argument: providers" in caplog.text


def test_an_object_of_settings_is_obeyed_beneath_the_arguments() -> None:
    """What is not given as an argument is as the object says."""
    settings = spancost.Settings(capture_providers=("llm.internal:8443=openai",), capture_include_usage=True)
    assert asked_of(World(settings=settings, estimate_missing=False)) == [{"include_usage": True}]


def test_a_wrong_argument_is_told_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """Text is read as in the environment; nothing raises."""
    assert asked_of(World(include_usage="no")) == [None]
    assert asked_of(World(include_usage="maybe", providers={"": "openai"})) == [None]
    assert "argument: capture_include_usage: found 'maybe'" in caplog.text
    assert "argument: capture_providers: found '=openai'" in caplog.text


def test_a_provider_without_a_host_is_told_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The message names the variable and what was expected."""
    monkeypatch.setenv("SPANCOST_CAPTURE_PROVIDERS", "llm.internal")
    World().capture.uninstrument()
    assert "SPANCOST_CAPTURE_PROVIDERS: found 'llm.internal'; expected parts of the form name=value" in caplog.text


def test_a_guard_is_told_what_the_contract_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The cost that a guard sees is the cost on the span: here half of the list price for one team."""
    contract = tmp_path / "contract.yaml"
    contract.write_text(
        "contract: 1\nname: half\nterms:\n"
        "  - {id: half, match: {team: search, provider: openai}, discount: 50%, from: 2020-01-01}\n"
    )
    monkeypatch.setenv("SPANCOST_CONTRACT", str(contract))
    told: list[CallResult] = []
    remove = after_call(told.append)
    world = World()
    try:
        answers = iter("ab")
        with client(httpx2, lambda _: httpx2.Response(200, json={**ANSWER, "id": next(answers)})) as http:
            http.post(URL, json=ASK)
            with spancost.attribution(team="search"):
                http.post(URL, json=ASK)
    finally:
        remove()
        world.capture.uninstrument()
    costs = [dict(span.attributes or {})["llm.request_cost_usd"] for span in world.spans]
    assert costs == [pytest.approx(COST), pytest.approx(COST / 2)]
    assert [float(usd_text(call.record.cost_femto or 0)) for call in told if call.record] == costs
