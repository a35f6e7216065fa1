# SPDX-License-Identifier: Apache-2.0
"""A changed contract is taken in on SIGHUP and by watching; a broken one is refused, and the last good one stays."""

from __future__ import annotations

import signal
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from spancost.store.otlp_receiver import OtlpReceiver
from tests.collector.collector import Running, call, collector, free_port, send, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("collector-reload")]
PIPELINE = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTLP_HTTP_LISTEN}"}}}}
processors:
  llm_cost: {contract_file: "${env:CONTRACT}", reload_interval: "${env:RELOAD:-0s}"}
exporters:
  otlp_http: {endpoint: "${env:BACKEND_OTLP_HTTP}"}
service:
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: "${env:OWN_METRICS_PORT}"}}}}]}
  pipelines:
    traces: {receivers: [otlp], processors: [llm_cost], exporters: [otlp_http]}
"""
LIST_NANO = 210_000
"""List price of a `call` of 1000 input tokens."""


def contract(percent: int) -> str:
    return f"contract: 1\nname: shop\nterms:\n  - {{id: all, match: {{provider: openai}}, discount: {percent}%}}\n"


class Pricing:
    """A Collector that prices by a contract, and the backend behind it."""

    def __init__(self, running: Running, backend: OtlpReceiver, port: str) -> None:
        self.running, self.backend, self.port, self.trace = running, backend, port, 0

    def percent(self) -> int:
        """Return the discount that the next call is priced with, once the Collector takes spans."""
        self.trace += 1
        until(self._is_sent)
        until(lambda: any(int(found.trace_id, 16) == self.trace for found in self.backend.spans))
        (found,) = (each for each in self.backend.spans if int(each.trace_id, 16) == self.trace)
        return 100 - 100 * int(found.attributes["llm.request_cost_nanousd"]) // LIST_NANO

    def _is_sent(self) -> bool:
        try:
            send(self.running.http, call(self.trace, 1, 0))
        except URLError:
            return False
        return True

    def hang_up(self) -> None:
        """Tell the Collector to reload, and wait until it has."""
        before = self.running.log.read_text().count("Everything is ready")
        self.running.process.send_signal(signal.SIGHUP)
        until(lambda: self.running.log.read_text().count("Everything is ready") > before)

    def own(self) -> str:
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())


@pytest.mark.parametrize("watches", [False, True], ids=["on SIGHUP", "by watching"])
def test_a_changed_contract_is_taken_in_and_a_broken_one_refused(watches: bool, tmp_path: Path) -> None:
    config, file, port = tmp_path / "pipeline.yaml", tmp_path / "contract.yaml", str(free_port())
    config.write_text(PIPELINE)
    file.write_text(contract(50))
    with OtlpReceiver() as backend:
        env = {"BACKEND_OTLP_HTTP": backend.url, "CONTRACT": str(file), "OWN_METRICS_PORT": port}
        with collector(config, tmp_path, {**env, "RELOAD": "1s" if watches else "0s"}) as running:
            pricing = Pricing(running, backend, port)

            def change(content: str) -> None:
                file.write_text(content)
                if not watches:
                    pricing.hang_up()

            assert pricing.percent() == 50
            change("contract: 1\nterms: [")
            until(
                lambda: any("llm_cost_loads" in each and '"refused"' in each for each in pricing.own().splitlines()), 20
            )
            assert pricing.percent() == 50
            change(contract(20))
            until(lambda: pricing.percent() == 20)
            told = pricing.own()
        log = running.log.read_text()
    assert "the last good ones stay" in log
    assert log.count("prices are loaded") >= 2
    (line,) = (each for each in told.splitlines() if each.startswith("otelcol_processor_llm_cost_prices{"))
    assert "card_version=" in line
    assert "+o" in line.partition("pricing_version=")[2], "the contract's part of the version"
