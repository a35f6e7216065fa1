# SPDX-License-Identifier: Apache-2.0
"""Every vector's answer in other clothes: what servers and proxies do to the form of an answer changes no count."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spancost.cli.extract import answer, read_exchange
from spancost.config import data

VECTORS = sorted((Path(__file__).parent.parent / "vectors" / "wire").glob("*.json"))
BODIES = {
    path.stem: v["exchange"] for path in VECTORS if "body" in (v := json.loads(path.read_text("utf-8")))["exchange"]
}


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


DOCUMENTS = {name: e for name, e in BODIES.items() if isinstance(_parsed(e["body"]), dict)}
STREAMS = {name: e for name, e in BODIES.items() if re.match(r"(?:data|event|id|:)", e["body"])}


def backwards(value: Any) -> Any:
    """Return *value* with the keys of every object in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(list(value))}
    return [backwards(v) for v in value] if isinstance(value, list) else value


def events(body: str, change: Callable[[Any], Any]) -> str:
    """Return the stream *body* with every object on a line of its own changed."""
    return re.sub(r"(?m)^data: ?(\{.*\})\r?$", lambda m: "data: " + json.dumps(change(json.loads(m[1]))), body)


OF_DOCUMENTS: dict[str, Callable[[str], str]] = {
    "a line end": lambda body: body.rstrip() + "\r\n",
    "space around": lambda body: "\n  " + body + "\n\n",
    "byte-order mark": lambda body: "\ufeff" + body.removeprefix("\ufeff"),
    "indented": lambda body: json.dumps(json.loads(body), indent=2),
    "keys backwards": lambda body: json.dumps(backwards(json.loads(body))),
}
OF_STREAMS: dict[str, Callable[[str], str]] = {
    "CR LF": lambda body: re.sub(r"\r?\n", "\r\n", body),
    "CR": lambda body: re.sub(r"\r?\n", "\r", body),
    "no empty lines": lambda body: re.sub(r"(?:\r?\n)+", "\n", body),
    "comments": lambda body: ": hello\n\n" + re.sub(r"\r?\n\r?\n", "\n\n: still here\n\n", body),
    "no space": lambda body: re.sub(r"(?m)^data: ", "data:", body),
    "no event names": lambda body: re.sub(r"(?m)^event:.*\n", "", body),
    "event ids": lambda body: re.sub(r"(?m)^data:", "id: 7\nretry: 10\ndata:", body),
    "byte-order mark": lambda body: "\ufeff" + body.removeprefix("\ufeff"),
    "keys backwards": lambda body: events(body, backwards),
    "no last line end": lambda body: body.rstrip(),
}


def reading(exchange: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return the command's output for *exchange* with some of its keys changed."""
    return answer(read_exchange(data.default_wires(), {**exchange, **changed}))


def test_there_are_both_kinds() -> None:
    """Neither table is empty."""
    assert len(DOCUMENTS) > 50 and len(STREAMS) > 25


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_reformatted_document_gives_the_same_reading(name: str) -> None:
    """White space and the order of keys mean nothing."""
    exchange = DOCUMENTS[name]
    for form, change in OF_DOCUMENTS.items():
        assert (form, reading(exchange)) == (form, reading(exchange, body=change(exchange["body"])))


@pytest.mark.parametrize("name", STREAMS)
def test_a_reformatted_stream_gives_the_same_reading(name: str) -> None:
    """Line ends, comments, names and numbers of events mean nothing."""
    exchange = STREAMS[name]
    for form, change in OF_STREAMS.items():
        assert (form, reading(exchange)) == (form, reading(exchange, body=change(exchange["body"])))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_gap_hides_and_never_invents(name: str) -> None:
    """Values of a clipped document equal those of the whole one, or are left out."""
    exchange = DOCUMENTS[name]
    whole, members = reading(exchange), list(json.loads(exchange["body"]).items())
    for place in {0, 1, len(members)}:
        long = dict([*members[:place], ("text", 'a "b" \\ {[,' * 120_000), *members[place:]])
        with_gap = reading(exchange, body=json.dumps(long))
        without = ("outcome", "complete", "caveats")
        assert {k: v for k, v in with_gap.items() if k not in without and whole.get(k) != v} == {}
        assert with_gap["outcome"] in (whole["outcome"], "no_usage", "admin")


def test_a_long_answer_with_its_usage_at_an_end_is_read() -> None:
    """The names of the first members and the usage of the last are there, in the event of a stream too."""
    usage = {"input_tokens": 70, "output_tokens": 9, "input_tokens_details": {"cached_tokens": 64}}
    answered = {
        "id": "resp_v1",
        "object": "response",
        "status": "completed",
        "model": "m-1",
        "output": [{"type": "message", "id": "msg_v1", "content": [{"text": "a, {b " * 300_000}]}],
        "usage": usage,
    }
    exchange = {"host": "api.openai.com", "path": "/v1/responses", "body": json.dumps(answered)}
    event = "data: " + json.dumps({"type": "response.completed", "response": answered}) + "\n\n"
    for body in (exchange["body"], event):
        found = reading(exchange, body=body)
        assert (found["outcome"], found["response_id"], found["response_model"]) == ("usage", "resp_v1", "m-1")
        assert (found["input_tokens"], found["cache_read_tokens"], found["output_tokens"]) == (70, 64, 9)


@pytest.mark.parametrize("name", BODIES)
def test_a_reformatted_address_gives_the_same_target(name: str) -> None:
    """Capitals in the host, its port, slashes too many and a query mean nothing."""
    exchange = BODIES[name]
    host, path = exchange["host"], exchange["path"]
    changed = {"path": "/" + path + "//?key=x", "host": host.upper() if ":" in host else f"{host.title()}:443"}
    assert reading(exchange) == reading(exchange, **changed)
