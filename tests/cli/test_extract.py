# SPDX-License-Identifier: Apache-2.0
"""`spancost extract`: lines in, lines out, in order; a bad line is answered and counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from spancost.cli import main

GOOD = {
    "id": "a",
    "method": "POST",
    "host": "api.openai.com",
    "path": "/v1/chat/completions",
    "status": 200,
    "content_type": "application/json",
    "headers": {},
    "request": {"model": "gpt-x"},
    "body": json.dumps({"id": "c1", "model": "gpt-x-1", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
    "body_b64": None,
}


def run(*lines: str, args: tuple[str, ...] = ()) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit status and the answers."""
    done = CliRunner().invoke(main, ["extract", *args], input="\n".join(lines) + "\n")
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_is_answered() -> None:
    """Every meter found, the ids and the provider."""
    status, (found,) = run(json.dumps(GOOD))
    assert status == 0
    assert found == {
        "id": "a", "outcome": "usage", "provider": "openai", "complete": True, "operation": "chat", "input_tokens": 3,
        "output_tokens": 4, "request_model": "gpt-x", "response_model": "gpt-x-1", "response_id": "c1",
    }  # fmt: skip


def test_bad_lines_are_answered_in_their_place() -> None:
    """The order stays, the exit status tells."""
    lines = ["{", "[]", '{"id":"b"}', json.dumps({**GOOD, "id": 7}), json.dumps({**GOOD, "body": 3})]
    status, found = run(*lines)
    assert status == 1
    assert [answer["id"] for answer in found] == [None, None, "b", 7, "a"]
    assert ["error" in answer for answer in found] == [True, True, True, False, True]


def test_a_private_host_can_be_named() -> None:
    """--provider says whose wire a host speaks."""
    status, (found,) = run(json.dumps({**GOOD, "host": "llm.internal"}), args=("--provider", "groq"))
    assert (status, found["provider"]) == (0, "groq")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"host": None}, "host: found nothing; expected a string, such as api.openai.com"),
        ({"status": "200"}, "status: found '200'; expected a number, such as 200"),
        ({"headers": ["a"]}, "headers: found ['a']; expected an object"),
        ({"request": "x"}, "request: found 'x'; expected an object"),
        ({"body": 3}, "body: found 3; expected a string"),
        ({"body": None, "body_b64": "!!"}, "body_b64: found no Base64"),
    ],
)
def test_what_is_wrong_with_an_exchange_is_said(change: dict[str, Any], said: str) -> None:
    """The key, what was found and what was expected; no name of an exception."""
    status, (found,) = run(json.dumps({**GOOD, **change}))
    assert status == 1
    assert found["error"].startswith(said)


@pytest.mark.parametrize("identity", ["NaN", "-Infinity", "1e999"])
def test_an_id_that_is_no_number_of_json_comes_back_as_text(identity: str) -> None:
    """What is printed can be read by any reader of JSON."""
    line = json.dumps(GOOD).replace('"id": "a"', f'"id": {identity}')
    assert run(line)[1][0]["id"] == identity
