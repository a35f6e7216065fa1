# SPDX-License-Identifier: Apache-2.0
"""Three services in three processes, one of them never touched by Python, through a Collector to a real Jaeger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from spancost.store.otlp_receiver import OtlpReceiver
from tests.collector.collector import CONFIGURATIONS, ROOT, SERVER, call, collector, send, span, until
from tests.collector.jaeger import Jaeger, tags

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("collector-services")]
NANO = "llm.request_cost_nanousd"
TRACE_NANO = "llm.trace_cost_nanousd"
SPANS = 10


def ask(name: str, to: str, traceparent: str = "") -> tuple[subprocess.Popen[str], str]:
    """Start a service and return it, waiting for its callee, with the traceparent it calls with."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.collector.services", name, traceparent],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "OTEL_SERVICE_NAME": name, "OTEL_EXPORTER_OTLP_ENDPOINT": to},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def answered(process: subprocess.Popen[str]) -> None:
    """Let a service go on to its end."""
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


def three_services(to: str) -> int:
    """Let `web` ask `agent`, which asks `rag`; return the id of their trace."""
    web, to_agent = ask("web", to)
    agent, to_rag = ask("agent", to, to_agent)
    _, trace, above, _ = to_rag.split("-")
    rag = span(int(trace, 16), 77, int(above, 16), SERVER, start=1, end=9_000)
    send(to, rag, call(int(trace, 16), 78, 77), service="rag")
    answered(agent)
    answered(web)
    return int(trace, 16)


def test_a_trace_through_three_services_has_its_cost_on_the_root(tmp_path: Path, shown_by: Jaeger) -> None:
    with OtlpReceiver() as backend:
        env = {"ROLLUP_MAX_WAIT": "3s", "BACKEND_OTLP_HTTP": backend.url}
        with collector(CONFIGURATIONS / "minimal.yaml", tmp_path, env, also=shown_by.also) as running:
            trace = three_services(running.http)
            until(lambda: len(backend.spans) >= SPANS)
        spans = backend.spans
    names = {found.name: found for found in spans}
    root = names["POST /ask"].attributes
    calls = [found for found in spans if NANO in found.attributes]
    assert len(calls) == 4
    assert len({found.resource["service.name"] for found in calls}) == 3
    assert names["span 78"].attributes["llm.cost_status"] == "priced"
    assert root[TRACE_NANO] == sum(found.attributes[NANO] for found in calls)
    assert root["llm.trace_cost_usd"] == pytest.approx(sum(found.attributes["llm.request_cost_usd"] for found in calls))
    assert root["llm.trace_requests"] == 4
    assert root["llm.trace_cost_complete"] is True
    assert names["POST /agent"].attributes["llm.trace_requests"] == 3
    assert names["span 77"].attributes[TRACE_NANO] == names["span 78"].attributes[NANO]
    assert names["invoke_agent helper"].attributes["llm.subtree_requests"] == 3
    assert shown_by.shown(trace, SPANS) == (SPANS, root[TRACE_NANO], root[TRACE_NANO], True)


def test_jaeger_shows_costs_on_calls_and_their_sum_on_the_root(tmp_path: Path, shown_by: Jaeger) -> None:
    env = {"JAEGER_OTLP_GRPC": shown_by.otlp, "ROLLUP_MAX_WAIT": "3s"}
    with collector(CONFIGURATIONS / "jaeger.yaml", tmp_path, env) as running:
        trace = three_services(running.http)
        shown = shown_by.shown(trace, SPANS)
        assert any(found["traceID"].endswith(f"{trace:x}") for found in shown_by.of_service("web"))
    (found,) = shown_by.asked(f"/{trace:032x}")
    told = [tags(each) for each in found["spans"]]
    costs = [each["llm.request_cost_usd"] for each in told if "llm.request_cost_usd" in each]
    root = next(tags(each) for each in found["spans"] if not each["references"])
    assert len(costs) == 4
    assert root["llm.trace_cost_usd"] == pytest.approx(sum(costs), rel=1e-12)
    assert shown == (SPANS, root["llm.trace_cost_nanousd"], root["llm.trace_cost_nanousd"], True)


def test_jaeger_finds_calls_by_their_bucket(tmp_path: Path, shown_by: Jaeger) -> None:
    """Its search knows equality only; that is what `llm.cost_bucket` is for."""
    env = {"JAEGER_OTLP_GRPC": shown_by.otlp, "ROLLUP_MAX_WAIT": "100ms"}
    with collector(CONFIGURATIONS / "jaeger.yaml", tmp_path, env) as running:
        send(running.http, span(1, 1), call(1, 2, 1, tokens=1_000), service="buckets")
        send(running.http, span(2, 1), call(2, 2, 1, tokens=100_000), service="buckets")
        until(lambda: len(shown_by.of_service("buckets")) == 2)
    found = shown_by.of_service("buckets", "&tags=%7B%22llm.cost_bucket%22%3A%22lt_0.1%22%7D")
    assert [each["traceID"].lstrip("0") for each in found] == ["2"]
