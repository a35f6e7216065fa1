# SPDX-License-Identifier: Apache-2.0
"""A Prometheus with the generated rules, their windows shortened, and the spans of a shop that asks models."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.collector.collector import call, free_port, send, span, until
from tools.dashboards.table import FOLDER

WINDOWS = {"5m": "3s", "10m": "5s", "15m": "4s", "30m": "4s", "1h": "6s", "6h": "8s", "1d": "40s", "7d": "15s"}
"""Window in the rules -> window here: the long ones stay longer than the short ones."""
SCRAPE = """
global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}
rule_files: [rules.yaml]
scrape_configs:
  - {job_name: spend, honor_labels: true, static_configs: [{targets: ["%s"]}]}
  - {job_name: otelcol, static_configs: [{targets: ["%s"]}]}
"""
Labels = tuple[tuple[str, str], ...]


def short(text: str) -> str:
    """Return PromQL or rules with the windows of `WINDOWS`."""
    text = re.sub(r"\[(\w+)\]", lambda found: f"[{WINDOWS.get(found[1], found[1])}]", text)
    return re.sub(r"offset (\w+)", lambda found: f"offset {WINDOWS.get(found[1], found[1])}", text)


def rules(changes: Mapping[str, str]) -> str:
    """Return the generated rules with short windows, and *changes* of thresholds, each of which must apply."""
    text = short((FOLDER / "prometheus" / "rules.yaml").read_text(encoding="utf-8")).replace("1m\n", "200ms\n")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Prometheus:
    """A server that runs: what a query gives, and which alerts fire."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.ever: set[str] = set()

    def _get(self, path: str) -> Any:
        with urlopen(f"{self.address}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def ask(self, query: str) -> dict[Labels, float]:
        """Return the value of each series, by its labels without its name."""
        found = self._get(f"query?{urllib.parse.urlencode({'query': query})}")["result"]
        return {
            tuple(sorted((key, value) for key, value in each["metric"].items() if key != "__name__")): float(
                each["value"][1]
            )
            for each in found
        }

    def firing(self) -> set[str]:
        """Return the alerts that fire, and remember them."""
        found = {each["labels"]["alertname"] for each in self._get("alerts")["alerts"] if each["state"] == "firing"}
        self.ever |= found
        return found


@contextmanager
def prometheus(folder: Path, targets: tuple[str, str], changes: Mapping[str, str]) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes spend and the Collector's own metrics."""
    (folder / "prometheus.yml").write_text(SCRAPE % targets)
    (folder / "rules.yaml").write_text(rules(changes))
    with serving(folder) as running:
        yield running


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Prometheus]:
    """Run a Prometheus with the configuration and the data of a folder, and with further options."""
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", *words]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
    running = Prometheus(f"http://{address}")

    def answers() -> bool:
        try:
            return bool(running.ask("vector(1)"))
        except OSError:
            return False

    try:
        until(answers)
        yield running
    finally:
        process.terminate()
        process.wait(30)


class Shop:
    """Sends calls, and knows what they cost: gpt-4o-mini at USD 0.15, 0.075 and 0.60 a million tokens.

    Counters by feature, except `calls`, by service, and `models`, calls without a price.
    """

    def __init__(self, to: str) -> None:
        self._to = to
        self._trace = 0
        self.nano: Counter[str] = Counter()
        self.input: Counter[str] = Counter()
        self.cached: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.models: Counter[str] = Counter()

    def ask(
        self,
        feature: str,
        tokens: int,
        cached: int = 0,
        service: str = "web",
        model: str = "gpt-4o-mini",
        times: int = 1,
    ) -> None:
        """Send a trace whose root asks a model *times* in a row; only these take part in the sums."""
        self._trace += 1
        spans = [span(self._trace, 1, 0, 2)]
        for number in range(2, 2 + times):
            asked = call(self._trace, number, 1, tokens, model)
            asked["startTimeUnixNano"] = str(int(spans[0]["startTimeUnixNano"]) + number * 100_000_000)
            asked["endTimeUnixNano"] = str(int(asked["startTimeUnixNano"]) + 50_000_000)
            cache = {"key": "gen_ai.usage.cache_read.input_tokens", "value": {"intValue": str(cached)}}
            asked["attributes"] += [cache, *_tags(feature)]
            spans.append(asked)
        send(self._to, *spans, service=service)
        self.requests[feature] += times
        self.calls[service] += times
        self.input[feature] += tokens * times
        self.cached[feature] += cached * times
        if model == "gpt-4o-mini":
            self.nano[feature] += ((tokens - cached) * 150 + cached * 75 + 100 * 600) * times
        else:
            self.models[model] += times

    def late(self, feature: str) -> None:
        """Send a call of a trace whose root has been released."""
        asked = call(self._trace, 99, 1, 1000)
        asked["attributes"] += _tags(feature)
        send(self._to, asked, service="web")
        self.requests[feature] += 1
        self.calls["web"] += 1
        self.input[feature] += 1000
        self.nano[feature] += 1000 * 150 + 100 * 600


def _tags(feature: str) -> list[dict[str, Any]]:
    tags = {"app.feature": feature, "app.team": "core", "app.environment": "prod"}
    return [{"key": key, "value": {"stringValue": value}} for key, value in tags.items()]
