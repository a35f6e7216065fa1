# SPDX-License-Identifier: Apache-2.0
"""Run the matrix of clients and instrumentations (tests/live) and write what it came to into the documentation.

Needs the environments of `make test-live`. `make live-table` runs it. With --results, runs that the file holds are not
made again and the others are added to it, so that a long matrix can be gone through in parts.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.live import matrix

PROCESSES = 2
MARKS = {"billed": "✓", "apart": "apart", "said": "says so", "unseen": "no span", "wrong": "✗"}
BEGIN, END = "<!-- The matrix below is written by `make live-table`. -->", "<!-- End of the matrix. -->"
_VERSION = (
    "import json, sys; from importlib.metadata import version; print(json.dumps([version(n) for n in sys.argv[1:]]))"
)

Results = Mapping[matrix.Run, Mapping[str, matrix.Result]]


def page(results: Results) -> Iterator[str]:
    """Yield the lines of the page that has every cell."""
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
    yield from ("", tally(results))
    for client in matrix.document()["clients"]:
        yield from _table(client, {run: found for run, found in results.items() if run.client == client})
    yield from _limits()
    yield from _versions({run.group for run in results})


def tally(results: Results) -> str:
    """Return how many cells came to which outcome, in words."""
    cells = [result.outcome for found in results.values() for result in found.values()]
    return f"{len(cells)} cells: " + ", ".join(f"{cells.count(name)} {MARKS[name]}" for name in matrix.RANK) + "."


def summary(results: Results) -> Iterator[str]:
    """Yield a line for each run: how many of its calls cost what was billed, and the outcome of each other one."""
    yield from (BEGIN, "", tally(results), "", "| client | under | ✓ | else |", "|---|---|---|---|")
    for run, found in results.items():
        billed = sum(result.outcome == "billed" for result in found.values())
        other = "; ".join(
            f"{MARKS[outcome]}: {', '.join(call for call, result in found.items() if result.outcome == outcome)}"
            for outcome in matrix.RANK[1:]
            if any(result.outcome == outcome for result in found.values())
        )
        yield f"| {run.client} | {run.name.partition(': ')[2]} | {billed} of {len(found)} | {other} |"
    yield from ("", END)


def _table(client: str, results: Results) -> Iterator[str]:
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


def _versions(groups: set[str]) -> Iterator[str]:
    """Yield what is installed in the environment of each group, of that which its requirements name."""
    yield from ("## Versions", "")
    for group in sorted(groups):
        lines = (matrix.HERE / f"requirements-{group}.in").read_text(encoding="utf-8").splitlines()
        names = [re.split(r"[\[<>=]", line)[0] for line in lines if line and not line.startswith("#")]
        names.append("opentelemetry-sdk")
        python = matrix.ROOT / f".venv-live-{group}" / "bin" / "python"
        done = subprocess.run([python, "-c", _VERSION, *names], capture_output=True, text=True, check=True)
        pairs = zip(names, json.loads(done.stdout), strict=True)
        yield f"- {group}: " + ", ".join(f"{name} {version}" for name, version in pairs)


def gather(kept: Path | None) -> dict[matrix.Run, dict[str, matrix.Result]]:
    """Return the results of all runs: those in the file *kept*, and the others made now and added to it."""
    known = json.loads(kept.read_text(encoding="utf-8")) if kept and kept.exists() else {}

    def results_of(run: matrix.Run) -> dict[str, matrix.Result]:
        calls = matrix.document()["clients"][run.client]["calls"]
        if list(known.get(run.name, ())) != calls:
            known[run.name] = {call: result._asdict() for call, result in matrix.execute(run).items()}
            if kept:
                kept.write_text(json.dumps(known), encoding="utf-8")
        return {call: matrix.Result(**fields) for call, fields in known[run.name].items()}

    with ThreadPoolExecutor(PROCESSES) as pool:
        return dict(zip(matrix.runs(), pool.map(results_of, matrix.runs()), strict=True))


def insert(page_with_markers: Path, lines: Iterator[str]) -> None:
    """Replace what stands between the markers of a page, markers included."""
    text = page_with_markers.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"{page_with_markers}: found no such pair of lines; expected {BEGIN} and {END}, once each")
    before, _, rest = text.partition(BEGIN)
    page_with_markers.write_text(before + "\n".join(lines) + rest.partition(END)[2], encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, required=True, help="the page to write, with every cell")
    parser.add_argument("--dialects", type=Path, help="the page that has a line for each run between its markers")
    parser.add_argument("--results", type=Path, help="a file of results to go on from")
    asked = parser.parse_args()
    results = gather(asked.results)
    asked.page.write_text("\n".join(page(results)) + "\n", encoding="utf-8")
    if asked.dialects:
        insert(asked.dialects, summary(results))
    print(f"{asked.page}: {tally(results)}")


if __name__ == "__main__":
    main()
