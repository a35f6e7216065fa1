# SPDX-License-Identifier: Apache-2.0
"""docs/dialects.md names every dialect, and the compiled dialects are those of the sources."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.repository import ROOT


def test_the_page_names_every_dialect() -> None:
    compiled = json.loads((ROOT / "semconv/compiled/dialects.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/dialects.md").read_text(encoding="utf-8")
    assert [entry["id"] for entry in compiled["dialects"] if f"`{entry['id']}`" not in page] == []


def test_the_compiled_dialects_are_those_of_the_sources() -> None:
    done = subprocess.run(
        [sys.executable, "tools/compile_dialects.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
