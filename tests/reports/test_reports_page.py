# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/reports.md print what the page shows. `python -m tests.reports.test_reports_page` updates it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from spancost.cli import main
from spancost.testing.support_week import json_lines
from tests.repository import ROOT

PAGE = ROOT / "docs" / "reports.md"
SHOWN = re.compile(
    r"^```bash week\n(?P<command>spancost [^\n]*)\n```\n\n```text output\n(?P<output>.*?)```$", re.MULTILINE | re.DOTALL
)


def printed(command: str) -> str:
    """Return what a command prints in the current folder, which holds week.jsonl."""
    done = CliRunner().invoke(main, shlex.split(command)[1:], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def shown() -> Iterator[tuple[str, str]]:
    for match in SHOWN.finditer(PAGE.read_text(encoding="utf-8")):
        yield match["command"], match["output"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "week.jsonl").write_text(json_lines(), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("command", "output"), list(shown()), ids=[command for command, _ in shown()])
def test_a_command_prints_what_the_page_shows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: str, output: str
) -> None:
    """On the generated week, which `spancost demo --week --spans week.jsonl` writes."""
    monkeypatch.chdir(folder)
    assert printed(command) == output


def update() -> None:
    """Write what the commands print into the page."""
    import os
    import tempfile

    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        Path("week.jsonl").write_text(json_lines(), encoding="utf-8")
        new = SHOWN.sub(
            lambda match: f"```bash week\n{match['command']}\n```\n\n```text output\n{printed(match['command'])}```",
            text,
        )
        os.chdir(ROOT)
    PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    update()
