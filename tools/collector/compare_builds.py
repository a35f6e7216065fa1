# SPDX-License-Identifier: Apache-2.0
"""What pricing adds to a Collector, of an earlier build and of the present one: CPU µs a span over the bare pipeline.

`make bench-builds BEFORE=path/to/otelcol-spancost` runs it. Both builds run in turns, in a new order each round, each
with the bare pipeline of the same settings beside it. `--alike` gives both gzip and Go's default GOGC; otherwise each
has what it ships: the earlier build gzip and all attributes, the present one zstd, the set `standard` and GOGC=200.
What else a machine does adds time and never takes any off: of each pipeline, the quicker half of its runs counts.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import table
from tests.collector.collector import BINARY
from tools.collector.throughput import SHIPPED, WARM, Figures, Pipeline, measure, request

PROCESSORS = {
    "llm_cost": ("llm_cost: ", "llm_cost, "),
    "llm_cost, llm_cost_rollup": ("llm_cost: , llm_cost_rollup: {max_wait: 2s}", "llm_cost, llm_cost_rollup, "),
}


class Build(NamedTuple):
    """A Collector to measure, the compression that it exports with, and variables of its environment."""

    name: str
    binary: Path
    compression: str
    environment: Mapping[str, str]

    def pipelines(self) -> Mapping[tuple[str, str], Pipeline]:
        chains = {"nothing": ("", ""), **PROCESSORS}
        return {
            (self.name, name): Pipeline(
                *chain, compression=self.compression, binary=self.binary, environment=self.environment
            )
            for name, chain in chains.items()
        }


def quick_half(values: list[float]) -> float:
    """Return the mean of the lower half of some values."""
    return statistics.mean(sorted(values)[: (len(values) + 1) // 2])


def compare(builds: list[Build], calls: int, requests: int, rounds: int) -> list[tuple[str, ...]]:
    """Return the rows of the table for requests with *calls* model calls in 8 spans."""
    bodies = [request(calls, seed) for seed in range(WARM + requests)]
    pipelines = {name: pipeline for build in builds for name, pipeline in build.pipelines().items()}
    found: dict[tuple[str, str], list[Figures]] = {name: [] for name in pipelines}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name in random.sample(list(pipelines), len(pipelines)):
                found[name].append(measure(pipelines[name], bodies, requests, Path(folder)))
    rows = []
    for processors in PROCESSORS:
        added = {}
        for build in builds:
            of_none, of_all = found[build.name, "nothing"], found[build.name, processors]
            none_us = quick_half([run.cpu_us for run in of_none])
            added[build.name] = quick_half([run.cpu_us for run in of_all]) - none_us
            rate = quick_half([-run.rate for run in of_all]) / quick_half([-run.rate for run in of_none])
            part = added[build.name] / added[builds[0].name]
            rows.append(
                (
                    f"{calls} in 8",
                    processors,
                    build.name,
                    build.compression,
                    f"{none_us:.2f}",
                    f"{added[build.name]:+.2f}",
                    f"{part:.2f}",
                    f"{rate:.0%}",
                )
            )
    return rows


def main() -> None:
    """Print what each build adds to the bare pipeline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="the Collector of an earlier build")
    parser.add_argument("--alike", action="store_true", help="gzip for both builds")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 4], help="model calls in 8 spans")
    chosen = parser.parse_args()
    builds = [
        Build("before", chosen.before, "gzip", {}),
        Build("present", BINARY, "gzip", {}) if chosen.alike else Build("present", BINARY, "zstd", SHIPPED),
    ]
    head = (
        "model calls",
        "processors",
        "build",
        "compression",
        "bare µs/span",
        "added",
        "of before",
        "spans/s of bare",
    )
    rows = [row for calls in chosen.calls for row in compare(builds, calls, chosen.requests, chosen.rounds)]
    print(table(head, rows))


if __name__ == "__main__":
    main()
