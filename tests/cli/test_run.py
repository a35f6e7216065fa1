# SPDX-License-Identifier: Apache-2.0
"""`spancost run`: the program's own streams, signals, status and exporters stay as they are; its costs are shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from spancost.cli import main
from spancost.testing import OtlpReceiver

COMMAND = [sys.executable, "-c", "from spancost.cli import main; main()", "run"]
CALL = """
import os, sys
from opentelemetry import trace
def call(model="gpt-4o", tokens=1000):
    with trace.get_tracer("opentelemetry.instrumentation.openai_v2").start_as_current_span("chat " + model) as span:
        span.set_attributes({
            "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": model,
            "gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 0,
        })
"""
OWN_SET_UP = (
    CALL
    + """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
provider = TracerProvider()
line = lambda span: f"{span.name} {span.attributes.get('llm.request_cost_usd')}\\n"
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=line)))
trace.set_tracer_provider(provider)
assert trace.get_tracer_provider() is provider
"""
)


def environ(**more: str) -> dict[str, str]:
    """An environment without settings, and without the installed instrumentations, which take seconds to import."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "SPANCOST_"))}
    return {**clean, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*", "PYTHONIOENCODING": "utf-8", **more}


def run(
    tmp_path: Path, text: str, *options: str, python: tuple[str, ...] = (sys.executable,), **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the program *text* under the command."""
    program = tmp_path / "program.py"
    program.write_text(text, encoding="utf-8")
    return subprocess.run(
        [*COMMAND, "--width", "80", *options, "--", *python, str(program), "argument"],
        env=environ(**more),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def test_a_program_with_a_set_up_of_its_own_keeps_it(tmp_path: Path) -> None:
    """Its provider and exporter are in use, its output and status are its own; the spans that are kept verify."""
    kept = tmp_path / "kept.jsonl"
    work = "call()\ncall('acme-1')\nprint(sys.argv[1:])\nprint('its own error', file=sys.stderr)\nsys.exit(3)\n"
    done = run(tmp_path, OWN_SET_UP + work, "--save", str(kept))
    assert done.stdout == "chat gpt-4o 0.0025\nchat acme-1 None\n['argument']\n"
    assert done.returncode == 3
    assert done.stderr.startswith("its own error\n")
    assert "≥ $0.002500 for 2 model calls, 1 of them without a price" in done.stderr
    assert "Cost by model" in done.stderr
    assert "acme-1 of openai is not on the rate card" in " ".join(done.stderr.split())
    verified = CliRunner().invoke(main, ["verify", str(kept)])
    assert verified.exit_code == 0, verified.output
    assert "1 call and 2 totals verified" in verified.output and "1 call without a price" in verified.output


def test_a_program_without_a_set_up_gets_one_that_exports_where_the_environment_says(tmp_path: Path) -> None:
    """Both the receiver named in the environment and the page have the call, with its cost."""
    with OtlpReceiver() as receiver:
        there = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_SERVICE_NAME": "shop", "NO_PROXY": "127.0.0.1"}
        done = run(tmp_path, CALL + "call()\n", **there)
        (span,) = receiver.spans
    assert (done.returncode, done.stdout) == (0, "")
    assert span.attributes["llm.request_cost_usd"] == 0.0025
    assert span.resource["service.name"] == "shop"
    assert "$0.002500 for 1 model call" in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_spans_of_forks_and_of_programs_that_die_are_there(tmp_path: Path) -> None:
    """Neither `os._exit` nor a kill loses a span; the status is as a shell has it."""
    work = (
        "call(tokens=1)\nif os.fork() == 0:\n    call(tokens=2)\n    os._exit(0)\nos.wait()\nos.kill(os.getpid(), 9)\n"
    )
    done = run(tmp_path, CALL + work)
    assert done.returncode == 128 + signal.SIGKILL
    assert "for 2 model calls" in done.stderr
    assert "status 137" in " ".join(done.stderr.split())


def test_a_signal_is_passed_on(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        CALL + "import signal\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "call()\nprint('ready', flush=True)\nsignal.pause()\n"
    )
    command = [*COMMAND, "--", sys.executable, str(program)]
    with subprocess.Popen(command, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        page = process.stderr.read()
    assert process.returncode == 7
    assert "for 1 model call" in page


def test_it_works_around_opentelemetry_instrument(tmp_path: Path) -> None:
    """Whose own set-up is used; the call is counted once and recorded once."""
    instrument = str(Path(sys.executable).parent / "opentelemetry-instrument")
    done = run(
        tmp_path,
        CALL + "call()\n",
        python=(instrument, sys.executable),
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="openai,anthropic,httpx,httpx2,spancost_capture",
    )
    assert done.returncode == 0, done.stderr
    assert "$0.002500 for 1 model call" in done.stderr


def test_what_keeps_costs_out_is_said(tmp_path: Path) -> None:
    """An isolated Python, a Python without spancost, a program that makes no span; each ends as it would."""
    isolated = run(tmp_path, "print('done')", python=(sys.executable, "-I"))
    assert (isolated.stdout, isolated.returncode) == ("done\n", 0)
    assert "No Python process took part" in isolated.stderr
    broken = tmp_path / "without" / "spancost"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('not installed here')", encoding="utf-8")
    without = run(
        tmp_path, "print('done')", python=("env", f"PYTHONPATH={sites()}{os.pathsep}{broken.parent}", sys.executable)
    )
    assert (without.stdout, without.returncode) == ("done\n", 0)
    assert "ImportError: not installed here" in " ".join(without.stderr.split())
    silent = run(tmp_path, "print('done')")
    assert "The program created no span" in silent.stderr


def sites() -> str:
    from spancost.run import program

    return str(Path(program.__file__).parent / "site")


def test_a_sitecustomize_that_is_there_is_still_run(tmp_path: Path) -> None:
    """Ours stands before it."""
    (tmp_path / "sitecustomize.py").write_text("print('customized')", encoding="utf-8")
    path = f"PYTHONPATH={sites()}{os.pathsep}{tmp_path}"
    done = run(tmp_path, "print('program')", python=("env", path, sys.executable))
    assert done.stdout == "customized\nprogram\n"


def test_a_command_that_cannot_be_started_ends_as_in_a_shell(tmp_path: Path) -> None:
    missing = CliRunner().invoke(main, ["run", "--", str(tmp_path / "program.py")])
    assert missing.exit_code == 127
    assert "did you mean: spancost run -- python" in missing.output
    (tmp_path / "program.py").write_text("")
    assert CliRunner().invoke(main, ["run", "--", str(tmp_path / "program.py")]).exit_code == 126


def test_without_rich_the_extra_is_named() -> None:
    """Before the program is run, and without a traceback."""
    code = (
        "import sys; sys.modules['rich'] = None\nfrom spancost.cli import main\nmain(['run', '--', 'echo', 'started'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "expected the cli extra: pip install 'spancost[cli]'" in done.stderr
    assert "Traceback" not in done.stderr
