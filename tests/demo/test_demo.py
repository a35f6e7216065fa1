# SPDX-License-Identifier: Apache-2.0
"""`spancost demo`, run as a newcomer runs it; page-80.txt and page-120.txt are what it prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VERSION = re.compile(r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}-[0-9a-f]{12}")


def demo(*arguments: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command after *code*, in a process of its own: it instruments clients and sets the global provider."""
    script = f"{code}\nfrom spancost.cli import main\nmain({['demo', *arguments]!r})"
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "SPANCOST_", "ANTHROPIC_"))
    }
    clean |= {"PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run(
        [sys.executable, "-c", script], env=clean, capture_output=True, text=True, encoding="utf-8", check=False
    )


def settled(page: str) -> str:
    """Return *page* with the version of the rate card made equal, and without what is not seen."""
    page = VERSION.sub("YYYY.MM.DD-0123456789ab", page)
    return "".join(f"{line.rstrip()}\n" for line in page.splitlines())


@pytest.mark.parametrize("width", [80, 120])
def test_the_page_is_the_same_every_time(width: int) -> None:
    """Piped, so without colour, at both widths, and not a column wider; a proxy in the environment is not used."""
    proxy = "http://127.0.0.1:9"
    run = demo("--width", str(width), http_proxy=proxy, https_proxy=proxy)
    assert (run.stderr, run.returncode) == ("", 0)
    assert settled(run.stdout) == (HERE / f"page-{width}.txt").read_text(encoding="utf-8")
    assert max(map(len, run.stdout.splitlines())) <= width


def test_colour_is_for_terminals_that_want_it_and_plain_ones_get_plain_characters(tmp_path: Path) -> None:
    """FORCE_COLOR colours; an ASCII terminal sees no box characters; the spans are kept where asked."""
    kept = tmp_path / "spans.jsonl"
    run = demo("--spans", str(kept), "--width", "80", FORCE_COLOR="1", PYTHONIOENCODING="ascii")
    assert (run.stderr, run.returncode) == ("", 0)
    assert "\x1b[" in run.stdout and run.stdout.isascii()
    spans = [
        span
        for line in kept.read_text().splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert f"{len(spans)} spans" in run.stdout
    assert any(pair["key"] == "llm.trace_cost_usd" for span in spans for pair in span["attributes"])


def test_a_missing_extra_is_named() -> None:
    """What to install, in one line, and no traceback."""
    run = demo(code="import sys; sys.modules['openinference'] = None")
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        "Error: found no module openinference.instrumentation; expected the demo extra: pip install 'spancost[demo]'"
    ]
