# SPDX-License-Identifier: Apache-2.0
"""The wheel and the sdist work in a clean virtual environment outside the checkout, with their data inside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.repository import ROOT, files

pytestmark = pytest.mark.xdist_group("wheel")  # one build and one installation for all of this file

PACKAGED = {"pricing/compiled", "pricing/released", "semconv/compiled", "billing/compiled"}
CALL = {
    "id": "a",
    "provider": "openai",
    "model": "gpt-4o-mini",
    "timestamp": "2026-11-21T12:00:00Z",
    "usage": {"input_tokens": 1_000_000, "output_tokens": 0},
}
PROGRAM = """
import json
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from spancost import LLMCostProcessor

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
provider.add_span_processor(LLMCostProcessor())
with provider.get_tracer("opentelemetry.instrumentation.openai_v2").start_as_current_span("chat gpt-4o-mini") as span:
    span.set_attributes({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 1_000_000,
        "gen_ai.usage.output_tokens": 0,
    })
print(json.dumps(dict(exporter.get_finished_spans()[0].attributes)))
"""


def run(*command: str | Path, cwd: Path, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
    """Return what *command* prints; fail with its standard error when its status is not 0."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, input=stdin, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the sdist, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def install(wheel: Path, extra: str, folder: Path) -> Path:
    """Return the `bin` folder of a new virtual environment that holds the wheel and what it requires, nothing else."""
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pins = ROOT / "requirements" / "dev.txt"
    command = [uv, "pip", "install", "--quiet", "--python", python, "--constraint", pins, f"{wheel}{extra}"]
    offline = subprocess.run([*map(str, command), "--offline"], cwd=folder, capture_output=True, check=False)
    if offline.returncode != 0:  # the cache lacks something, as when the environment was made on another machine
        run(*command, cwd=folder)
    return python.parent


@pytest.fixture(scope="module")
def environment(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(built[1], "", tmp_path_factory.mktemp("clean"))


def clean_environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OTEL_", "SPANCOST_"))}


def test_the_wheel_holds_every_data_file(built: tuple[Path, Path]) -> None:
    """Each file of the packaged folders lies in the wheel under `_data`, and nothing else does."""
    expected = {
        f"spancost/_data/{path.relative_to(ROOT)}"
        for path in files()
        if any(path.is_relative_to(ROOT / folder) for folder in PACKAGED)
    }
    found = {name for name in zipfile.ZipFile(built[1]).namelist() if name.startswith("spancost/_data/")}
    assert expected
    assert found == expected


def test_the_wheel_holds_the_package_alone(built: tuple[Path, Path]) -> None:
    """No tests, tools or examples land in somebody's site-packages."""
    tops = {name.split("/")[0] for name in zipfile.ZipFile(built[1]).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"spancost"}


def test_the_sdist_holds_what_the_tests_need(built: tuple[Path, Path]) -> None:
    """A packager can run the tests and rebuild the data from the sdist."""
    with tarfile.open(built[0]) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"Makefile", "tests/test_wheel.py", "tools/generate_semconv.py", "semconv/manifest.yaml", "LICENSE"} <= names


def test_the_installed_command_prices_a_call(environment: Path) -> None:
    """`spancost price` works outside the checkout."""
    answer = run(
        environment / "spancost", "price", cwd=environment.parent, stdin=json.dumps(CALL) + "\n", env=clean_environ()
    )
    cost = json.loads(answer)
    assert (cost["id"], cost["status"], cost["cost_usd"]) == ("a", "priced", "0.15")


def test_the_installed_processor_prices_a_span(environment: Path) -> None:
    """`LLMCostProcessor()` works outside the checkout and writes what the command says."""
    script = environment.parent / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    attributes = json.loads(run(environment / "python", script, cwd=environment.parent, env=clean_environ()))
    assert attributes["llm.request_cost_usd"] == 0.15
    assert attributes["llm.cost_status"] == "priced"
    assert attributes["llm.trace_cost_usd"] == 0.15


def test_the_first_python_example_of_the_readme_needs_the_package_alone(environment: Path) -> None:
    """It prints what the page says."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python run\n(.*?)```\n+```text output\n(.*?)```", page, re.DOTALL)
    assert found is not None
    script = environment.parent / "example.py"
    script.write_text(found[1], encoding="utf-8")
    assert run(environment / "python", script, cwd=environment.parent, env=clean_environ()) == found[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["completion", "bash"],
        ["collector-config", "--stock"],
        ["doctor"],
        ["explain", "--provider", "openai", "--model", "gpt-4o-mini", "--usage", "input_tokens=5"],
        ["models", "gpt-4o-mini"],
        ["enrich", "spans.json"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_need_the_package_alone(arguments: list[str], environment: Path) -> None:
    """No extra, and no package that only another one brings."""
    (environment.parent / "spans.json").write_text('{"resourceSpans": []}', encoding="utf-8")
    assert run(environment / "spancost", *arguments, cwd=environment.parent, env=clean_environ())


def test_capture_and_the_function_need_the_package_alone(environment: Path) -> None:
    """What capture imports is declared; gRPC does not come along."""
    code = (
        "import importlib.util, spancost\n"
        "from spancost.capture.instrumentor import CaptureInstrumentor\n"
        "CaptureInstrumentor().instrument(); assert CaptureInstrumentor()._patches is not None\n"
        "print(spancost.price(provider='openai', model='gpt-4o-mini', usage={'input_tokens': 1_000_000}).status)\n"
        "assert importlib.util.find_spec('grpc') is None"
    )
    assert run(environment / "python", "-c", code, cwd=environment.parent, env=clean_environ()) == "priced\n"


def test_the_demo_says_what_it_lacks(environment: Path) -> None:
    """Without its extra the demo names it, and shows no traceback."""
    command = [str(environment / "spancost"), "demo"]
    done = subprocess.run(command, cwd=environment.parent, env=clean_environ(), capture_output=True, text=True)
    assert done.returncode != 0
    assert "spancost[demo]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_runs_with_its_extra_alone(built: tuple[Path, Path], tmp_path: Path) -> None:
    """What the `demo` extra names is enough."""
    printed = run(install(built[1], "[demo]", tmp_path) / "spancost", "demo", cwd=tmp_path, env=clean_environ())
    assert "POST /support" in printed
