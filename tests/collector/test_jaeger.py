# SPDX-License-Identifier: Apache-2.0
"""Three services through the built Collector to a real Jaeger, whose query API is asked what arrived."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.collector.collector import CONFIGURATIONS, ROOT, call, collector, free_port, need, send, span, until
from tests.collector.test_end_to_end import SERVER, answered, ask

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("collector")]
JAEGER = ROOT / "build" / "jaeger"


@contextmanager
def jaeger(folder: Path) -> Iterator[tuple[str, str]]:
    """Run Jaeger on loopback; yield where it takes OTLP over gRPC and where it answers queries."""
    command = need(JAEGER, "jaeger")
    otlp, query = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    ports = [
        "admin.http",
        "collector.grpc-server",
        "collector.http-server",
        "collector.otlp.http",
        "query.grpc-server",
        "http-server",
    ]
    arguments = [f"--{name}.host-port=127.0.0.1:{free_port()}" for name in ports]
    udp = ["jaeger-binary", "jaeger-compact", "zipkin-compact"]
    arguments += [f"--processor.{name}.server-host-port=127.0.0.1:{free_port()}" for name in udp]
    arguments += [f"--collector.otlp.grpc.host-port={otlp}", f"--query.http-server.host-port={query}"]
    with (folder / "jaeger.log").open("wb") as log:
        process = subprocess.Popen([command, *arguments], stdout=log, stderr=log)
        try:
            until(lambda: answers(f"http://{query}/api/services"), 30)
            yield otlp, f"http://{query}"
        finally:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2):
            return True
    except (URLError, OSError):
        return False


def traces(query: str, service: str) -> list[dict[str, Any]]:
    """Return the traces of a service, as Jaeger's query API has them."""
    with urlopen(f"{query}/api/traces?service={service}&limit=100&lookback=8760h", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]
    return found


def tags(found: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in found["tags"]}


def test_jaeger_shows_costs_on_calls_and_their_sum_on_the_root(tmp_path: Path) -> None:
    with jaeger(tmp_path) as (otlp, query):
        env = {"JAEGER_OTLP_GRPC": otlp, "ROLLUP_MAX_WAIT": "3s"}
        with collector(CONFIGURATIONS / "jaeger.yaml", tmp_path, env) as running:
            web, to_agent = ask("web", running.http)
            agent, to_rag = ask("agent", running.http, to_agent)
            _, trace, above, _ = to_rag.split("-")
            rag = span(int(trace, 16), 77, int(above, 16), SERVER, start=1, end=9_000)
            send(running.http, rag, call(int(trace, 16), 78, 77), service="rag")
            answered(agent)
            answered(web)
            until(lambda: any(len(found["spans"]) == 10 for found in traces(query, "web")), 30)
        (found,) = traces(query, "web")
        (at_rag,) = traces(query, "rag")
    assert found["traceID"] == at_rag["traceID"] == f"{int(trace, 16):x}".rjust(len(found["traceID"]), "0")
    told = [tags(each) for each in found["spans"]]
    costs = [each["llm.request_cost_usd"] for each in told if "llm.request_cost_usd" in each]
    root = next(tags(each) for each in found["spans"] if not each["references"])
    assert len(costs) == 4
    assert root["llm.trace_cost_usd"] == pytest.approx(sum(costs), rel=1e-12)
    assert root["llm.trace_cost_nanousd"] == sum(each.get("llm.request_cost_nanousd", 0) for each in told)
    assert root["llm.trace_cost_complete"] is True


def test_jaeger_finds_calls_by_their_bucket(tmp_path: Path) -> None:
    """Its search knows equality only; that is what `llm.cost_bucket` is for."""
    with jaeger(tmp_path) as (otlp, query):
        env = {"JAEGER_OTLP_GRPC": otlp, "ROLLUP_MAX_WAIT": "100ms"}
        with collector(CONFIGURATIONS / "jaeger.yaml", tmp_path, env) as running:
            send(running.http, span(1, 1), call(1, 2, 1, tokens=1_000))
            send(running.http, span(2, 1), call(2, 2, 1, tokens=100_000))
            until(lambda: len(traces(query, "rag")) == 2, 30)
        asked = "service=rag&limit=10&lookback=8760h&tags=%7B%22llm.cost_bucket%22%3A%22lt_0.1%22%7D"
        with urlopen(f"{query}/api/traces?{asked}", timeout=10) as answer:
            found = json.load(answer)["data"]
    assert [each["traceID"].lstrip("0") for each in found] == ["2"]
