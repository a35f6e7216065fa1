# SPDX-License-Identifier: Apache-2.0
"""Every configuration in collector-config starts, and spans that are fed to it come out with their cost."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from ruamel.yaml import YAML

from spancost.store.otlp_receiver import OtlpReceiver
from tests.collector.collector import (
    BINARY,
    CONFIGURATIONS,
    ROOT,
    call,
    collector,
    free_port,
    need,
    refused,
    send,
    span,
    until,
)
from tests.collector.prometheus_stub import prometheus

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("collector-configurations")]
NEED = {"HONEYCOMB_API_KEY": "test-key"}
SERVED = ("minimal", "jaeger", "honeycomb", "grafana", "coding-agents")
BEHIND = ("agent", "agent-durable", "gateway")
KAFKA = ("kafka-agent", "kafka-gateway")
METRICS = ("spend-metrics", "spend", "scraped")
METRICS_BINARY = ROOT / "build" / "otelcol-metrics" / "otelcol-spancost-metrics"


def test_every_configuration_is_tested_here() -> None:
    found = {path.stem for path in CONFIGURATIONS.glob("*.yaml") if not path.stem.startswith("builder")}
    assert found == {*SERVED, *BEHIND, *KAFKA, *METRICS}


@pytest.mark.parametrize("name", [*SERVED, *BEHIND, *KAFKA, *METRICS])
def test_a_configuration_is_valid(name: str) -> None:
    done = subprocess.run(
        [need(), "validate", "--config", str(CONFIGURATIONS / f"{name}.yaml")], capture_output=True, text=True, env=NEED
    )
    assert done.returncode == 0, done.stderr


def test_no_configuration_names_a_component_by_a_former_name() -> None:
    """Of spend-metrics.yaml, components are named as in Collectors before 0.159 too."""
    for path in CONFIGURATIONS.glob("*.yaml"):
        for former in ("otlphttp", "loadbalancing", *(() if path.stem == "spend-metrics" else ("deltatocumulative",))):
            assert path.stem.startswith("builder") or former not in path.read_text(), f"{path.name}: {former}"


def test_the_configuration_in_the_values_for_helm_is_valid(tmp_path: Path) -> None:
    values = YAML(typ="safe").load(CONFIGURATIONS / "deploy" / "helm-values.yaml")
    file = tmp_path / "relay.yaml"
    file.write_text(json.dumps(values["alternateConfig"]))
    env = {"MY_POD_IP": "127.0.0.1", "BACKEND_OTLP_HTTP": "http://127.0.0.1:14318"}
    done = subprocess.run([need(), "validate", "--config", str(file)], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["minimal", "honeycomb", "grafana", "coding-agents"])
def test_spans_come_out_with_their_cost(name: str, tmp_path: Path) -> None:
    with OtlpReceiver() as backend:
        to = {"BACKEND_OTLP_HTTP": backend.url, "HONEYCOMB_ENDPOINT": backend.url, "TEMPO_OTLP_HTTP": backend.url}
        env = {**NEED, **to, "ROLLUP_MAX_WAIT": "100ms"}
        with collector(CONFIGURATIONS / f"{name}.yaml", tmp_path, env) as running:
            asked = call(1, 2, 1)
            asked["attributes"].append({"key": "gen_ai.input.messages", "value": {"stringValue": "a secret"}})
            send(running.http, span(1, 1), asked)
            until(lambda: len(backend.spans) == 2)
        root = next(found for found in backend.spans if not found.parent_id)
        assert root.attributes["llm.trace_cost_usd"] == 0.00021
        assert ("secret" in backend.json_lines()) is (name not in {"honeycomb", "coding-agents"})


def test_log_records_come_out_with_their_cost(tmp_path: Path) -> None:
    attributes = {"event.name": "api_request", "model": "claude-opus-4-8", "request_id": "req_1", "speed": "fast"}
    counts = {"input_tokens": 1000, "output_tokens": 100, "cache_read_tokens": 0, "cache_creation_tokens": 0}
    record = {
        "timeUnixNano": "1793880000000000000",
        "attributes": [
            *({"key": key, "value": {"stringValue": text}} for key, text in {**attributes, "prompt": "secret"}.items()),
            *({"key": key, "value": {"intValue": str(number)}} for key, number in counts.items()),
        ],
    }
    scope = {"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": [record]}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [scope]}]}).encode()
    with OtlpReceiver() as backend:
        env = {"BACKEND_OTLP_HTTP": backend.url}
        with collector(CONFIGURATIONS / "coding-agents.yaml", tmp_path, env) as running:
            asked = Request(f"{running.http}/v1/logs", body, {"content-type": "application/json"})
            urlopen(asked, timeout=10).close()
            until(lambda: len(backend.logs) == 1)
        assert '"key":"llm.request_cost_usd","value":{"doubleValue":0.015}' in backend.json_lines()
        assert "secret" not in backend.json_lines()


def test_the_collectors_own_metrics_tell_of_prices(tmp_path: Path) -> None:
    port = str(free_port())
    with OtlpReceiver() as backend:
        env = {"TEMPO_OTLP_HTTP": backend.url, "ROLLUP_MAX_WAIT": "100ms", "OWN_METRICS_PORT": port}
        with collector(CONFIGURATIONS / "grafana.yaml", tmp_path, env) as running:
            send(running.http, call(1, 2, 1), call(2, 2, 1, model="no-such-model"))
            until(lambda: len(backend.spans) == 2)
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                told = answer.read().decode()
    assert "otelcol_processor_llm_cost_calls" in told
    assert 'reason="unknown_model"' in told
    assert "otelcol_processor_llm_cost_card_age" in told


def test_agents_send_a_trace_to_one_gateway_which_puts_the_total_on(tmp_path: Path) -> None:
    """Two agents and two gateways; the agents' spans of one trace meet at one gateway."""
    with OtlpReceiver() as backend:
        env = {"BACKEND_OTLP_HTTP": backend.url, "ROLLUP_MAX_WAIT": "2s"}
        gateway, agent = CONFIGURATIONS / "gateway.yaml", CONFIGURATIONS / "agent.yaml"
        with collector(gateway, tmp_path, env) as one, collector(gateway, tmp_path, env) as two:
            to = {"GATEWAY_1": one.grpc, "GATEWAY_2": two.grpc}
            with collector(agent, tmp_path, to) as first, collector(agent, tmp_path, to) as second:
                for trace in range(1, 11):
                    send(first.http, span(trace, 1), call(trace, 2, 1), service="web")
                    send(second.http, span(trace, 3, 1, 2), call(trace, 4, 3), service="rag")
                until(lambda: sum("llm.trace_cost_usd" in found.attributes for found in backend.spans) >= 20)
        roots = [found for found in backend.spans if not found.parent_id]
        assert {found.attributes["llm.trace_cost_usd"] for found in roots} == {0.00042}
        assert len(roots) == 10


def test_what_a_durable_agent_took_outlives_its_death(tmp_path: Path) -> None:
    """Killed while no gateway is there, with spans in its queue: they are on disk, priced, and come later."""
    agent, gateway = CONFIGURATIONS / "agent-durable.yaml", CONFIGURATIONS / "gateway.yaml"
    grpc = f"127.0.0.1:{free_port()}"
    to = {"GATEWAY_1": grpc, "GATEWAY_2": grpc, "QUEUE_FOLDER": str(tmp_path / "queue")}
    with collector(agent, tmp_path, to) as killed:
        for trace in range(1, 6):
            send(killed.http, span(trace, 1), call(trace, 2, 1))
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait()
    with OtlpReceiver() as backend:
        env = {"BACKEND_OTLP_HTTP": backend.url, "ROLLUP_MAX_WAIT": "1s", "OTLP_GRPC_LISTEN": grpc}
        with collector(gateway, tmp_path, env), collector(agent, tmp_path, to):
            until(lambda: len({found.trace_id for found in backend.spans if not found.parent_id}) == 5)
        roots = [found for found in backend.spans if not found.parent_id]
        assert {found.attributes["llm.trace_cost_usd"] for found in roots} == {0.00021}


@contextmanager
def kafka(folder: Path, partitions: int) -> Iterator[str]:
    """Run a broker on loopback that has the topic of the configurations; yield where."""
    port = free_port()
    log = folder / "kafka.log"
    with log.open("wb") as out:
        command = [need(ROOT / "build" / "kafka", "kafka"), str(port), "otlp_spans", str(partitions)]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        until(lambda: process.poll() is not None or "ready" in log.read_text())
        assert process.poll() is None, log.read_text()
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def test_a_trace_in_kafka_meets_at_one_gateway_which_puts_the_total_on(tmp_path: Path) -> None:
    """Two agents write, two gateways of one group read; a partition, and so a trace, belongs to one of them."""
    agent, gateway = CONFIGURATIONS / "kafka-agent.yaml", CONFIGURATIONS / "kafka-gateway.yaml"
    traces = range(1, 21)
    with OtlpReceiver() as backend, kafka(tmp_path, partitions=4) as broker:
        env = {"KAFKA_BROKER": broker, "BACKEND_OTLP_HTTP": backend.url, "ROLLUP_MAX_WAIT": "2s"}
        with (
            collector(gateway, tmp_path, env) as one,
            collector(gateway, tmp_path, env) as two,
            collector(agent, tmp_path, env) as first,
            collector(agent, tmp_path, env) as second,
        ):
            # A trace that arrives while partitions change hands is divided between gateways, as in a restart.
            until(lambda: all('"added": "otlp_spans[' in reads.log.read_text() for reads in (one, two)))
            for trace in traces:
                send(first.http, span(trace, 1), call(trace, 2, 1), service="web")
                send(second.http, span(trace, 3, 1, 2), call(trace, 4, 3), service="rag")
            until(lambda: sum("llm.trace_cost_usd" in found.attributes for found in backend.spans) >= 2 * len(traces))
        once = {(found.trace_id, found.span_id): found for found in backend.spans}.values()
    roots = [found for found in once if not found.parent_id]
    assert len(roots) == len(traces)
    assert {found.attributes["llm.trace_cost_usd"] for found in roots} == {0.00042}
    assert {found.attributes["llm.trace_cost_complete"] for found in roots} == {True}
    assert len([found for found in once if "llm.request_cost_usd" in found.attributes]) == 2 * len(traces)


def spend(kept: list[ExportMetricsServiceRequest]) -> dict[str, int]:
    """Return the highest value of each feature's series in nano-dollars; each only rises."""
    points: dict[str, int] = {}
    for request in kept:
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.sum.data_points if metric.name == "llm.cost.nanousd" else ():
                        assert metric.sum.is_monotonic
                        told = {each.key: each.value.string_value for each in point.attributes}
                        assert told["llm.model"] == "gpt-4o-mini"
                        feature = told["app.feature"]
                        points[feature] = max(point.as_int, points.get(feature, 0))
    return points


def test_spend_by_feature_and_model_is_the_money_once(tmp_path: Path) -> None:
    """`signal_to_metrics` adds each call once, whatever attributes it is told by and whoever sends at the same time."""
    senders, traces = 8, 25
    with OtlpReceiver() as backend, prometheus() as (address, kept):
        env = {"BACKEND_OTLP_HTTP": backend.url, "PROMETHEUS_OTLP": address}
        by, minimal = CONFIGURATIONS / "spend-metrics.yaml", CONFIGURATIONS / "minimal.yaml"
        with (
            collector(by, tmp_path, env, METRICS_BINARY, "collector-metrics") as metrics,
            collector(minimal, tmp_path, {"BACKEND_OTLP_HTTP": metrics.http, "ROLLUP_MAX_WAIT": "100ms"}) as running,
        ):

            def send_some(sender: int) -> None:
                for n in range(traces):
                    trace = 1 + sender * traces + n
                    asked = call(trace, 2, 1)
                    feature = {"key": "app.feature", "value": {"stringValue": f"feature-{trace % 2}"}}
                    asked["attributes"].append(feature)
                    send(running.http, span(trace, 1), asked)

            with ThreadPoolExecutor(senders) as pool:
                list(pool.map(send_some, range(senders)))
            until(lambda: len(backend.spans) == senders * traces * 2)
    # Both have been told to stop and have sent what they had.
    half = senders * traces // 2 * 210_000
    assert spend(kept) == {"feature-0": half, "feature-1": half}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("llm_cost: {card_files: x}", "card_files"),
        ("llm_cost: {card_file: /no/such/card.jsonl}", "card_file"),
        ("llm_cost: {card_version: 2020.01.01-000000000000}", "card_version"),
        ("llm_cost: {attributes: [llm.costs]}", "attributes"),
        ("llm_cost_rollup: {max_wait: 0s}", "max_wait"),
        ("llm_cost_rollup: {max_traces: 10, max_ended_spans: 5}", "max_ended_spans"),
        ("llm_cost_rollup: {mode: batch, correction_spans: true}", "correction_spans"),
    ],
)
def test_a_bad_configuration_does_not_start_and_names_the_key(change: str, says: str, tmp_path: Path) -> None:
    name = change.partition(":")[0]
    said = refused(
        f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{free_port()}"}}}}}}}}
processors: {{{change}}}
exporters: {{nop: }}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [{name}], exporters: [nop]}}}}
""",
        tmp_path,
    )
    assert says in said, said[-1500:]


def test_a_card_with_a_changed_byte_does_not_start(tmp_path: Path) -> None:
    card = bytearray((ROOT / "pricing" / "compiled" / "card.jsonl").read_bytes())
    card[-10] ^= 1
    (tmp_path / "card.jsonl").write_bytes(card)
    said = refused(
        f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{free_port()}"}}}}}}}}
processors: {{llm_cost: {{card_file: {tmp_path}/card.jsonl}}}}
exporters: {{nop: }}
service: {{pipelines: {{traces: {{receivers: [otlp], processors: [llm_cost], exporters: [nop]}}}}}}
""",
        tmp_path,
    )
    assert "hash" in said
    assert "card_file" in said


def test_the_built_collector_is_the_one_of_the_manifest() -> None:
    done = subprocess.run([need(BINARY), "components"], capture_output=True, text=True, timeout=60)
    assert "name: llm_cost\n" in done.stdout
    assert "name: llm_cost_rollup\n" in done.stdout
    assert "name: llm_spend\n" in done.stdout
    assert "name: llm_cost_check\n" in done.stdout
