# SPDX-License-Identifier: Apache-2.0
"""Redelivery, refusals and a killed Collector: the money of roll-up and connector, and own counters."""

from __future__ import annotations

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from spancost.store.otlp_receiver import OtlpReceiver
from tests.collector.collector import call, collector, free_port, own, post, send, send_until_taken, span, until
from tests.collector.prometheus_stub import prometheus
from tests.collector.test_spend import nano, sums

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("collector-faults")]
PIPELINE = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTLP_HTTP_LISTEN}"}}}}
processors:
  llm_cost:
  llm_cost_rollup: {max_wait: 1s}
connectors:
  llm_spend: {flush_interval: 200ms, zero_for: 200ms}
exporters:
  otlp_http:
    endpoint: "${env:BACKEND_OTLP_HTTP}"
    sending_queue: {queue_size: "${env:QUEUE_SIZE:-1000}", num_consumers: 4}
    retry_on_failure: {initial_interval: 100ms, max_interval: 200ms, max_elapsed_time: 0s}
  otlp_http/spend: {metrics_endpoint: "${env:SPEND}", compression: none}
service:
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: "${env:OWN_METRICS_PORT}"}}}}]}
  pipelines:
    traces: {receivers: [otlp], processors: [llm_cost, llm_cost_rollup], exporters: [otlp_http, llm_spend]}
    metrics: {receivers: [llm_spend], exporters: [otlp_http/spend]}
"""
TRACES = 200
TOKENS = 1000
NANO = "llm.request_cost_nanousd"
TRACE_NANO = "llm.trace_cost_nanousd"


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    config = tmp_path / "pipeline.yaml"
    config.write_text(PIPELINE)
    return config


def test_a_healthy_pipeline_fails_to_enqueue_nothing(pipeline: Path, tmp_path: Path) -> None:
    """Traces that are released together leave in few requests."""
    with OtlpReceiver() as backend, prometheus() as (spend, kept):
        port = str(free_port())
        env = {"BACKEND_OTLP_HTTP": backend.url, "SPEND": spend, "OWN_METRICS_PORT": port}
        with collector(pipeline, tmp_path, env) as running, ThreadPoolExecutor(4) as pool:

            def some(first: int) -> None:
                for trace in range(first, first + 10 * TRACES, 10):
                    send(running.http, *(s for n in range(10) for s in (span(trace + n, 1), call(trace + n, 2, 1))))

            list(pool.map(some, range(1, 4 * 10 * TRACES, 10 * TRACES)))
            until(lambda: len(backend.spans) == 4 * 10 * TRACES * 2)
            assert own(port, "otelcol_exporter_enqueue_failed_spans") == 0
            assert own(port, "otelcol_processor_llm_cost_rollup_refused_spans") == 0
    assert sum(sums(kept, "llm.cost.usd").values()) == 4 * 10 * TRACES * nano(TOKENS)


def test_a_request_delivered_three_times_counts_once(pipeline: Path, tmp_path: Path) -> None:
    with OtlpReceiver() as backend, prometheus() as (spend, kept):
        env = {"BACKEND_OTLP_HTTP": backend.url, "SPEND": spend, "OWN_METRICS_PORT": str(free_port())}
        with collector(pipeline, tmp_path, env) as running:
            for _ in range(2):
                send(running.http, span(1, 1), call(1, 2, 1), call(1, 3, 1))
            until(lambda: any(TRACE_NANO in found.attributes for found in backend.spans))
            send(running.http, span(1, 1), call(1, 2, 1), call(1, 3, 1))
            until(lambda: len(backend.spans) == 9)
        roots = [found.attributes for found in backend.spans if not found.parent_id]
    assert [root[TRACE_NANO] for root in roots] == [2 * nano(TOKENS)] * 3, "a copy after the release has the total too"
    assert sum(sums(kept, "llm.cost.usd").values()) == 2 * nano(TOKENS)


def test_a_backend_that_refuses_under_a_small_queue_loses_and_doubles_nothing(pipeline: Path, tmp_path: Path) -> None:
    """Clients are told to try again, and repeat whole requests; the money is that of each span once."""
    with OtlpReceiver(status=503) as backend, prometheus() as (spend, kept):
        port = str(free_port())
        env = {"BACKEND_OTLP_HTTP": backend.url, "SPEND": spend, "OWN_METRICS_PORT": port, "QUEUE_SIZE": "4"}
        with collector(pipeline, tmp_path, env) as running, ThreadPoolExecutor(8) as pool:

            def some(trace: int) -> int:
                return send_until_taken(running.http, span(trace, 1), call(trace, 2, 1))

            sent = [pool.submit(some, trace) for trace in range(1, TRACES + 1)]
            time.sleep(4)
            backend.status = 200
            refusals = sum(each.result() for each in sent)
            until(lambda: sum(TRACE_NANO in found.attributes for found in backend.spans) >= TRACES)
            assert own(port, "otelcol_processor_llm_cost_rollup_refused_spans") == 0
        found = {(each.trace_id, each.span_id): each.attributes for each in backend.spans}
    assert refusals > 0, "the queue was never full"
    assert len(found) == 2 * TRACES, "spans were lost"
    assert sum(each.get(NANO, 0) for each in found.values()) == TRACES * nano(TOKENS)
    assert [each[TRACE_NANO] for each in found.values() if TRACE_NANO in each] == [nano(TOKENS)] * TRACES
    assert sum(sums(kept, "llm.cost.usd").values()) == TRACES * nano(TOKENS)


def test_what_was_exported_before_a_kill_stays_and_the_rest_starts_anew(pipeline: Path, tmp_path: Path) -> None:
    with OtlpReceiver() as backend, prometheus() as (spend, kept):
        env = {"BACKEND_OTLP_HTTP": backend.url, "SPEND": spend, "OWN_METRICS_PORT": str(free_port())}
        with collector(pipeline, tmp_path, env) as killed:
            send(killed.http, span(1, 1), call(1, 2, 1))
            until(lambda: sum(sums(kept, "llm.cost.usd").values()) == nano(TOKENS))
            assert post(killed.http, span(2, 1), call(2, 2, 1)) == 200
            killed.process.send_signal(signal.SIGKILL)
            killed.process.wait()
        before = sum(sums(kept, "llm.cost.usd").values())
        with collector(pipeline, tmp_path, env) as running:
            send(running.http, span(3, 1), call(3, 2, 1))
    after = sum(sums(kept, "llm.cost.usd").values())
    assert before in (nano(TOKENS), 2 * nano(TOKENS)), "at most what came since the last export is lost"
    assert after == before + nano(TOKENS)


def test_open_traces_that_are_stored_are_complete_after_a_restart(pipeline: Path, tmp_path: Path) -> None:
    """The Collector's storage extension keeps what is held, the calls of open traces and the ids of ended spans."""
    folder = tmp_path / "state"
    extension = f"extensions: {{file_storage: {{directory: {folder}, create_directory: true}}}}\n"
    stored = PIPELINE.replace("{max_wait: 1s}", "{max_wait: 2s, storage: file_storage}")
    pipeline.write_text(extension + stored.replace("service:\n", "service:\n  extensions: [file_storage]\n"))
    with OtlpReceiver() as backend, prometheus() as (spend, _):
        env = {"BACKEND_OTLP_HTTP": backend.url, "SPEND": spend, "OWN_METRICS_PORT": str(free_port())}
        with collector(pipeline, tmp_path, env) as running:
            spans = [span(1, 1), call(1, 2, 1), span(1, 3, 1), call(1, 4, 3), span(1, 5, 3), call(1, 6, 5)]
            send(running.http, *spans[:3])
        with collector(pipeline, tmp_path, env) as running:
            send(running.http, *spans[3:5])
        with collector(pipeline, tmp_path, env) as running:
            send(running.http, spans[5])
            until(lambda: len(backend.spans) == len(spans))
        (root,) = (found.attributes for found in backend.spans if not found.parent_id)
    assert root[TRACE_NANO] == 3 * nano(TOKENS)
    assert root["llm.trace_cost_complete"] is True


LARGE, SMALL, SMALL_TRACES = 10_000, 4, 400


def _traffic(chance: random.Random, number: int) -> tuple[list[list[dict[str, Any]]], dict[int, int]]:
    """Return requests for one Collector, of a large trace and small ones in any order, and the cost of each trace."""
    spans: list[dict[str, Any]] = []
    bills: dict[int, int] = {}
    for trace, size in ((1 + number, LARGE), *((3 + 2 * n + number, SMALL) for n in range(SMALL_TRACES))):
        others = size * 3 // 4
        spans += [span(trace, n, n - 1, 3 if n > 1 else 2) for n in range(1, others + 1)]
        tokens = [1 + chance.randrange(5_000) for _ in range(size // 4)]
        spans += [call(trace, size + n, 1 + chance.randrange(others), each) for n, each in enumerate(tokens)]
        bills[trace] = sum(map(nano, tokens))
    chance.shuffle(spans)
    return [spans[n : n + 400] for n in range(0, len(spans), 400)], bills


@pytest.mark.parametrize("shards", [1, 32])
def test_large_traces_over_two_collectors_cost_their_bill(shards: int, pipeline: Path, tmp_path: Path) -> None:
    """A trace of 10,000 spans a Collector, thousands deep, in requests of any order, whatever the number of shards."""
    chance = random.Random(shards)
    bills: dict[int, int] = {}
    also = {"processors::llm_cost_rollup::shards": str(shards), "processors::llm_cost_rollup::max_wait": "8s"}
    with OtlpReceiver() as backend, prometheus() as (spend, kept), ExitStack() as stack:
        env = {"BACKEND_OTLP_HTTP": backend.url, "SPEND": spend}
        running = [
            stack.enter_context(collector(pipeline, tmp_path, {**env, "OWN_METRICS_PORT": str(free_port())}, also=also))
            for _ in range(2)
        ]
        pool = stack.enter_context(ThreadPoolExecutor(4))
        sent = []
        for number, each in enumerate(running):
            requests, of_each = _traffic(chance, number)
            bills |= of_each
            sent += [pool.submit(send, each.http, *request) for request in requests]
        assert [each.result() for each in sent] == [None] * len(sent)
        until(lambda: sum(TRACE_NANO in found.attributes for found in backend.spans) >= len(bills))
    found = {(each.trace_id, each.span_id): each for each in backend.spans}
    assert len(found) == 2 * (LARGE + SMALL_TRACES * SMALL)
    roots = {int(str(each.trace_id), 16): each.attributes for each in found.values() if not each.parent_id}
    assert {trace: root[TRACE_NANO] for trace, root in roots.items()} == bills
    assert {root["llm.trace_cost_complete"] for root in roots.values()} == {True}
    assert sum(sums(kept, "llm.cost.usd").values()) == sum(bills.values())
