# SPDX-License-Identifier: Apache-2.0
"""`llm_spend` in the built Collector, exact under concurrent senders, repeats, late calls and a restart."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from spancost.store.otlp_receiver import OtlpReceiver
from tests.collector.collector import CONFIGURATIONS, call, collector, free_port, own, refused, send, span, until
from tests.collector.prometheus_stub import prometheus

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("collector-spend")]
SENDERS = 4
SPANS = 60_000
PER_REQUEST = 100
REPEATED = 5
"""Each fifth request is sent twice."""
BESIDE = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTLP_HTTP_LISTEN}"}}}}
processors:
  batch:
  llm_cost:
  llm_cost_rollup: {max_wait: 500ms}
  delta_to_cumulative:
connectors:
  forward:
  llm_spend: {flush_interval: 1s, zero_for: 1s}
  signal_to_metrics:
    spans:
      - name: llm.cost.nanousd
        conditions: ['span.attributes["llm.request_cost_nanousd"] != nil']
        attributes: [{key: llm.model, optional: true}, {key: app.feature, optional: true}]
        sum: {value: 'span.attributes["llm.request_cost_nanousd"]', monotonic: true}
exporters:
  otlp_http/spend: {metrics_endpoint: "${env:SPEND}", compression: none}
  otlp_http/stock: {metrics_endpoint: "${env:STOCK}", compression: none}
service:
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: "${env:OWN_METRICS_PORT}"}}}}]}
  pipelines:
    traces: {receivers: [otlp], processors: [llm_cost, llm_cost_rollup], exporters: [llm_spend, forward]}
    traces/stock: {receivers: [forward], processors: [batch], exporters: [signal_to_metrics]}
    metrics: {receivers: [llm_spend], exporters: [otlp_http/spend]}
    metrics/stock: {receivers: [signal_to_metrics], processors: [delta_to_cumulative], exporters: [otlp_http/stock]}
"""


def nano(tokens: int) -> int:
    """Return the cost of a `call` in nano-dollars: USD 0.15 and 0.60 per million tokens."""
    return tokens * 150 + 100 * 600


def requests_of(sender: int, spans: int) -> tuple[list[bytes], int, int]:
    """Return request bodies of one sender, their cost, and the cost of those that are to be sent twice.

    The root of each trace comes in the request before its calls.
    """
    bodies, total, again = [], 0, 0
    traces = 0
    while spans > 0:
        first = 1 + sender * 1_000_000 + traces
        count = min(spans, PER_REQUEST) // 2
        traces += count
        spans -= 2 * count
        tokens = [1 + (first + n) * 7919 % 100_000 for n in range(count)]
        bodies.append(_body(span(first + n, 1, 0, 2) for n in range(count)))
        bodies.append(_body(_featured(call(first + n, 2, 1, tokens[n]), n) for n in range(count)))
        cost = sum(map(nano, tokens))
        total += cost
        again += cost if (len(bodies) - 1) % REPEATED == 0 else 0
    return bodies, total, again


def _featured(asked: dict[str, Any], number: int) -> dict[str, Any]:
    asked["attributes"].append({"key": "app.feature", "value": {"stringValue": f"feature-{number % 20}"}})
    return asked


def _body(spans: Iterable[dict[str, Any]]) -> bytes:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "rag"}}]}
    scope = {"scope": {"name": "app.llm"}, "spans": list(spans)}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}).encode()


def _post(address: str, body: bytes) -> None:
    with urlopen(Request(f"{address}/v1/traces", body, {"Content-Type": "application/json"}), timeout=60) as answer:
        assert answer.status == 200


def _send(address: str, bodies: list[bytes]) -> None:
    for number, body in enumerate(bodies):
        _post(address, body)
        if number % REPEATED == 0:
            _post(address, body)


def sums(kept: list[ExportMetricsServiceRequest], name: str) -> dict[tuple[str, ...], int]:
    """Return the last value of each series of a metric, USD in nano-dollars: by start, Collector and labels.

    AssertionError when a series falls, or does not begin with 0. An exporter may send two exports out of order.
    """
    points: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for request in kept:
        for resource in request.resource_metrics:
            instance = next((a.value.string_value for a in resource.resource.attributes if "instance" in a.key), "")
            for metric in (each for scope in resource.scope_metrics for each in scope.metrics if each.name == name):
                assert metric.sum.is_monotonic
                for point in metric.sum.data_points:
                    labels = sorted(f"{each.key}={each.value.string_value}" for each in point.attributes)
                    key = (str(point.start_time_unix_nano), instance, *labels)
                    value = round(point.as_double * 10**9) if point.HasField("as_double") else point.as_int
                    points.setdefault(key, []).append((point.time_unix_nano, value))
    for key, found in points.items():
        values = [value for _, value in sorted(found)]
        assert values == sorted(values), f"{key} falls"
        assert values[0] == 0 or name == "llm.cost.nanousd", f"{key} begins with {values[0]}"
    return {key: max(found)[1] for key, found in points.items()}


def test_concurrent_senders_repeats_late_calls_and_a_restart_give_the_exact_sum(tmp_path: Path) -> None:
    config = tmp_path / "beside.yaml"
    config.write_text(BESIDE)
    made = [requests_of(sender, SPANS // SENDERS) for sender in range(SENDERS)]
    total, again = sum(each[1] for each in made), sum(each[2] for each in made)
    half = [len(bodies) // 2 for bodies, _, _ in made]
    with prometheus() as (spend, kept), prometheus() as (stock, kept_by_stock):
        for part in (slice(None, half[0]), slice(half[0], None)):
            port = str(free_port())
            env = {"SPEND": spend, "STOCK": stock, "OWN_METRICS_PORT": port}
            with collector(config, tmp_path, env) as running, ThreadPoolExecutor(SENDERS) as pool:
                list(pool.map(lambda each: _send(running.http, each[0][part]), made))  # noqa: B023
                assert own(port, "otelcol_connector_llm_spend_lost_calls") == 0
    assert sum(sums(kept, "llm.cost.usd").values()) == total
    assert sum(sums(kept, "llm.requests").values()) == SPANS // 2
    assert len({key[1] for key in sums(kept, "llm.requests")}) == 2, "one instance for each start"
    stock_sum = sum(sums(kept_by_stock, "llm.cost.nanousd").values())
    assert stock_sum == total + again, "the stock recipe counts what is sent twice twice"


def test_the_shipped_pipeline_counts_every_call_and_keeps_few_traces(tmp_path: Path) -> None:
    traces = 200
    with OtlpReceiver() as backend, prometheus() as (address, kept):
        env = {
            "BACKEND_OTLP_HTTP": backend.url,
            "PROMETHEUS_OTLP": address,
            "ROLLUP_MAX_WAIT": "200ms",
            "DECISION_WAIT": "1s",
            "SPEND_FLUSH_INTERVAL": "200ms",
        }
        with collector(CONFIGURATIONS / "spend.yaml", tmp_path, env) as running:
            for trace in range(1, traces + 1):
                tokens = 2_000_000 if trace == 7 else 1000
                send(running.http, span(trace, 1), call(trace, 2, 1, tokens))
            until(lambda: any(found.trace_id.endswith("07") for found in backend.spans))
        found = {int(each.trace_id, 16) for each in backend.spans}
    assert 7 in found, "an expensive trace is kept"
    assert len(found) < traces / 2
    assert sum(sums(kept, "llm.cost.usd").values()) == (traces - 1) * nano(1000) + nano(2_000_000)


def test_a_sampler_that_decides_before_the_totals_arrive_is_refused(tmp_path: Path) -> None:
    shipped = (CONFIGURATIONS / "spend.yaml").read_text()
    shipped = shipped.replace(":-127.0.0.1:4317}", f":-127.0.0.1:{free_port()}}}")
    shipped = shipped.replace("DECISION_WAIT:-15s", "DECISION_WAIT:-10s")
    said = refused(shipped.replace("OWN_METRICS_PORT:-8888", f"OWN_METRICS_PORT:-{free_port()}"), tmp_path)
    assert "processors::tail_sampling::decision_wait: found 10s; expected more than" in said
    assert "processors::llm_cost_rollup::max_wait (10s)" in said


def test_text_and_numbers_of_totals_decide_what_a_sampler_keeps(tmp_path: Path) -> None:
    config = tmp_path / "sampled.yaml"
    config.write_text("""
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTLP_HTTP_LISTEN}"}}}}
processors:
  llm_cost:
  llm_cost_rollup: {max_wait: 200ms}
  tail_sampling:
    decision_wait: 1s
    policies:
      - {name: text, type: string_attribute, string_attribute: {key: llm.trace_cost_bucket, values: [lt_1, lt_10]}}
      - {name: number, type: numeric_attribute, numeric_attribute: {key: llm.trace_cost_nanousd, min_value: 9000000000}}
      - {name: unknown, type: string_attribute, string_attribute: {key: llm.cost_status, values: [unpriced]}}
exporters: {otlp_http: {endpoint: "${env:BACKEND_OTLP_HTTP}"}}
service: {pipelines: {traces: {
  receivers: [otlp], processors: [llm_cost, llm_cost_rollup, tail_sampling], exporters: [otlp_http]}}}
""")
    with OtlpReceiver() as backend:
        with collector(config, tmp_path, {"BACKEND_OTLP_HTTP": backend.url}) as running:
            for trace, tokens in enumerate((1_000, 2_000_000, 100_000_000, 1_000), start=1):
                model = "gpt-4o-mini" if trace < 4 else "no-such-model"
                send(running.http, span(trace, 1), call(trace, 2, 1, tokens, model))
            until(lambda: len(backend.spans) == 6)
        found = {int(each.trace_id, 16): each.attributes for each in backend.spans if not each.parent_id}
    assert {trace: told.get("llm.trace_cost_bucket") for trace, told in found.items()} == {
        2: "lt_1",
        3: "gte_10",
        4: None,
    }


def test_spans_become_records_and_records_become_metrics_each_call_once(tmp_path: Path) -> None:
    """The records of one Collector are counted by the next, together with the spans that it passes on."""
    config = tmp_path / "records.yaml"
    config.write_text("""
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTLP_HTTP_LISTEN}"}}}}
processors: {llm_cost: }
connectors: {llm_spend: {flush_interval: 200ms, zero_for: 200ms}, llm_spend/records: }
exporters:
  otlp_http/logs: {logs_endpoint: "${env:LOGS}"}
  otlp_http/spend: {metrics_endpoint: "${env:SPEND}", compression: none}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [llm_cost], exporters: [llm_spend, llm_spend/records]}
    logs/calls: {receivers: [llm_spend/records], exporters: [otlp_http/logs, llm_spend]}
    logs: {receivers: [otlp], processors: [llm_cost], exporters: [llm_spend]}
    metrics: {receivers: [llm_spend], exporters: [otlp_http/spend]}
""")
    with OtlpReceiver() as backend, prometheus() as (spend, kept):
        with collector(config, tmp_path, {"LOGS": f"{backend.url}/v1/logs", "SPEND": spend}) as running:
            for _ in range(2):
                send(running.http, span(1, 1), call(1, 2, 1), call(1, 3, 1))
            until(lambda: len(backend.logs) == 1)
        records = [
            r for each in backend.logs for of in each.resource_logs for s in of.scope_logs for r in s.log_records
        ]
    assert {(record.event_name, record.span_id.hex()[-1]) for record in records} == {
        ("llm.request", "2"),
        ("llm.request", "3"),
    }
    assert len(records) == 2
    assert sum(sums(kept, "llm.cost.usd").values()) == 2 * nano(1000)
