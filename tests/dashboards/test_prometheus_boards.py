# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus, fed by the built Collector: each alert fires and clears, each panel gives the known figure.

`make test-boards` runs it. Windows are seconds instead of minutes and hours.
"""

from __future__ import annotations

import datetime
import gzip
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.collector.collector import BINARY, collector, free_port, own, until
from tests.dashboards.servers import Labels, Prometheus, Shop, prometheus, short
from tools.dashboards import grafana
from tools.dashboards.table import PROMETHEUS, alerts, boards
from tools.generated import ROOT

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEST_BOARDS"), reason="run by make test-boards"),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="found no prometheus server"),
    pytest.mark.skipif(not BINARY.exists(), reason="found no built Collector; `make collector` builds it"),
]
PIPELINE = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTLP_HTTP_LISTEN}"}}}}
processors:
  llm_cost: {card_file: "${env:CARD}", reload_interval: 1s}
  llm_cost_rollup: {max_wait: 500ms, detectors: "on"}
connectors: {llm_spend: {flush_interval: 200ms, zero_for: 1s}}
exporters:
  prometheus: {endpoint: "${env:SCRAPED}"}
  otlp_http: {endpoint: "${env:BACKEND}", sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
service:
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: "${env:OWN_METRICS_PORT}"}}}}]}
  pipelines:
    traces: {receivers: [otlp], processors: [llm_cost, llm_cost_rollup], exporters: [llm_spend]}
    metrics: {receivers: [llm_spend, otlp], exporters: [prometheus]}
    metrics/backend: {receivers: [llm_spend], exporters: [otlp_http]}
"""
BUDGETS = """
budgets: 1
limits:
- {id: fixed, match: {app.feature: fixed}, limit_usd: 50, window: lifetime}
- {id: rolling, match: {app.feature: rolling}, limit_usd: 1, rolling: 8s}
"""
OLD_CARD = ROOT / "pricing" / "released" / "2026.11.21-2d0932e7d78e.jsonl.gz"
NEW_CARD = ROOT / "pricing" / "compiled" / "card.jsonl"
MONTH_USD = 50
RANGE_SECONDS = 600
PATIENCE_SECONDS = 40
ANOMALIES = "otelcol_processor_llm_cost_rollup_anomalies"


def days_since(card: Path) -> float:
    """Return the age of a released card."""
    day = datetime.datetime.strptime(card.name[:10], "%Y.%m.%d").replace(tzinfo=datetime.timezone.utc)
    return (datetime.datetime.now(datetime.timezone.utc) - day).total_seconds() / 86_400


class Backend(ThreadingHTTPServer):
    """Takes metrics, and refuses them while `refuses` is set."""

    refuses = False

    @property
    def address(self) -> str:
        """Return its endpoint."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Backend

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(400 if self.server.refuses else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def backend() -> Iterator[Backend]:
    served = Backend(("127.0.0.1", 0), _Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


@contextmanager
def budgeted(to: str, folder: Path) -> Iterator[Callable[[str], None]]:
    """Run the service with budgets; yield what tells it what to do."""
    (folder / "budgets.yaml").write_text(BUDGETS)
    env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": to, "OTEL_SERVICE_NAME": "budgeted", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "tests.dashboards.budgeted", str(folder / "budgets.yaml")]
    process = subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout

    def do(line: str) -> None:
        assert process.stdin and process.stdout
        process.stdin.write(line + "\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == line.split()[0]

    yield do
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


def during(seconds: float, each: Callable[[], None], told: Prometheus, pause: float = 0.2) -> None:
    """Do something again and again, and look which alerts fire."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        each()
        told.firing()
        time.sleep(pause)


def test_each_alert_fires_and_clears_and_each_panel_gives_the_known_figure(tmp_path: Path, backend: Backend) -> None:
    card = tmp_path / "card.jsonl"
    card.write_bytes(gzip.decompress(OLD_CARD.read_bytes()))
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text(PIPELINE)
    port = str(free_port())
    scraped = f"127.0.0.1:{free_port()}"
    changes = {
        "vector(2000)": f"vector({MONTH_USD})",
        "86400 > 45": f"86400 > {days_since(OLD_CARD) - 0.5}",
        "> 14.4": "> 300",  # a budget of 30 days, spent at in seconds
        ":ratio6h > 3 and": ":ratio6h > 200 and",
        ":ratio30m > 3\n": ":ratio30m > 200\n",
    }
    env = {"SCRAPED": scraped, "OWN_METRICS_PORT": port, "CARD": str(card), "BACKEND": backend.address}
    with prometheus(tmp_path, (scraped, f"127.0.0.1:{port}"), changes) as told:
        with collector(pipeline, tmp_path, env) as running, budgeted(running.http, tmp_path) as service:
            shop = Shop(running.http)
            until(lambda: len(told.ask("up == 1")) == 2)

            def usual() -> None:
                shop.ask("chat", 3000 + shop.requests["chat"] * 17 % 1000, cached=2500)
                shop.ask("report", 500, service="batch")

            service("spend fixed 21")
            during(16, usual, told)
            quiet = told.firing()
            assert quiet == {"LLMRateCardOld"}, "only the card is old"
            told.ever.clear()

            def faulty() -> None:
                shop.ask("chat", 200_000)
                shop.ask("report", 9_000_000)
                shop.ask("lab", 1000, model="no-such-model")

            shop.ask("agent", 5000, times=12)
            service("storm")
            service("spend rolling 0.85")
            service("refuse rolling")
            during(9, faulty, told)
            backend.refuses = True  # new series stay at 0 for every backend meanwhile, so this comes last
            during(3, faulty, told)
            backend.refuses = False
            card.write_bytes(NEW_CARD.read_bytes())
            expected = {alert.alert for alert in alerts()} - {"LLMMetricsMissing"}
            assert told.ever == expected, (expected - told.ever, told.ever - expected)

            end = time.monotonic() + PATIENCE_SECONDS
            while (left := told.firing()) and time.monotonic() < end:
                usual()
                time.sleep(0.2)
            assert left == set(), "these do not clear"
            time.sleep(1)
            shop.late("chat")
            time.sleep(9)
            check_panels(told, shop, port)
        until(lambda: "LLMMetricsMissing" in told.firing(), PATIENCE_SECONDS)
        with collector(pipeline, tmp_path, env) as running:
            again = Shop(running.http)
            again.ask("chat", 1000)
            until(lambda: "LLMMetricsMissing" not in told.firing(), PATIENCE_SECONDS)


def check_panels(told: Prometheus, shop: Shop, port: str) -> None:
    """Compare the query of each panel with what was sent."""
    expected = figures(shop, port)
    panels = {panel.id: panel for board in boards() for panel in board.of(PROMETHEUS)}
    assert set(expected) == set(panels)
    wrong: dict[str, str] = {}
    for name, panel in panels.items():
        query = grafana.query(panel, PROMETHEUS)
        for variable in grafana.FILTERS:
            query = query.replace(f"${variable}", ".*")
        query = query.replace("$__range", f"{RANGE_SECONDS}s").replace("$__rate_interval", f"{RANGE_SECONDS}s")
        # Everything happened within the range, so longer windows hold the same. Last week's spend is that of now.
        query = query.replace("[1d]", f"[{RANGE_SECONDS}s]").replace("[30d]", f"[{RANGE_SECONDS}s]")
        query = short(query.replace("offset 7d", "offset 1s"))
        found = told.ask(query)
        if found != pytest.approx(expected[name], rel=0.01, abs=1e-9):
            wrong[name] = f"found {found}, expected {expected[name]}"
    assert wrong == {}


def by(label: str, found: dict[str, float]) -> dict[Labels, float]:
    """Return figures as series with one label; a value "" is a series without it."""
    return {((label, value),) if value else (): figure for value, figure in found.items()}


def rules_broken(port: str) -> dict[str, float]:
    """Return how many anomalies the Collector counts, by rule."""
    rules = YAML(typ="safe").load((ROOT / "semconv" / "detectors.yaml").read_text(encoding="utf-8"))["rules"]
    return {rule: count for rule in rules if (count := own(port, f'{ANOMALIES}{{rule="{rule}"}}'))}


def figures(shop: Shop, port: str) -> dict[str, dict[Labels, float]]:
    """Return what each panel should say."""
    usd = {feature: nano / 1e9 for feature, nano in shop.nano.items()}
    total, calls, unpriced = sum(usd.values()), sum(shop.requests.values()), sum(shop.models.values())
    minutes, hours = RANGE_SECONDS / 60, RANGE_SECONDS / 3600
    fresh = sum(shop.input.values()) - sum(shop.cached.values())
    tokens = {"input": fresh, "cache_read": sum(shop.cached.values()), "output": 100 * calls}
    own_prices = next(iter(NEW_CARD.read_text(encoding="utf-8").splitlines())).partition('"version":"')[2].split('"')[0]
    share = {feature: shop.cached[feature] / shop.input[feature] for feature in ("chat",)}
    no_label: Labels = ()
    return {
        "spend": {no_label: total},
        "spend_pace": {no_label: total * 30},
        "calls": {no_label: calls},
        "cost_per_call": {no_label: total / (calls - unpriced)},
        "spend_by_feature": by("app_feature", {feature: value / hours for feature, value in usd.items()}),
        "spend_by_model": by("llm_model", {"gpt-4o-mini": total / hours}),
        "spend_table": {
            (("app_environment", "prod"), ("app_feature", feature), ("app_team", "core")): value
            for feature, value in usd.items()
        },
        "spend_against_last_week": by("app_feature", dict.fromkeys(usd, 1)),
        "tokens": by("llm_token_type", {kind: value / minutes for kind, value in tokens.items()}),
        "unpriced_share": {no_label: unpriced / calls},
        "estimated_share": {no_label: 0},
        "untagged_share": {no_label: 0},
        "card_age": {no_label: days_since(Path(own_prices)) * 86_400},
        "statuses": by("llm_cost_status", {"priced": (calls - unpriced) / minutes, "unpriced": unpriced / minutes}),
        "unpriced_models": {(("llm_model", "no-such-model"), ("llm_provider", "openai")): unpriced},
        "services": by("job", {service: count / minutes for service, count in shop.calls.items()}),
        "lost_calls": {(("what", "after their root"),): 1},
        "prices_in_use": {(("pricing_version", own_prices),): 1},
        "anomalies": {(("app_feature", "search"), ("llm_anomaly_rule", "retry_storm")): 1},
        "anomalies_of_collectors": by("rule", rules_broken(port)),
        "cache_share": by("app_feature", share),
        "input_per_call": by(
            "app_feature", {feature: shop.input[feature] / count for feature, count in shop.requests.items()}
        ),
        "reasoning_share": {},
        "budget_used": by("llm_budget_id", {"fixed": 0.42, "rolling": 0}),
        "budget_left": by("llm_budget_id", {"fixed": 29, "rolling": 1}),
        "budget_used_over_time": by("llm_budget_id", {"fixed": 21, "rolling": 0}),
        "budget_refused": by("llm_budget_id", {"fixed": 0, "rolling": 1 / minutes}),
        "month_burn": {no_label: 0},
        "month_spend": {no_label: total},
        "month_budget": {no_label: MONTH_USD},
    }
