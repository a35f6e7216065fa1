# SPDX-License-Identifier: Apache-2.0
"""`spancost run --budget`: the program's calls are refused beyond it, over all its processes, and the page says so."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest.importorskip("openai")
PROGRAM = """
import os, subprocess, sys
import openai
from opentelemetry import trace
import httpx2
from spancost import BudgetExceeded
from spancost.testing import ProviderServer
from spancost.testing.clients import http_client
with ProviderServer() as server:
    client = openai.OpenAI(api_key="none", http_client=http_client(httpx2, server))
    sent = 0
    try:
        for _ in range(50):
            messages = [{"role": "user", "content": "again"}]
            client.chat.completions.create(model="gpt-4o", messages=messages, max_tokens=50)
            sent += 1
    except BudgetExceeded as refused:
        print("refused", refused.budget, sent, len(server.exchanges))
"""


def run(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    others = {each.name for each in entry_points(group="opentelemetry_instrumentor")} - {"spancost_capture"}
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "SPANCOST_"))}
    command = [sys.executable, "-c", "from spancost.cli import main; main()", "run", "--width", "100", *options]
    return subprocess.run(
        [*command, "--", sys.executable, str(program)],
        env={**clean, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(others), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
    )


@pytest.mark.slow
def test_a_program_is_stopped_at_its_budget(tmp_path: Path) -> None:
    """The calls that were sent are within it."""
    done = run(tmp_path, "--budget", "0.002")
    word, budget, sent, exchanges = done.stdout.split()
    assert (word, budget) == ("refused", "total") and 0 < int(sent) == int(exchanges) < 50
    assert "Budget total: $0.00" in done.stderr and "1 call refused" in done.stderr and done.returncode == 0


def test_a_wrong_budget_is_refused_before_the_program_runs(tmp_path: Path) -> None:
    done = run(tmp_path, "--budget", "total:2/fortnight")
    assert done.returncode == 2 and "--budget: found the window 'fortnight'" in done.stderr and done.stdout == ""
