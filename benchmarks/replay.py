# SPDX-License-Identifier: Apache-2.0
"""What recorded spans of every dialect cost the ledger, beside the build of 2026-11-22 in the same run.

The spans are those of the dialects' vectors, each below a root; `REPLAY=FILE` names a file of OTLP JSON instead, one
request a line. The older build comes out of git; where that has no such commit, it is left out. `COMPILED=WHEEL` adds
a compiled wheel (`make wheel-compiled`).
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from statistics import median
from typing import Any

from spancost.store.otlp_json import any_value

ROOT = Path(__file__).resolve().parents[1]
BASELINE = "3cb3d9b28c061bebb8db12d8fe941ecbd8cdc24b"
"""The build of 2026-11-22."""
BASE, OURS, COMPILED = "build of 2026-11-22", "spancost", "spancost, compiled"
_START_NS = 1_795_000_000_000_000_000


def measure(rounds: int) -> dict[str, Any]:
    """Return for each build the µs a span and the ratio to the older build; the builds take turns."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(os.environ.get("REPLAY") or vectors(Path(folder) / "corpus.jsonl"))
        builds = {BASE: _baseline(Path(folder) / "base"), OURS: ROOT / "src"}
        if os.environ.get("COMPILED"):
            with zipfile.ZipFile(os.environ["COMPILED"]) as wheel:
                wheel.extractall(Path(folder) / "compiled")
            builds[COMPILED] = Path(folder) / "compiled"
        found: dict[str, list[float]] = {name: [] for name, path in builds.items() if path is not None}
        for _ in range(max(3, rounds // 10)):
            for name in found:
                found[name].append(min(_run(builds[name], corpus, 8)))
        number = sum(_number(json.loads(line)) for line in corpus.read_text(encoding="utf-8").splitlines())
    return {
        "spans": number,
        "source": "a recording" if os.environ.get("REPLAY") else "the vectors of the dialects",
        "builds": {
            name: {
                "us_a_span": min(taken) * 1e3 / number,
                "ratio": median(ours / base for ours, base in zip(taken, found[BASE], strict=True))
                if BASE in found
                else None,
            }
            for name, taken in found.items()
        },
    }


def vectors(target: Path) -> Path:
    """Write the spans of the dialects' vectors as OTLP JSON into *target*, each below a root of its own; return it."""
    lines = []
    for number, file in enumerate(sorted((ROOT / "tests/vectors/dialect").glob("*.json")), 1):
        span = json.loads(file.read_text(encoding="utf-8")).get("span")
        if isinstance(span, dict) and isinstance(span.get("attributes"), dict):
            lines.append(json.dumps(_request(number, span)))
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def _request(number: int, span: dict[str, Any]) -> dict[str, Any]:
    attributes = [{"key": key, "value": any_value(value)} for key, value in span["attributes"].items()]
    ids = {"traceId": f"{number:032x}", "startTimeUnixNano": str(_START_NS)}
    call = {
        **ids, "spanId": f"{2 * number:016x}", "parentSpanId": f"{2 * number + 1:016x}", "name": span.get("name", ""),
        "endTimeUnixNano": str(_START_NS + 1_000_000), "attributes": attributes,
    }  # fmt: skip
    root = {**ids, "spanId": f"{2 * number + 1:016x}", "name": "root", "endTimeUnixNano": str(_START_NS + 2_000_000)}
    scope = {"name": span.get("scope", ""), "version": span.get("version", "")}
    scopes = [{"scope": scope, "spans": [call]}, {"scope": {"name": "app"}, "spans": [root]}]
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": scopes}]}


def _number(request: dict[str, Any]) -> int:
    return sum(len(scope["spans"]) for resource in request["resourceSpans"] for scope in resource["scopeSpans"])


def _baseline(folder: Path) -> Path | None:
    """Return the `src` of the older build, taken out of git into *folder*; None when git does not have it."""
    command = ["git", "-C", str(ROOT), "archive", BASELINE, "src", "pricing", "semconv"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        print("replay: git has no build of 2026-11-22; it is left out", file=sys.stderr)
        return None
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


def _run(build: Path | None, corpus: Path, rounds: int) -> list[float]:
    command = [sys.executable, str(ROOT / "benchmarks/replay_worker.py"), str(corpus), str(rounds)]
    environment = {**os.environ, "PYTHONPATH": str(build)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    taken: list[float] = json.loads(done.stdout.splitlines()[-1])
    return taken
