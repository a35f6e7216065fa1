# SPDX-License-Identifier: Apache-2.0
"""What holds for several commands: the card they price by, completion, the version, and strict checks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import spancost
from spancost.cli import main
from spancost.config import data
from tests.cli.test_enrich import attributes, call, request
from tests.core.test_price_vectors import SMALL
from tests.repository import ROOT

PRICING = ("price", "enrich", "explain", "verify", "contract", "collector-config", "models", "doctor", "run")
SMALL_CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-a",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}


@pytest.mark.parametrize("name", PRICING)
def test_every_command_that_prices_takes_a_card(name: str) -> None:
    command = main.get_command(main.make_context("spancost", ["models"]), name)  # type: ignore[arg-type]
    assert command is not None
    assert "--card" in {option for parameter in command.params for option in parameter.opts}


def test_enrich_and_doctor_price_by_the_card_that_is_named() -> None:
    """A model that only this card has."""
    line = json.dumps(request(1, **SMALL_CALL)) + "\n"
    done = CliRunner().invoke(main, ["enrich", "--card", str(SMALL)], input=line)
    assert attributes(done.stdout)["llm.cost_status"] == "priced"
    for options, is_priced in ((["--card", str(SMALL)], True), ([], False)):
        found = CliRunner().invoke(main, ["doctor", "-", "--json", *options], input=line).stdout
        assert ("unknown_model" not in found) is is_priced


@pytest.mark.parametrize("command", [["enrich"], ["doctor"], ["run", "--", "true"]])
def test_a_card_that_is_not_there_is_said_in_a_sentence(command: list[str]) -> None:
    name, *others = command
    done = CliRunner().invoke(main, [name, "--card", "none.jsonl", *others], input="")
    assert done.exit_code == 1
    assert "found no file 'none.jsonl'" in done.stderr


def test_a_program_that_is_run_prices_by_the_card_that_is_named(tmp_path: Path) -> None:
    """Wherever it is run, and whatever folder it changes to."""
    script = "import os; os.chdir('/'); from spancost.config.settings import load; print(load().card)"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from spancost.cli import main; main()",
            "run",
            "--card",
            SMALL.name,
            "--",
            sys.executable,
            "-c",
            script,
        ],
        cwd=SMALL.parent,
        env={**os.environ, "SPANCOST_CARD": "another"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(SMALL)


@pytest.mark.parametrize(("model", "strict"), [("gpt-4o", 0), ("acme-1", 1)])
def test_a_strict_doctor_fails_on_a_problem(model: str, strict: int) -> None:
    """And on nothing else; without the option it only tells."""
    line = json.dumps(request(1, **{**SMALL_CALL, "gen_ai.request.model": model})) + "\n"
    assert CliRunner().invoke(main, ["doctor", "-", "--strict"], input=line).exit_code == strict
    assert CliRunner().invoke(main, ["doctor", "-"], input=line).exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert f"_SPANCOST_COMPLETE={shell}_complete" in done.stdout


def test_commands_and_options_are_completed() -> None:
    """What the printed script asks for."""
    words = {"COMP_WORDS": "spancost enrich --ca", "COMP_CWORD": "2", "_SPANCOST_COMPLETE": "bash_complete"}
    code = "from spancost.cli import main; main(prog_name='spancost')"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **words}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["plain,--card"]


def test_the_version_is_told_without_an_installation(tmp_path: Path) -> None:
    """A checkout on the path has no metadata."""
    code = (
        f"import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [{str(ROOT / 'src')!r}]\n"
        "import importlib.metadata as metadata\n"
        "def version(name): raise metadata.PackageNotFoundError(name)\n"
        "metadata.version = version\n"
        f"sys.path += {[path for path in sys.path if 'site-packages' in path]!r}\n"
        "from spancost.cli import main; main(['--version'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(spancost.__version__)


def test_unpriced_calls_are_counted_apart_from_verified_ones() -> None:
    """And alone they are still something that was looked at."""
    unknown = request(3, 1, **{**SMALL_CALL, "gen_ai.request.model": "acme-1"})
    enriched = CliRunner().invoke(
        main, ["enrich"], input="".join(json.dumps(line) + "\n" for line in (call(2, 1), unknown, request(1)))
    )
    done = CliRunner().invoke(main, ["verify", "--json"], input=enriched.stdout)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (done.exit_code, summary["calls_verified"], summary["calls_unpriced"]) == (0, 1, 1)
    page = CliRunner().invoke(main, ["verify"], input=enriched.stdout).stdout
    version = data.default_card().version
    assert f"1 call and 1 total verified with {version}, 1 call without a price: all values match" in page
