# SPDX-License-Identifier: Apache-2.0
"""Run the matrix of clients and instrumentations (tests/live) and write what it came to as a page of the documentation.

Needs the environment of `make test-live`. `make live-table` runs it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.live import matrix

PROCESSES = 2
MARKS = {"billed": "✓", "said": "says so", "unseen": "no span", "wrong": "✗"}
PACKAGES = (
    "openai",
    "anthropic",
    "langchain",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-genai-openai",
    "opentelemetry-instrumentation-genai-anthropic",
    "opentelemetry-instrumentation-genai-langchain",
    "opentelemetry-instrumentation-openai",
    "opentelemetry-instrumentation-anthropic",
    "opentelemetry-instrumentation-langchain",
    "openinference-instrumentation-openai",
    "openinference-instrumentation-anthropic",
    "openinference-instrumentation-langchain",
)


def page(results: Mapping[matrix.Run, Mapping[str, matrix.Result]]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Live: real clients under real instrumentations"
    yield ""
    yield "<!-- Written by `make live-table`; edit tests/live/matrix.json. -->"
    yield ""
    yield "Each cell is a real client calling a provider on loopback that keeps a bill, traced as named, exported over"
    yield "OTLP and compared with the bill to the last digit. `otel` are OpenTelemetry's own GenAI instrumentations;"
    yield "*anthropic's own* are the spans the anthropic client makes by itself."
    yield ""
    for outcome, meaning in matrix.document()["outcomes"].items():
        yield f"- {MARKS[outcome]}: {meaning}"
    yield ""
    cells = [result.outcome for found in results.values() for result in found.values()]
    yield f"{len(cells)} cells: " + ", ".join(f"{cells.count(name)} {MARKS[name]}" for name in matrix.RANK) + "."
    for client in matrix.document()["clients"]:
        yield from _table(client, {run: found for run, found in results.items() if run.client == client})
    yield from _limits()
    yield "## Versions"
    yield ""
    yield from (f"- {name} {version(name)}" for name in PACKAGES)


def _table(client: str, results: Mapping[matrix.Run, Mapping[str, matrix.Result]]) -> Iterator[str]:
    yield from ("", f"## {client}", "")
    runs = list(results)
    yield from (f"{number}. {run.name.partition(': ')[2]}" for number, run in enumerate(runs, 1))
    yield ""
    yield "| call | " + " | ".join(str(number) for number in range(1, len(runs) + 1)) + " |"
    yield "|---" * (len(runs) + 1) + "|"
    for call in matrix.document()["clients"][client]["calls"]:
        yield f"| {call} | " + " | ".join(MARKS[results[run][call].outcome] for run in runs) + " |"


def _limits() -> Iterator[str]:
    yield from ("", "## What is not ✓, and why", "", "| call | under | outcome | because |", "|---|---|---|---|")
    for limit in matrix.limits():
        yield f"| `{limit.call}` | `{limit.run}` | {MARKS[limit.outcome]} | {limit.because} |"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, required=True, help="where to write")
    where = parser.parse_args().page
    with ThreadPoolExecutor(PROCESSES) as pool:
        results = dict(zip(matrix.runs(), pool.map(matrix.execute, matrix.runs()), strict=True))
    where.write_text("\n".join(page(results)) + "\n", encoding="utf-8")
    print(f"{where}: {sum(map(len, results.values()))} cells of {len(results)} runs")


if __name__ == "__main__":
    main()
