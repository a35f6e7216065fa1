# SPDX-License-Identifier: Apache-2.0
"""Throughput and CPU of the built Collector, otlp → batch → otlp, with and without each processor, in one run.

PYTHONPATH=. python collector/tools/throughput.py [--requests 200] [--rounds 3] prints a table in Markdown. What else
the machine does counts: compare the rows of one run with one another, not with those of another run.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spancost.testing.otlp_receiver import _recode_ids
from tests.collector.collector import call, collector, span

SPANS = 512
PER_TRACE = 8
TICKS = os.sysconf("SC_CLK_TCK")
HEAD = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTLP_HTTP_LISTEN}"}}}}
exporters: {otlp: {endpoint: "${env:SINK}", tls: {insecure: true}, sending_queue: {queue_size: 100000}}}
"""
SINK = """
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:OTLP_GRPC_LISTEN}"}}}}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
"""
ROWS = {
    "nothing": ("", ""),
    "llm_cost": ("llm_cost: ", "llm_cost, "),
    "llm_cost, llm_cost_rollup batch": (
        "llm_cost: , llm_cost_rollup: {mode: batch}",
        "llm_cost, llm_cost_rollup, ",
    ),
    "llm_cost, llm_cost_rollup hold": (
        "llm_cost: , llm_cost_rollup: {max_wait: 2s}",
        "llm_cost, llm_cost_rollup, ",
    ),
    "transform (stock)": ("", "transform/llm_cost, "),
}


def request(calls: int, seed: int) -> bytes:
    """Return a request of spans in traces of eight, of which *calls* are model calls."""
    chance = random.Random(seed)
    spans: list[dict[str, Any]] = []
    for _ in range(SPANS // PER_TRACE):
        trace = chance.getrandbits(127) + 1
        http_like = {
            "http__request__method": "POST",
            "url__full": "https://example.com/v1/things",
            "http__response__status_code": 200,
            "server__port": 443,
            "network__protocol__version": "1.1",
            "user_agent__original": "python-httpx/0.28",
        }
        spans += [span(trace, n, 1 if n > 1 else 0, 3, **http_like) for n in range(1, PER_TRACE + 1 - calls)]
        spans += [call(trace, n, 1, 1000 + n) for n in range(PER_TRACE + 1 - calls, PER_TRACE + 1)]
    document = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "load"}}]},
                "scopeSpans": [{"scope": {"name": "opentelemetry.instrumentation.openai_v2"}, "spans": spans}],
            }
        ]
    }
    _recode_ids(document, to_hex=False)
    return json_format.ParseDict(document, ExportTraceServiceRequest()).SerializeToString()


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(name: str, bodies: list[bytes], count: int, folder: Path, stock: str) -> tuple[float, float]:
    """Return spans a second and microseconds of the Collector's CPU a span."""
    processors, chain = ROWS[name]
    config, sink = folder / "load.yaml", folder / "sink.yaml"
    sink.write_text(SINK)
    made = stock + "  batch:\n" if "stock" in name else f"processors: {{batch: , {processors}}}\n"
    pipeline = f"{{receivers: [otlp], processors: [{chain}batch], exporters: [otlp]}}"
    config.write_text(f"{made}{HEAD}\nservice: {{pipelines: {{traces: {pipeline}}}}}\n")
    with collector(sink, folder) as to, collector(config, folder, {"SINK": to.grpc}) as running:
        connection = http.client.HTTPConnection(running.http.removeprefix("http://"))

        def send(body: bytes) -> None:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200

        for body in bodies[:20]:
            send(body)
        start, before = time.perf_counter(), cpu_seconds(running.process.pid)
        for n in range(count):
            send(bodies[n % len(bodies)])
        spent, wall = cpu_seconds(running.process.pid) - before, time.perf_counter() - start
    return count * SPANS / wall, spent / (count * SPANS) * 1e6


def main() -> None:
    """Print the table: the best of some rounds for each row, and its part of the row without processors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    made = subprocess.run(
        ["spancost", "collector-config", "--stock"], capture_output=True, text=True, check=True
    ).stdout
    print("| model calls | processors | spans/s | of none | CPU µs/span | CPU over none |")
    print("|---|---|---|---|---|---|")
    for calls in (0, 1, 4):
        bodies = [request(calls, seed) for seed in range(200)]
        best: dict[str, tuple[float, float]] = {}
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(chosen.rounds):
                for name in ROWS:
                    rate, cpu = measure(name, bodies, chosen.requests, Path(folder), made)
                    old = best.get(name, (0.0, 1e9))
                    best[name] = max(rate, old[0]), min(cpu, old[1])
        none = best["nothing"]
        for name, (rate, cpu) in best.items():
            told = (
                f"{calls} in 8",
                name,
                f"{rate:,.0f}",
                f"{rate / none[0]:.0%}",
                f"{cpu:.2f}",
                f"{cpu - none[1]:+.2f} µs",
            )
            print("| " + " | ".join(told) + " |", flush=True)


if __name__ == "__main__":
    main()
