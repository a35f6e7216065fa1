# SPDX-License-Identifier: Apache-2.0
"""`spancost anomalies`: what it prints for people and for scripts, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from spancost.cli import main

BEGIN = 1_793_880_000_000_000_000


def span(number: int, at_seconds: int, tokens: int) -> dict[str, Any]:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.response.model": "claude-sonnet-4-5",
        "gen_ai.conversation.id": "chat-7",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": 80,
    }
    start = BEGIN + at_seconds * 10**9
    return {
        "traceId": f"{1:032x}",
        "spanId": f"{number:016x}",
        "name": "chat",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 10**9),
        "attributes": [
            {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
            for key, value in attributes.items()
        ],
    }


def file_of(folder: Path, tokens: list[int]) -> Path:
    path = folder / "spans.jsonl"
    spans = [span(number, 5 * number, size) for number, size in enumerate(tokens, 1)]
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"scope": {"name": "app"}, "spans": spans}]}]}))
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["anomalies", *arguments])


def test_an_anomaly_is_one_line_of_json(tmp_path: Path) -> None:
    result = run(str(file_of(tmp_path, [9_000, 9_700, 12_400, 12_400, 12_400, 12_400])), "--format", "json")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert json.loads(line) == {
        "rule": "retry_storm",
        "trace_id": f"{1:032x}",
        "session_id": "chat-7",
        "span_ids": [f"{number:016x}" for number in (3, 4, 5, 6)],
        "cost_usd": "0.1152",
        "threshold": "3",
        "first": "2026-11-05T12:00:15Z",
        "last": "2026-11-05T12:00:31Z",
        "text": "The same request to claude-sonnet-4-5 was sent 4 times in 16 s; the repeats cost $0.1152 so far.",
    }


def test_attempts_that_fail_are_read_from_files_too(tmp_path: Path) -> None:
    """They have no usage and no cost."""
    spans = [span(number, 5 * number, 0) for number in range(1, 8)]
    for each in spans:
        each["status"] = {"code": 2}
        each["attributes"] = [one for one in each["attributes"] if "usage" not in one["key"]]
        each["attributes"].append({"key": "error.type", "value": {"stringValue": "529"}})
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"scope": {"name": "app"}, "spans": spans}]}]}))
    (line,) = run(str(path), "--format", "json").stdout.splitlines()
    found = json.loads(line)
    assert (found["rule"], found["cost_usd"], len(found["span_ids"])) == ("retry_storm", "0", 7)
    assert found["text"].startswith("7 attempts in a row to call claude-sonnet-4-5 failed in 31 s")


def test_people_read_a_table_or_that_there_is_nothing(tmp_path: Path) -> None:
    assert "retry_storm" in run(str(file_of(tmp_path, [9_000, 9_700, 12_400, 12_400, 12_400, 12_400]))).stdout
    assert run(str(file_of(tmp_path, [9_000, 9_700]))).stdout == "No anomaly in 2 calls.\n"


def test_a_file_of_rules_may_set_one_aside(tmp_path: Path) -> None:
    rules = tmp_path / "detectors.yaml"
    rules.write_text("detectors: 1\nrules:\n  retry_storm: {enabled: false}\n")
    spans = file_of(tmp_path, [9_000, 9_700, 12_400, 12_400, 12_400, 12_400])
    assert run(str(spans), "--detectors", str(rules)).stdout == "No anomaly in 6 calls.\n"


def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path: Path) -> None:
    missing = run(str(tmp_path / "none.jsonl"))
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "found no such file" in missing.stderr
    rules = tmp_path / "detectors.yaml"
    rules.write_text("detectors: 1\nrules:\n  retry_storm: {repeat: 3}\n")
    wrong = run(str(file_of(tmp_path, [9_000])), "--detectors", str(rules))
    assert wrong.exit_code == 2
    assert "retry_storm: found 'repeat'; expected one of enabled, blocks, repeats" in wrong.stderr
