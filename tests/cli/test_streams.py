# SPDX-License-Identifier: Apache-2.0
"""What every command does with files it cannot write, streams that are closed, and options nobody knows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = f"{sys.executable} -c 'from spancost.cli import main; main()'"
CALL = (
    '{"id": 1, "provider": "openai", "model": "gpt-4o", "timestamp": "2026-11-21T12:00:00Z", "usage": '
    '{"input_tokens": 5}}'
)
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")


def shell(command: str, tmp_path: Path, buffered: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in a folder that holds call.jsonl and contract.yaml."""
    (tmp_path / "call.jsonl").write_text(CALL + "\n", encoding="utf-8")
    (tmp_path / "contract.yaml").write_text("contract: 1\nname: ours\nterms: []\n", encoding="utf-8")
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-c", command.replace("spancost", COMMAND, 1)],
        cwd=tmp_path,
        env=environ if buffered else {**environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@FULL
@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("line", ["spancost price < call.jsonl", "spancost doctor", "spancost contract contract.yaml"])
def test_a_device_that_is_full_is_said_in_a_sentence(line: str, buffered: bool, tmp_path: Path) -> None:
    """No traceback, and not the status of a run that went well."""
    done = shell(f"{line} > /dev/full", tmp_path, buffered)
    assert done.returncode == 1
    assert "Error: output: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.parametrize("line", ["spancost price <&-", "spancost enrich <&-", "spancost price < call.jsonl >&-"])
def test_a_closed_stream_is_an_empty_one(line: str, tmp_path: Path) -> None:
    """As /dev/null would be."""
    done = shell(line, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """`| head` ends a long answer without a word."""
    done = shell("spancost price < <(yes '" + CALL + "' | head -20000) | head -1", tmp_path)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("spancost contract contract.yaml --output gone/c.json", "found no folder 'gone'"),
        ("spancost contract contract.yaml --output .", "is a directory"),
        ("spancost demo --spans gone/spans.jsonl", "found no folder 'gone'"),
        ("spancost run --save gone/spans.jsonl -- touch started", "found no folder 'gone'"),
        ("spancost run --sav spans.jsonl -- touch started", "No such option"),
    ],
)
def test_what_cannot_be_written_is_said_before_any_work(line: str, said: str, tmp_path: Path) -> None:
    """A program is not run for hours and its spans lost."""
    done = shell(line, tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("command", ["doctor -", "verify", "enrich", "extract"])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_text_that_cannot_be_printed_ends_nothing(command: str, encoding: str, tmp_path: Path) -> None:
    """Half a character in what a model is called, or a terminal without letters for it."""
    model = {"key": "gen_ai.request.model", "value": {"stringValue": "m\ud800\u6f22"}}
    usage = {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "5"}}
    ids = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "chat \u6f22"}
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [{**ids, "attributes": [model, usage]}]}]}]}
    exchange = {"id": "\ud800\u6f22", "host": "api.openai.com", "path": "/v1/chat/completions"}
    (tmp_path / "in.json").write_text(json.dumps(exchange if command == "extract" else request), encoding="utf-8")
    done = shell(f"PYTHONIOENCODING={encoding} spancost {command} < in.json", tmp_path)
    assert done.returncode in (0, 1)
    assert done.stdout
    assert "Traceback" not in done.stderr
