# SPDX-License-Identifier: Apache-2.0
"""Switching capture on and off: by hand, without code, beside other instrumentations."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

from spancost.capture.instrumentor import CaptureInstrumentor
from spancost.testing.provider_server import ProviderServer
from tests.capture.world import ANSWER, ASK, COST, MODULES, URL, World, client

PROGRAM = f"""
import httpx
answer = httpx.Response(200, json={ANSWER!r})
with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as http:
    http.post({URL!r}, json={ASK!r})
"""


def test_without_a_line_of_code(tmp_path: Path) -> None:
    """Under `opentelemetry-instrument` a plain httpx program has a priced span."""
    others = {each.name for each in entry_points(group="opentelemetry_instrumentor")} - {"spancost", "spancost_capture"}
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    settings = {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(sorted(others)),
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "opentelemetry-instrument"), sys.executable, str(program)],
        env={**{k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "SPANCOST_"))}, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (span, _) = json.JSONDecoder().raw_decode(done.stdout)
    assert span["name"] == "llm.request"
    assert span["attributes"]["llm.request_cost_usd"] == pytest.approx(COST, rel=1e-12)


def test_the_span_of_the_http_request_lies_beneath(world: World) -> None:
    """opentelemetry-instrumentation-httpx sees the same request as a child."""
    HTTPXClientInstrumentor().instrument(tracer_provider=world.provider)
    try:
        with ProviderServer() as server, httpx.Client() as http:
            http.post(server.url_for("api.openai.com") + "/v1/chat/completions", json=ASK)
    finally:
        HTTPXClientInstrumentor().uninstrument()
    request, call = world.spans
    assert (request.name, call.name) == ("POST", "llm.request")
    assert request.parent is not None and request.parent.span_id == call.get_span_context().span_id


@pytest.mark.parametrize("module", MODULES)
def test_what_others_hold_on_to_sees_nothing_after_the_end(module: ModuleType) -> None:
    """A wrapper put over ours stays, and ours is idle below it."""
    world = World()
    ours = module.Client.send

    def theirs(*arguments: object, **options: object) -> object:
        return ours(*arguments, **options)  # type: ignore[arg-type]

    module.Client.send = theirs  # type: ignore[attr-defined]
    try:
        world.capture.uninstrument()
        with client(module, lambda _: module.Response(200, json=ANSWER)) as http:
            http.post(URL, json=ASK)
        assert module.Client.send is theirs
    finally:
        module.Client.send = ours.__wrapped__  # type: ignore[attr-defined]
    assert world.spans == ()


def test_switching_on_twice_sees_each_call_once(world: World) -> None:
    """A second instrument() changes nothing."""
    CaptureInstrumentor().instrument(tracer_provider=world.provider)
    with client(httpx, lambda _: httpx.Response(200, json=ANSWER)) as http:
        http.post(URL, json=ASK)
    assert len(world.spans) == 1


def test_without_a_tracer_provider_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    """No SDK, no spans, no trouble."""
    capture = CaptureInstrumentor()
    capture.instrument()
    try:
        with client(httpx, lambda _: httpx.Response(200, json=ANSWER)) as http:
            assert http.post(URL, json=ASK).json() == ANSWER
        assert not [key for key in capture.stats if key.startswith("errors")]
    finally:
        capture.uninstrument()
    assert caplog.records == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_goes_on(world: World) -> None:
    """A lock that another thread held while the process forked does not hold the child up."""
    lock = world.capture._capture.counts._lock
    with lock, client(httpx, lambda _: httpx.Response(200, json=ANSWER)) as http:
        child = os.fork()
        if child == 0:
            http.post(URL, json=ASK)
            os._exit(0 if len(world.spans) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_capture_switched_on_again_sees_through_what_was_wrapped_around_it(world: World) -> None:
    """Another tool wraps the client in between, with `functools.wraps`, and stays."""
    world.capture.uninstrument()
    world = World()
    ours = httpx.Client.send

    @functools.wraps(ours)
    def theirs(*arguments: Any, **options: Any) -> Any:
        return ours(*arguments, **options)

    httpx.Client.send = theirs  # type: ignore[method-assign]
    try:
        world.capture.uninstrument()
        again = World()
        client(httpx, lambda _: httpx.Response(200, json=ANSWER)).post(URL, json=ASK)
        again.capture.uninstrument()
    finally:
        httpx.Client.send = ours.__wrapped__  # type: ignore[attr-defined, method-assign]
    assert again.only["llm.request_cost_usd"] == pytest.approx(COST, rel=1e-12)
    assert not world.spans


def test_a_private_host_with_a_port_is_known_whatever_the_method() -> None:
    """A poll is a GET; capitals in a host mean nothing."""
    world = World(providers={"LLM.internal:8000": "openai"})
    capture = world.capture._capture
    world.capture.uninstrument()
    assert capture is not None
    assert not capture.is_unknown("llm.internal")
    assert capture.is_unknown("other.internal")
