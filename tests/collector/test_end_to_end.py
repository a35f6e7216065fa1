# SPDX-License-Identifier: Apache-2.0
"""Three services in three processes, one of them never touched by Python, through the built Collector."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from spancost.testing.otlp_receiver import OtlpReceiver, ReceivedSpan
from tests.collector.collector import CONFIGURATIONS, ROOT, call, collector, send, span, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("collector")]
SERVER = 2
NANO = "llm.request_cost_nanousd"
TRACE_NANO = "llm.trace_cost_nanousd"


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
    process.communicate("\n", timeout=30)
    assert process.returncode == 0


def by_name(spans: Iterable[ReceivedSpan]) -> dict[str, ReceivedSpan]:
    return {found.name: found for found in spans}


def own(spans: Iterable[ReceivedSpan]) -> int:
    """Return the cost of all calls in nano-dollars, each span once."""
    return sum(cost for found in {s.span_id: s for s in spans}.values() if (cost := found.attributes.get(NANO)))


def test_a_trace_through_three_services_has_its_cost_on_the_root(tmp_path: Path) -> None:
    env = {"ROLLUP_MAX_WAIT": "3s"}
    with OtlpReceiver() as backend:
        with collector(CONFIGURATIONS / "minimal.yaml", tmp_path, {**env, "BACKEND_OTLP_HTTP": backend.url}) as running:
            web, to_agent = ask("web", running.http)
            agent, to_rag = ask("agent", running.http, to_agent)
            _, trace, above, _ = to_rag.split("-")
            rag = span(int(trace, 16), 77, int(above, 16), SERVER, start=1, end=9_000)
            send(running.http, rag, call(int(trace, 16), 78, 77), service="rag")
            answered(agent)
            answered(web)
            until(lambda: len(backend.spans) >= 10)
        spans = backend.spans
    names = by_name(spans)
    root = names["POST /ask"].attributes
    calls = [found for found in spans if NANO in found.attributes]
    assert len(calls) == 4
    assert len({found.resource["service.name"] for found in calls}) == 3
    assert names["span 78"].attributes["llm.cost_status"] == "priced"
    assert root[TRACE_NANO] == own(spans)
    assert root["llm.trace_cost_usd"] == pytest.approx(sum(found.attributes["llm.request_cost_usd"] for found in calls))
    assert root["llm.trace_requests"] == 4
    assert root["llm.trace_cost_complete"] is True
    assert names["POST /agent"].attributes["llm.trace_requests"] == 3
    assert names["span 77"].attributes[TRACE_NANO] == names["span 78"].attributes[NANO]
    assert names["invoke_agent helper"].attributes["llm.subtree_requests"] == 3


def tree(trace: int) -> list[dict[str, Any]]:
    """Return a trace of a root, a server span below it, and calls below both: 400 nano-dollars and more each."""
    return [
        span(trace, 1, 0, SERVER),
        call(trace, 2, 1, 1000),
        span(trace, 3, 1, SERVER),
        call(trace, 4, 3, 2000),
        span(trace, 5, 3),
        call(trace, 6, 5, 3000),
    ]


EXPECTED = 3 * 60_000 + 150_000 + 300_000 + 450_000


def test_shuffled_split_and_delivered_twice_changes_nothing(tmp_path: Path) -> None:
    order = random.Random(7)
    with OtlpReceiver() as backend:
        env = {"ROLLUP_MAX_WAIT": "2s", "BACKEND_OTLP_HTTP": backend.url}
        with collector(CONFIGURATIONS / "minimal.yaml", tmp_path, env) as running:
            spans = [found for trace in range(1, 9) for found in tree(trace) * (1 + trace % 2)]
            order.shuffle(spans)
            while spans:
                count = order.randint(1, 7)
                send(running.http, *spans[:count])
                spans = spans[count:]
            until(lambda: sum(TRACE_NANO in found.attributes for found in backend.spans) >= 16)
        for trace in range(1, 9):
            found = [s for s in backend.spans if int(s.trace_id, 16) == trace]
            assert own(found) == EXPECTED
            roots = [s for s in found if not s.parent_id]
            assert {s.attributes[TRACE_NANO] for s in roots} == {EXPECTED}
            assert {s.attributes["llm.trace_cost_complete"] for s in roots} == {True}


def test_a_child_that_is_late_but_within_the_wait_is_in_the_total(tmp_path: Path) -> None:
    with OtlpReceiver() as backend:
        env = {"ROLLUP_MAX_WAIT": "10s", "BACKEND_OTLP_HTTP": backend.url}
        with collector(CONFIGURATIONS / "minimal.yaml", tmp_path, env) as running:
            spans = tree(1)
            send(running.http, *spans[:5])
            time.sleep(8)
            send(running.http, spans[5])
            until(lambda: any(not found.parent_id for found in backend.spans))
        root = next(found for found in backend.spans if not found.parent_id)
    assert root.attributes[TRACE_NANO] == EXPECTED == own(backend.spans)
    assert root.attributes["llm.trace_cost_complete"] is True


def test_a_gateway_restarted_in_mid_trace_neither_loses_nor_doubles_money(tmp_path: Path) -> None:
    with OtlpReceiver() as backend:
        env = {"ROLLUP_MAX_WAIT": "2s", "BACKEND_OTLP_HTTP": backend.url}
        spans = tree(1)
        with collector(CONFIGURATIONS / "minimal.yaml", tmp_path, env) as running:
            send(running.http, *spans[:4])
        log = running.log.read_text()
        with collector(CONFIGURATIONS / "minimal.yaml", tmp_path, env) as running:
            send(running.http, *spans[4:])
        found = backend.spans
    assert len(found) == 6, f"spans were lost: {log[-3000:]}"
    assert own(found) == EXPECTED
    root = next(s for s in found if not s.parent_id)
    assert root.attributes[TRACE_NANO] == EXPECTED - 60_000 - 450_000
    assert root.attributes["llm.trace_cost_complete"] is False


def test_over_its_limits_it_releases_early_and_says_so(tmp_path: Path) -> None:
    narrow = tmp_path / "narrow.yaml"
    limits = "shards: 1\n    max_traces: 3\n    max_held_bytes: 65536\n    max_wait:"
    narrow.write_text((CONFIGURATIONS / "minimal.yaml").read_text().replace("max_wait:", limits))
    with OtlpReceiver() as backend:
        env = {"ROLLUP_MAX_WAIT": "60s", "BACKEND_OTLP_HTTP": backend.url}
        with collector(narrow, tmp_path, env) as running:
            for trace in range(1, 21):
                send(running.http, *tree(trace))
            until(lambda: len(backend.spans) >= 20 * 6 - 3 * 2)
        found = backend.spans
    assert len(found) == 120, "spans were lost"
    assert own_of_all(found) == 20 * EXPECTED
    roots = [s for s in found if not s.parent_id]
    assert [s.attributes[TRACE_NANO] for s in roots] == [EXPECTED] * 20
    assert {s.attributes["llm.trace_cost_complete"] for s in roots} == {False}


def own_of_all(spans: Iterable[ReceivedSpan]) -> int:
    return sum(
        cost for found in {(s.trace_id, s.span_id): s for s in spans}.values() if (cost := found.attributes.get(NANO))
    )
