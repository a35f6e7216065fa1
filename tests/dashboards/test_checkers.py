# SPDX-License-Identifier: Apache-2.0
"""The types and grammars of the backends take every board; each also refuses a wrong one (`make test-boards`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools.dashboards.table import FOLDER, TEMPO, boards
from tools.generated import ROOT

pytestmark = pytest.mark.skipif(not os.environ.get("TEST_BOARDS"), reason="run by make test-boards")
HERE = Path(__file__).parent
GRAFANA_CHECK = ROOT / "build" / "grafana-check"
DATADOG = ROOT / ".venv-datadog" / "bin" / "python"
TRACEQL = ROOT / "build" / "traceql"


def run(*command: object, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], input=given, capture_output=True, text=True, timeout=120)


def need(path: Path, what: str) -> None:
    if not path.exists():
        pytest.skip(f"found no {path.relative_to(ROOT)}: {what} cannot be had here")


def changed(path: Path, folder: Path, *places: tuple[Sequence[str | int], object]) -> Path:
    """Return a copy of a board with other values at *places*."""
    content = json.loads(path.read_text(encoding="utf-8"))
    for keys, value in places:
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
    made = folder / path.name
    made.write_text(json.dumps(content))
    return made


def test_the_types_of_grafana_take_every_board(tmp_path: Path) -> None:
    need(GRAFANA_CHECK, "Grafana's foundation SDK")
    files = sorted((FOLDER / "grafana").glob("*.json"))
    done = run(GRAFANA_CHECK, *files)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(files)
    for keys in (["titel"], ["panels", 0, "titel"], ["panels", 0, "targets", 0, "exprr"]):
        done = run(GRAFANA_CHECK, changed(FOLDER / "grafana" / "spend-prometheus.json", tmp_path, (keys, "x")))
        assert done.returncode == 1 and str(keys[-1]) in done.stderr


def test_the_types_of_datadog_take_every_board(tmp_path: Path) -> None:
    need(DATADOG, "the client of Datadog's API")
    files = sorted((FOLDER / "datadog").glob("*.json"))
    done = run(DATADOG, HERE / "datadog_types.py", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    widget = ["widgets", 0, "definition"]
    for keys in (["layout_type"], [*widget, "type"], [*widget, "requests", 0, "queries", 0, "data_source"]):
        wrong = changed(FOLDER / "datadog" / "spend.json", tmp_path, (keys, "nothing"))
        assert run(DATADOG, HERE / "datadog_types.py", wrong).returncode == 1, keys


def test_the_grammar_of_traceql_takes_every_query() -> None:
    need(TRACEQL / "installed", "the grammar of TraceQL")
    node = shutil.which("node")
    assert node, "npm was there, and node is not"
    queries = [panel.queries[TEMPO] for board in boards() for panel in board.of(TEMPO)]
    done = run(node, HERE / "traceql.mjs", TRACEQL, given="\n".join(queries))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    wrong = run(node, HERE / "traceql.mjs", TRACEQL, given="{ span.llm.model = }\n{ span.llm.model != nil } | sum(")
    assert len(wrong.stdout.splitlines()) == 2
