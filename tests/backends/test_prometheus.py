# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes the Python exporter; PromQL sums equal the costs on spans (`make test-prometheus`)."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spancost import LLMCostProcessor, attribution
from tests.otel.metrics.reading import nano, provider
from tests.otel.processor.simple import Set, simple_ledger

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEST_PROMETHEUS"), reason="run by make test-prometheus"),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="found no prometheus server"),
]
PATIENCE_SECONDS = 40
CONFIGURATION = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: spancost
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Prometheus:
    """A server that scrapes one target."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, query: str) -> dict[tuple[str, ...], float]:
        """The value of each series, by its labels in order of their names."""
        url = f"{self.address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:  # it starts
            return {}
        return {tuple(value for _, value in sorted(each["metric"].items())): float(each["value"][1]) for each in found}

    def one(self, query: str, expected: float) -> float | None:
        """The one value of *query*, waiting until it is *expected*."""
        value = None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            value = next(iter(self.ask(query).values()), None)
            if value is not None and nano(value) == nano(expected):
                break
            time.sleep(0.5)
        return value


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[tuple[Any, Prometheus]]:
    """A Prometheus metric reader, and the server that scrapes it."""
    prometheus_client = pytest.importorskip("prometheus_client")
    exporter = pytest.importorskip("opentelemetry.exporter.prometheus")
    reader = exporter.PrometheusMetricReader()
    server, thread = prometheus_client.start_http_server(0, "127.0.0.1")
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(CONFIGURATION % server.server_port)
    address = f"127.0.0.1:{port}"
    running = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address={address}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield reader, Prometheus(f"http://{address}")
    running.terminate()
    running.wait()
    server.shutdown()
    server.server_close()
    thread.join()


def test_sums_in_promql_are_those_of_the_spans(scraped: tuple[Any, Prometheus]) -> None:
    """Whatever labels a series has: one without tags stands beside one with."""
    reader, prometheus = scraped
    meters = provider(reader)
    calls = Set(LLMCostProcessor(ledger=simple_ledger(), meter_provider=meters))
    for number in range(60):
        with attribution(feature=f"f{number % 3}", team=f"t{number % 2}" if number % 4 else None):
            calls.call(tokens=number + 1, **{"gen_ai.usage.output_tokens": 2})
    for number in range(5):
        calls.call(tokens=number + 1)
    calls.call(**{"gen_ai.request.model": "unknown"})
    spans = [attributes for _, attributes in calls.kept.spans]
    spent = sum(nano(each.get("llm.request_cost_usd", 0)) for each in spans) / 1e9
    assert prometheus.one("sum(llm_cost_usd_total)", spent) == pytest.approx(spent, abs=1e-12)
    assert prometheus.one("sum(llm_requests_total)", 66) == 66
    assert prometheus.one("sum(llm_unpriced_requests_total)", 1) == 1
    tokens = sum(each["llm.total_tokens"] for each in spans)
    assert prometheus.one("sum(llm_tokens_total)", tokens) == tokens
    by_feature = prometheus.ask('sum by (app_feature) (llm_cost_usd_total{app_feature!=""})')
    expected: dict[tuple[str, ...], int] = {}
    for each in spans:
        if "app.feature" in each:
            key = (each["app.feature"],)
            expected[key] = expected.get(key, 0) + nano(each["llm.request_cost_usd"])
    assert {key: nano(value) for key, value in by_feature.items()} == expected
    meters.shutdown()
