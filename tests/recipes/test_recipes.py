# SPDX-License-Identifier: Apache-2.0
"""Runs each recipe of docs/recipes.md with the real packages, each in an environment that holds only what it names.

A block's second word says what it is: `install`, `run`, or the name of the file that it holds. The calls go to a
provider on loopback, whose bill the costs must equal. Run by `make test-recipes`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from spancost.testing import OtlpReceiver, ProviderServer
from tests.repository import ROOT

SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```(\w+) ([\w.-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = ROOT / ".venv-recipes"
UV = Path(sys.executable).parent / "uv"

pytestmark = pytest.mark.skipif(not os.environ.get("TEST_RECIPES"), reason="run by make test-recipes")


class Recipe(NamedTuple):
    """A section: what it installs, its files by name, and the command that it runs."""

    name: str
    packages: tuple[str, ...]
    files: dict[str, str]
    command: str


def readme() -> Recipe:
    """The zero-code block of the README, after its install block, with the program that it runs."""
    blocks = {kind: content for _, kind, content in FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))}
    install, command = blocks["zero-code"].splitlines()
    packages = install.removeprefix("pip install --quiet ").split()
    app = (ROOT / "examples" / "zero_code" / "app.py").read_text(encoding="utf-8")
    return Recipe("README", ("spancost", *packages, "openai"), {"app.py": app}, command)


def recipes() -> list[Recipe]:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    parts = SECTION.split(page)
    found = [readme()]
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        blocks = {kind: content for _, kind, content in FENCE.findall(text)}
        if "run" not in blocks:
            continue
        packages = blocks.pop("install").removeprefix("pip install ").replace("'", "").split()
        command = blocks.pop("run")
        found.append(Recipe(name, tuple(packages), blocks, command))
    return found


def environment(recipe: Recipe) -> Path:
    """Return the folder of programs of an environment with the packages of *recipe* and nothing else."""
    place = PLACE / re.sub(r"\W+", "-", recipe.name.lower())
    python = place / "bin" / "python"
    if not python.exists():
        subprocess.run([UV, "--no-config", "venv", "--quiet", place, "--python", sys.executable], check=True)
    wanted = [str(ROOT) + package.removeprefix("spancost") for package in recipe.packages if package[:8] == "spancost"]
    others = [package for package in recipe.packages if package[:8] != "spancost"]
    install = [UV, "--no-config", "pip", "install", "--quiet", "--python", python, *others, *wanted]
    subprocess.run(install, check=True)
    return place / "bin"


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)
def test_a_recipe_puts_the_billed_cost_on_spans(recipe: Recipe, tmp_path: Path) -> None:
    """The sum over all spans is the provider's bill, and the program makes at least one call."""
    programs = environment(recipe)
    for name, text in recipe.files.items():
        (tmp_path / name).write_text(text)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SPANCOST_"))}
    with ProviderServer() as provider, OtlpReceiver() as receiver:
        environ = {
            **kept,
            "PATH": os.pathsep.join([str(programs), kept.get("PATH", "")]),
            "OPENAI_API_KEY": "local",
            "OPENAI_BASE_URL": f"{provider.url}/v1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRICS_EXPORTER": "none",
            # The server stands for api.openai.com, whose name alone says who the provider is.
            "SPANCOST_CAPTURE_PROVIDERS": f"{provider.url.removeprefix('http://')}=openai",
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", recipe.command],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        bill = float(provider.bill.total_usd)
        costs = [each.attributes["llm.request_cost_usd"] for each in receiver.spans if "llm.rate_id" in each.attributes]
        assert bill > 0, done.stderr[-4000:]
        seen = "\n".join(f"{each.scope} {each.name} {dict(each.attributes)}" for each in receiver.spans)
        assert sum(costs) == pytest.approx(bill, rel=1e-9), f"{seen}\n{done.stderr[-3000:]}"
