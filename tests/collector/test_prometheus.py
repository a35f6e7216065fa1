# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes the Collector: sums are exact over a restart, and `increase()` sees rare series.

`increase()` adds to what it saw the growth of half a scrape interval at the end of a series. Time is compressed: 20 s
with a scrape each 100 ms stand for 50 minutes with one each 15 s, and the error is as large.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.collector.collector import call, collector, free_port, send, until
from tests.collector.test_spend import nano

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("collector-prometheus"),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="found no prometheus server"),
]
PIPELINE = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTLP_HTTP_LISTEN}"}}}}
processors: {llm_cost: }
connectors: {llm_spend: {flush_interval: 100ms, zero_for: 500ms}}
exporters: {prometheus: {endpoint: "${env:SCRAPED}"}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [llm_cost], exporters: [llm_spend]}
    metrics: {receivers: [llm_spend], exporters: [prometheus]}
"""
SECONDS = 20
"""How long each Collector runs."""
WITHIN = 0.01
# honor_labels keeps the job and the instance of the exporter: the service, and the Collector that counted.
SCRAPE = """
global: {scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 1h}
scrape_configs:
  - {job_name: spend, honor_labels: true, static_configs: [{targets: ["%s"]}]}
"""


@contextmanager
def prometheus(scraped: str, folder: Path) -> Iterator[Callable[[str], dict[str, float]]]:
    """Run a Prometheus that scrapes an address; yield what asks it, by the feature of each series."""
    (folder / "prometheus.yml").write_text(SCRAPE % scraped)
    listen = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={listen}"], stdout=log, stderr=log)

    def ask(query: str) -> dict[str, float]:
        try:
            with urlopen(
                f"http://{listen}/api/v1/query?{urllib.parse.urlencode({'query': query})}", timeout=5
            ) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:  # it starts
            return {}
        return {each["metric"].get("app_feature", ""): float(each["value"][1]) for each in found}

    try:
        until(lambda: ask("vector(1)"))
        yield ask
    finally:
        process.terminate()
        process.wait(30)


def test_sums_are_exact_over_a_restart_and_increase_sees_rare_series(tmp_path: Path) -> None:
    config, scraped = tmp_path / "pipeline.yaml", f"127.0.0.1:{free_port()}"
    config.write_text(PIPELINE)
    trace, busy, rare = 0, 0, 0

    def some(address: str, feature: str, tokens: int) -> int:
        nonlocal trace
        trace += 1
        asked = call(trace, 1, 0, tokens)
        asked["attributes"].append({"key": "app.feature", "value": {"stringValue": feature}})
        send(address, asked)
        return nano(tokens)

    with prometheus(scraped, tmp_path) as ask:
        for _ in range(2):
            with collector(config, tmp_path, {"SCRAPED": scraped}) as running:
                until(lambda: ask("up == 1"))
                rare += some(running.http, "rare", 777)
                end = time.monotonic() + SECONDS
                while time.monotonic() < end:
                    busy += some(running.http, "busy", trace * 13)
                    time.sleep(0.1)
                # What was counted is exported, and scraped twice.
                time.sleep(1.5)
        highest = ask("sum by (app_feature) (max_over_time(llm_cost_usd_total[10m]))")
        grown = ask("sum by (app_feature) (increase(llm_cost_usd_total[10m]))")
        starts = ask(
            "count by (app_feature) (count by (app_feature, instance) (max_over_time(llm_cost_usd_total[10m])))"
        )
    assert {feature: round(usd * 10**9) for feature, usd in highest.items()} == {"rare": rare, "busy": busy}
    assert starts == {"rare": 2, "busy": 2}, "each start counts under an instance of its own"
    for feature, expected in (("rare", rare), ("busy", busy)):
        assert grown[feature] * 10**9 == pytest.approx(expected, rel=WITHIN), feature
