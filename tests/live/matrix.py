# SPDX-License-Identifier: Apache-2.0
"""The matrix of clients, ways of calling and instrumentations (matrix.json): its runs, and what each call came to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RANK = ("billed", "apart", "said", "unseen", "wrong")
"""Outcomes, best first."""


class Run(NamedTuple):
    """One process: calls of one client under some instrumentations.

    native: the spans that a client or framework makes by itself are on. fast: it needs the development environment
    only. group: the environment it runs in, `.venv-live-GROUP`. provider: who makes the tracer provider, "" for the
    application.
    """

    client: str
    instrument: tuple[str, ...]
    native: bool
    fast: bool
    group: str
    provider: str

    @property
    def name(self) -> str:
        own = document()["clients"][self.client].get("own") if self.native else None
        return f"{self.client}: {' + '.join([*self.instrument, *([own] if own else [])])}"


class Limit(NamedTuple):
    """What spans do not carry: calls (patterns, with spaces between) and runs (patterns, with ` | ` between), the
    outcome to be, and the fact behind it."""

    call: str
    run: str
    outcome: str
    because: str


class Result(NamedTuple):
    """What a call came to. usd, billed_usd: of the trace and the bill, None when not known. detail: evidence."""

    call: str
    outcome: str
    usd: float | None
    billed_usd: float | None
    detail: str


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "matrix.json").read_text(encoding="utf-8"))
    return found


def runs() -> list[Run]:
    """Return the runs in the order of the file."""
    return [_run(row) for row in document()["runs"]]


def _run(row: Mapping[str, Any]) -> Run:
    group = row.get("group") or document()["clients"][row["client"]]["group"]
    native, fast = row.get("native", True), row.get("fast", False)
    return Run(row["client"], tuple(row["instrument"]), native, fast, group, row.get("provider", ""))


def limits() -> list[Limit]:
    return [Limit(**row) for row in document()["limits"]]


def allowed(run: Run, call: str) -> Limit | None:
    """Return the limit of *call* in *run*, None when it is to be `billed`; the first that matches holds."""
    name = f"{run.client}.{call}"
    for limit in limits():
        is_called = any(fnmatchcase(name, pattern) for pattern in limit.call.split())
        if is_called and any(fnmatchcase(run.name, pattern) for pattern in limit.run.split(" | ")):
            return limit
    return None


def interpreter(run: Run) -> str:
    """Return the Python of the run's environment; a fast run does without one."""
    python = ROOT / f".venv-live-{run.group}" / "bin" / "python"
    return str(python) if python.exists() or not run.fast else sys.executable


def execute(run: Run, timeout_seconds: float = 400) -> dict[str, Result]:
    """Make the calls of *run* in a process of their own; call -> result."""
    table = document()
    client = table["clients"][run.client]
    asked = {
        "provider": table["providers"].get(run.provider),
        "instrument": [table["instrumentations"][name] for name in run.instrument],
        "calls": [f"{client['module']}:{call}" for call in client["calls"]],
        "capture_providers": [_capture_provider(run, call) for call in client["calls"]],
    }
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "SPANCOST_"))}
    own = {"ANTHROPIC_OPEN_TELEMETRY": "true" if run.native else "false", **table["environment"]}
    done = subprocess.run(
        [interpreter(run), "-W", "ignore", str(HERE / "worker.py")],
        input=json.dumps(asked),
        env={**kept, **own},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    assert done.returncode == 0, f"{run.name}: the worker failed\n{done.stderr}"
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {(result := _result(answer)).call: result for answer in answers}


def _capture_provider(run: Run, call: str) -> str | None:
    """Return the provider that capture is told to be at the server of *call*, None when it is told none."""
    named: Mapping[str, str] = document()["clients"][run.client].get("capture_providers", {})
    if "capture" not in run.instrument:
        return None
    return next((provider for pattern, provider in named.items() if fnmatchcase(call, pattern)), None)


def _result(answer: Mapping[str, Any]) -> Result:
    root = answer["root"]
    usd = root.get("llm.trace_cost_usd")
    detail = answer["error"] or json.dumps(
        {"root": root, "spans": answer["spans"], "scopes": answer["scopes"]}, indent=1
    )
    call = answer["call"].partition(":")[2]
    billed = None if answer["unknown_calls"] else answer["billed_usd"]
    outcome = "wrong" if answer["error"] else _outcome(root, usd, billed)
    if outcome == "wrong" and not answer["error"] and _is_estimated(answer["spans"]):
        outcome = "said"
    if outcome == "unseen" and answer["other_totals"]:
        outcome = _outcome_apart(answer["other_totals"], billed)
    return Result(call, outcome, usd, billed, detail)


def _is_estimated(spans: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a span says that its tokens are not the provider's own; the trace is complete all the same."""
    return any(span.get("llm.cost_status") == "estimated" for span in spans)


def _outcome(root: Mapping[str, Any], usd: float | None, billed: float | None) -> str:
    if "llm.trace_requests" not in root and billed != 0:
        return "unseen"
    if root.get("llm.trace_cost_complete") is False:
        return "said"
    return "billed" if (usd or 0.0) == billed else "wrong"


def _outcome_apart(reporting: Sequence[Mapping[str, Any]], billed: float | None) -> str:
    """Return the outcome of a call that the total of its request lacks, and that the totals of others have."""
    complete = all(root.get("llm.trace_cost_complete") for root in reporting)
    together = _outcome(
        {"llm.trace_requests": len(reporting), "llm.trace_cost_complete": complete},
        sum(root.get("llm.trace_cost_usd", 0.0) for root in reporting),
        billed,
    )
    return "apart" if together == "billed" else together
