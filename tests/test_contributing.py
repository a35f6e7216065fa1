# SPDX-License-Identifier: Apache-2.0
"""The steps of CONTRIBUTING.md work, word by word, in a copy of the repository.

A `yaml step-N` block is appended to (or makes) the file that its first line names; then its `bash step-N` block is run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.repository import ROOT, files

pytestmark = pytest.mark.xdist_group("contributing")  # one copy of the repository for all of this file

BLOCK = re.compile(r"^```(yaml|bash) (step-\d)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = {(match[1], match[2]): match[3] for match in BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text("utf-8"))}
COPIED = ("pricing", "semconv", "src", "tools")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Return the JSON lines that each step printed, steps in the order of their numbers."""
    copy = tmp_path_factory.mktemp("contributing")
    for path in files():
        if path.relative_to(ROOT).parts[0] in COPIED:
            (copy / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy / path.relative_to(ROOT))
    return {step: follow(step, copy) for step in ("step-1", "step-2", "step-3")}


def follow(step: str, copy: Path) -> list[dict[str, Any]]:
    written = BLOCKS["yaml", step]
    name, text = re.fullmatch(r"# (\S+)\n(.*)", written, re.DOTALL).groups()  # type: ignore[union-attr]
    target = copy / name
    before = target.read_text("utf-8") if target.exists() else ""
    target.write_text(insert(before, text), "utf-8")
    script = BLOCKS["bash", step].replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    env = {**os.environ, "PYTHONPATH": str(copy / "src")}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=copy, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def insert(before: str, text: str) -> str:
    """Return *before* with *text* at its end, where the newest model of a provider's file stands."""
    assert not before or before.endswith("\n")
    return before + text


def test_a_model_that_was_added_is_priced_under_its_names_only(answers: dict[str, list[dict[str, Any]]]) -> None:
    """The date that the entry admits is found; an invented name is not."""
    dated, invented = answers["step-1"]
    assert (dated["id"], dated["status"], dated["cost_usd"]) == ("dated", "priced", "2")
    assert (invented["id"], invented["status"], invented["cost_usd"]) == ("invented", "unpriced", None)


def test_a_price_that_changed_leaves_the_old_one_to_its_time(answers: dict[str, list[dict[str, Any]]]) -> None:
    """The day before the change costs what it cost, and the card has another version."""
    before, after = answers["step-2"]
    assert [before["cost_usd"], after["cost_usd"]] == ["2", "1"]
    assert before["pricing_version"] == after["pricing_version"] != answers["step-1"][0]["pricing_version"]


def test_a_dialect_that_was_added_is_read(answers: dict[str, list[dict[str, Any]]]) -> None:
    """A span in the new words carries a cost."""
    span = answers["step-3"][0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    values = {entry["key"]: entry["value"] for entry in span["attributes"]}
    assert values["llm.cost_status"] == {"stringValue": "priced"}
    assert values["llm.request_cost_usd"] == {"doubleValue": 0.15}
