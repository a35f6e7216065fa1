# SPDX-License-Identifier: Apache-2.0
"""Every code block of the pages a newcomer reads is run, and what the page says it prints is what it prints.

The second word after the fence says how: `run` (as it stands), `output` (what the block above prints), `make` (targets
that exist), `install` (extras that exist), `zero-code` (under opentelemetry-instrument), `demo` (printed by
`spancost demo`), `checkout` and `example` (from the root of the checkout), `shows` (lines that the block above prints,
among others), `step-N` (followed by tests/test_contributing.py).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import pytest

from spancost.testing import OtlpReceiver, ProviderServer
from tests.repository import ROOT

PAGES = ("README.md", "CONTRIBUTING.md", "examples/README.md")
FENCE = re.compile(r"^```(\w+) ?([\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = {"python": [sys.executable, "-c"], "bash": ["bash", "-euo", "pipefail", "-c"]}
PRINTED = {"output", "shows"}
CHECKED_ELSEWHERE = {"step-1", "step-2", "step-3"}


class Block(NamedTuple):
    """A fenced block: where it stands, its language, how it is checked, its text, what it prints if that is said."""

    place: str
    language: str
    kind: str
    text: str
    output: str | None


def blocks() -> Iterator[Block]:
    """Yield every fenced block of the pages, an `output` or `shows` block with the one above it."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        found = list(FENCE.finditer(text))
        assert text.count("\n```") == 2 * len(found), f"{page}: a fence without a language, or inside a list"
        for match, following in zip(found, [*found[1:], None], strict=True):
            if match[2] not in PRINTED:
                output = following[3] if following and following[2] in PRINTED else None
                line = text.count("\n", 0, match.start()) + 1
                yield Block(f"{page}:{line}", match[1], match[2], match[3], output)


BLOCKS = list(blocks())


def of(kind: str) -> pytest.MarkDecorator:
    chosen = [block for block in BLOCKS if block.kind == kind]
    assert chosen, f"no block is marked {kind}"
    return pytest.mark.parametrize("block", chosen, ids=lambda block: block.place)


def run(command: list[str], cwd: Path, extra: dict[str, str] | None = None, quiet: bool = True) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SPANCOST_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    env = {**kept, "PATH": path, **(extra or {})}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-3000:]
    if quiet:
        assert done.stderr == ""
    return done.stdout if quiet else done.stdout + done.stderr


def test_every_block_is_checked_in_some_way() -> None:
    """A block of a kind that no test knows would be decoration."""
    known = {"run", "make", "install", "zero-code", "demo", "checkout", "example"} | CHECKED_ELSEWHERE
    assert [block.place for block in BLOCKS if block.kind not in known] == []


@of("run")
def test_a_block_runs_and_prints_what_the_page_says(block: Block, tmp_path: Path) -> None:
    """Blocks run in an empty folder, with nothing but the installed package."""
    printed = run([*COMMANDS[block.language], block.text], tmp_path)
    assert printed == (block.output or "")


@of("make")
def test_a_make_target_exists(block: Block) -> None:
    """`make -n` plans the target without running it."""
    for target in re.findall(r"^make ([a-z-]+)", block.text, re.MULTILINE):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@of("install")
def test_an_extra_exists(block: Block) -> None:
    """The extras in an install line are declared; tests/test_wheel.py installs the package itself."""
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[project.optional-dependencies]")[1]
    for extra in re.findall(r"\[([a-z]+)\]", block.text):
        assert re.search(rf"^{extra} = \[", declared, re.MULTILINE), extra


@of("demo")
def test_the_demo_shows_what_the_page_shows(block: Block, tmp_path: Path) -> None:
    """The page shows lines of the demo's output as they are at 80 columns."""
    printed = run(["spancost", "demo", "--width", "80"], tmp_path)
    assert block.text in "".join(line.rstrip() + "\n" for line in printed.splitlines())


@of("zero-code")
def test_the_zero_code_line_puts_costs_on_spans(block: Block, tmp_path: Path) -> None:
    """A program without telemetry is priced as the provider billed it.

    The `pip install` line needs a network, so it is not run: its packages are those of the test environment.
    """
    installs, command = block.text.splitlines()
    for package in installs.removeprefix("pip install --quiet ").split():
        assert distribution(package)
    shutil.copy(ROOT / "examples" / "zero_code" / "app.py", tmp_path / "app.py")
    with ProviderServer() as provider, OtlpReceiver() as receiver:
        extra = {
            "OPENAI_API_KEY": "local",
            "OPENAI_BASE_URL": f"{provider.url}/v1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRICS_EXPORTER": "none",  # the receiver takes traces only
        }
        run([*COMMANDS["bash"], command], tmp_path, extra)
        costs = [span.attributes["llm.request_cost_usd"] for span in receiver.spans if "llm.rate_id" in span.attributes]
        assert costs == [pytest.approx(float(provider.bill.total_usd), rel=1e-9)]


@of("checkout")
def test_a_command_from_the_checkout_prints_what_the_page_shows(block: Block) -> None:
    """The page's commands name the environment that `make install` makes; some print to standard error."""
    text = block.text.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    printed = run([*COMMANDS[block.language], text], ROOT, {"COLUMNS": "80"}, quiet=False)
    assert block.output
    assert block.output in "".join(line.rstrip() + "\n" for line in printed.splitlines())


@of("example")
def test_an_example_s_command_works_from_the_checkout(block: Block) -> None:
    """The page's commands name the environment that `make install` makes."""
    text = block.text.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    assert re.search(r"^answer .*in all \$0\.0000\d+", run([*COMMANDS["bash"], text], ROOT), re.MULTILINE)


def test_the_readme_is_short() -> None:
    """A newcomer reads it in a few minutes."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200
