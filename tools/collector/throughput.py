# SPDX-License-Identifier: Apache-2.0
"""What the processors cost a Collector: throughput and CPU of otlp → batch → otlp with and without each, and the
nanoseconds of their parts.

`make bench-collector` runs it and writes the part of docs/performance.md about the Collector. What else the machine
does counts: pipelines are run in turns, in a new order each round, and compared with the bare one of the same round.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.machine import describe
from benchmarks.report import COLLECTOR_HEAD, table
from spancost.store.otlp_receiver import recode_ids
from tests.collector.collector import BINARY, ROOT, call, collector, span

SPANS = 512
PER_TRACE = 8
CONNECTIONS = 2
WARM = 40
BUILDER = ROOT / "collector-config" / "builder.yaml"
ABOUT = """\
`make bench-collector` writes this part: the built Collector, OTLP in over HTTP by two connections, `batch`, OTLP out
over gRPC to a second Collector, all on one machine, which they share with the client that sends. Requests hold 512
spans in traces of eight. The pipelines are run in turns, in a new order each round; *of none* and *over none* compare
with the bare pipeline of the same round. What is written is also encoded and sent: a priced call grows by up to 17
attributes. All pipelines run with `GOGC=200`, as the shipped unit and image do.
"""
TICKS = os.sysconf("SC_CLK_TCK")
SHIPPED: Mapping[str, str] = {"GOGC": "200"}
"""Variables of the shipped units and images that change the CPU."""
HEAD = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTLP_HTTP_LISTEN}"}}}}
exporters:
  otlp: {endpoint: "${env:SINK}", compression: %s, tls: {insecure: true}, sending_queue: {queue_size: 100000}}
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
    recode_ids(document, to_hex=False)
    return json_format.ParseDict(document, ExportTraceServiceRequest()).SerializeToString()


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Figures(NamedTuple):
    """What one run of a pipeline came to: spans a second, and microseconds of the Collector's CPU a span."""

    rate: float
    cpu_us: float


class Pipeline(NamedTuple):
    """What a Collector runs: settings of processors, their names in order with commas, and what it exports with.

    *stock* is the head of a configuration that has the processors already.
    """

    processors: str
    chain: str
    stock: str = ""
    compression: str = "gzip"
    binary: Path = BINARY
    environment: Mapping[str, str] = SHIPPED

    def configuration(self) -> str:
        made = f"{self.stock}  batch:\n" if self.stock else f"processors: {{batch: , {self.processors}}}\n"
        pipeline = f"{{receivers: [otlp], processors: [{self.chain}batch], exporters: [otlp]}}"
        return f"{made}{HEAD % self.compression}\nservice: {{pipelines: {{traces: {pipeline}}}}}\n"


def measure(pipeline: Pipeline, bodies: list[bytes], count: int, folder: Path) -> Figures:
    """Send *count* requests through a pipeline, over two connections at a time."""
    config, sink = folder / "load.yaml", folder / "sink.yaml"
    sink.write_text(SINK)
    config.write_text(pipeline.configuration())
    with (
        collector(sink, folder) as to,
        collector(config, folder, {"SINK": to.grpc, **pipeline.environment}, pipeline.binary) as running,
    ):
        address = running.http.removeprefix("http://")
        with senders(address) as send_all:
            send_all(bodies[:WARM])
            start, before = time.perf_counter(), cpu_seconds(running.process.pid)
            send_all([bodies[(WARM + n) % len(bodies)] for n in range(count)])
            spent, wall = cpu_seconds(running.process.pid) - before, time.perf_counter() - start
    return Figures(count * SPANS / wall, spent / (count * SPANS) * 1e6)


@contextmanager
def senders(address: str) -> Iterator[Any]:
    """Yield what sends requests over connections that are kept."""
    connections = [http.client.HTTPConnection(address) for _ in range(CONNECTIONS)]

    def send(connection: http.client.HTTPConnection, bodies: list[bytes]) -> None:
        for body in bodies:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        yield lambda bodies: [
            done.result()
            for done in [pool.submit(send, each, bodies[n::CONNECTIONS]) for n, each in enumerate(connections)]
        ]
    for each in connections:
        each.close()


def pipelines(requests: int, rounds: int) -> list[tuple[str, ...]]:
    """Return the rows of the table: each pipeline against the bare one of the same round, medians over the rounds."""
    stock = subprocess.run(["spancost", "collector-config", "--stock"], capture_output=True, text=True, check=True)
    rows = []
    for calls in (0, 1, 4):
        bodies = [request(calls, seed) for seed in range(WARM + requests)]
        found: dict[str, list[Figures]] = {name: [] for name in ROWS}
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(rounds):
                for name in random.sample(list(ROWS), len(ROWS)):
                    pipeline = Pipeline(*ROWS[name], stock=stock.stdout if "stock" in name else "")
                    found[name].append(measure(pipeline, bodies, requests, Path(folder)))
        bare = found["nothing"]
        for name, runs in found.items():
            pairs = list(zip(runs, bare, strict=True))
            rows.append(
                (
                    f"{calls} in 8",
                    name,
                    f"{statistics.median(run.rate for run in runs):,.0f}",
                    f"{statistics.median(run.rate / none.rate for run, none in pairs):.0%}",
                    f"{statistics.median(run.cpu_us for run in runs):.2f}",
                    f"{statistics.median(run.cpu_us - none.cpu_us for run, none in pairs):+.2f}",
                )
            )
    return rows


def nanoseconds() -> dict[str, float]:
    """Return the least nanoseconds of some runs of each benchmark; per span where the benchmark reports that."""
    command = ["go", "test", "./collector/...", "-run", "^$", "-bench", "Traces|Alone|Price$|Ledger$", "-cpu", "1"]
    done = subprocess.run([*command, "-count", "5"], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = {}
    package = ""
    for line in done.stdout.splitlines():
        package = line.rpartition("/")[2] if line.startswith("pkg:") else package
        if (
            matched := re.match(r"Benchmark(\S+)\s.*?([0-9.]+) ns/(span|op)(?:.*?([0-9.]+) ns/span)?", line)
        ) is not None:
            key = f"{package}.{matched[1]}"
            found[key] = min(float(matched[4] or matched[2]), found.get(key, 1e18))
    return found


def budgets(ns: dict[str, float], rows: list[tuple[str, ...]]) -> str:
    """Return the table of what was promised."""
    bare = ns["llmcostprocessor.TracesWithoutCalls"]
    call_ns = 8 * ns["llmcostprocessor.TracesOneInEight"] - 7 * bare
    other, spent = ns["llmspendconnector.TracesWithoutCalls"], ns["llmspendconnector.TracesAllCalls"]
    least = min((row[3] for row in rows if row[1].startswith("llm_cost")), key=lambda part: int(part[:-1]))
    found_rows = [
        ("`llm_cost`, a span that is no call", "≤ 100 ns", f"{bare:.0f} ns", bare <= 100),
        (
            "a call read and priced, without the Collector's data",
            "≤ 1 µs",
            f"{ns['ledger.Alone']:.0f} ns",
            ns["ledger.Alone"] <= 1000,
        ),
        ("`llm_cost`, a call in all, 17 attributes written", "≤ 1 µs", f"{call_ns:.0f} ns", call_ns <= 1000),
        (
            "the ledger of `llm_cost_rollup`, a span",
            "≤ 0.5 µs",
            f"{ns['ledger.Ledger']:.0f} ns",
            ns["ledger.Ledger"] <= 500,
        ),
        ("`llm_spend`, a span that is no call", "≤ 0.2 µs", f"{other:.0f} ns", other <= 200),
        ("`llm_spend`, a call", "≤ 1.5 µs", f"{spent:.0f} ns", spent <= 1500),
        ("spans a second of the bare pipeline, the least row below", "≥ 90 %", least, int(least[:-1]) >= 90),
    ]
    return table(
        ("what", "budget", "measured", ""), [(*row[:3], "holds" if row[3] else "**missed**") for row in found_rows]
    )


def versions() -> dict[str, str]:
    """Return the machine, and the versions of the Collector's parts that are compared."""
    machine = describe()
    pinned = re.findall(r"/(otlpreceiver|batchprocessor|transformprocessor) (v\S+)", BUILDER.read_text())
    go = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()
    kept = {key: machine[key] for key in ("date", "processor", "system", "load at the end", "spancost")}
    return {**kept, "go": go, **dict(pinned)}


def main() -> None:
    """Print the part of the page about the Collector, and put it there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", type=Path)
    chosen = parser.parse_args()
    rows = pipelines(chosen.requests, chosen.rounds)
    head = ("model calls", "processors", "spans/s", "of none", "CPU µs/span", "over none")
    ns = nanoseconds()
    part = (
        f"{COLLECTOR_HEAD}\n\n{ABOUT}\n{table(('what', 'which'), versions().items())}\n{budgets(ns, rows)}\n"
        f"{table(head, rows)}\n"
        "Nanoseconds of Go's benchmarks, the least of five runs on one core; of a span where a batch is sent.\n\n"
        f"{table(('benchmark', 'ns'), [(name, f'{found:,.0f}') for name, found in sorted(ns.items())])}"
    )
    print(part)
    if chosen.page:
        before = chosen.page.read_text(encoding="utf-8").partition(COLLECTOR_HEAD)[0].rstrip()
        chosen.page.write_text(f"{before}\n\n{part.rstrip()}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
