# SPDX-License-Identifier: Apache-2.0
"""The reader under any cutting, any bytes and any size."""

from __future__ import annotations

import itertools
import json
import time
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.config import data
from spancost.core.wire.framing import LIMIT, Clip, EventText, Lines
from spancost.core.wire.reader import UsageReader
from spancost.core.wire.reading import WireReading

WIRES = data.default_wires()
HOSTS = {
    "chat": ("api.openai.com", "/v1/chat/completions"),
    "messages": ("api.anthropic.com", "/v1/messages"),
    "responses": ("api.openai.com", "/v1/responses"),
    "gemini": ("generativelanguage.googleapis.com", "/v1beta/models/g:streamGenerateContent"),
    "converse": ("bedrock-runtime.us-east-1.amazonaws.com", "/model/m/converse-stream"),
    "ollama": ("localhost:11434", "/api/chat"),
}
CHAT = (
    b'data: {"id":"c1","model":"m1","choices":[{"delta":{"content":"x"},"finish_reason":null}],"usage":null}\n\n'
    b": a comment\r\n\r\n"
    b'data: {"id":"c1","model":"m1","choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}\r\n\r\n'
    b'data: {"id":"c1","model":"m1","choices":[],\ndata: "usage":{"prompt_tokens":9,"completion_tokens":4}}\n\n'
    b"data: [DONE]\n\n"
)


def reader(kind: str, content_type: str = "text/event-stream") -> UsageReader:
    """Return a reader for an endpoint of HOSTS."""
    target = WIRES.match("POST", *HOSTS[kind])
    assert target is not None
    return UsageReader(WIRES, target, headers={"content-type": content_type})


def read(kind: str, pieces: Iterator[bytes] | list[bytes], content_type: str = "text/event-stream") -> WireReading:
    """Return what *pieces* say."""
    one = reader(kind, content_type)
    for piece in pieces:
        one.feed(piece)
    return one.finish()


@given(st.lists(st.integers(0, len(CHAT)), max_size=12))
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    """Where the bytes are cut does not matter, nor do comments, CR LF and data in two lines."""
    places = [0, *sorted(cuts), len(CHAT)]
    found = read("chat", [CHAT[a:b] for a, b in itertools.pairwise(places)])
    assert found.usage == {"input_tokens": 9, "output_tokens": 4}
    assert (found.outcome, found.complete, found.finish_reason) == ("usage", True, "stop")


@given(st.lists(st.binary(max_size=200), max_size=20), st.sampled_from(sorted(HOSTS)), st.booleans())
def test_no_bytes_raise(pieces: list[bytes], kind: str, framed: bool) -> None:
    """Whatever a server sends, the reader gives a reading."""
    content_type = {"converse": "application/vnd.amazon.eventstream"}.get(kind, "text/event-stream") if framed else ""
    assert read(kind, pieces, content_type).outcome in {"usage", "partial_usage", "no_usage", "error_in_200"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "usage",
                    "choices",
                    "error",
                    "output",
                    "message",
                    "type",
                    "usageMetadata",
                    "prompt_tokens",
                    "input_tokens",
                    "promptTokensDetails",
                    "delta",
                    "iterations",
                    "x_groq",
                    "response",
                    "output_tokens",
                    "completion_tokens_details",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(sorted(HOSTS)))
def test_no_json_raises_or_goes_below_nothing(body: object, kind: str) -> None:
    """Odd values where numbers are expected are not counts; counts are never negative."""
    found = read(kind, [json.dumps(body).encode()], "application/json")
    assert all(n >= 0 for n in found.usage.values())


def test_the_last_event_is_known() -> None:
    """`feed` returns True as soon as the answer has reported everything."""
    one = reader("chat")
    assert [one.feed(CHAT[:-16]), one.feed(CHAT[-16:])] == [False, True]


@pytest.mark.parametrize("filler", [b"x" * 100, b'{"a":' * 20])
def test_a_long_line_is_read_from_its_ends(filler: bytes) -> None:
    """An event over the limit (a picture in it, say) still gives its usage."""
    event = (
        b'data: {"type":"response.completed","response":{"id":"resp_1","model":"m1","status":"completed","output":["'
        + filler.replace(b'"', b'\\"') * (LIMIT // 50)
        + b'"],"usage":{"input_tokens":5,"output_tokens":7}}}\n\n'
    )
    found = read("responses", [event[at : at + 65536] for at in range(0, len(event), 65536)])
    assert {k: v for k, v in found.usage.items() if v} == {"input_tokens": 5, "output_tokens": 7}
    assert (found.outcome, found.response_id, found.response_model) == ("usage", "resp_1", "m1")


def test_a_line_without_end_is_passed_over() -> None:
    """After a line over the limit the next event is read as ever."""
    pieces = [b"data: " + b"y" * LIMIT, b"z" * LIMIT, b"\n\n", CHAT]
    assert read("chat", pieces).usage == {"input_tokens": 9, "output_tokens": 4}


@pytest.mark.parametrize("kind", ["chat", "gemini"])
def test_a_large_body_takes_little_memory(kind: str) -> None:
    """50 MB of JSON give their usage and hold less than 4 MiB."""
    usage = b'"usage":{"prompt_tokens":9,"completion_tokens":4}', b'"usageMetadata":{"promptTokenCount":9}'
    piece = b"0.125," * 10_922
    tracemalloc.start()
    one = reader(kind, "application/json")
    one.feed(b'{"id":"c1","model":"m1","data":[')
    for _ in range(800):
        one.feed(piece)
    one.feed(b"0]," + usage[kind == "gemini"] + b"}")
    found = one.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.usage["input_tokens"] == 9
    assert peak < 4 << 20


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=300), max_size=30))
def test_lines_are_those_of_the_whole(pieces: list[bytes]) -> None:
    """Lines cut from pieces are the lines of all the bytes together."""
    lines, whole = Lines(), b"".join(pieces)
    found = [line for piece in pieces for line in lines.feed(piece)] + lines.finish()
    assert whole.splitlines() == found


def test_a_clip_keeps_both_ends() -> None:
    """Beyond the limit the head and the tail are kept."""
    clip = Clip()
    for number in range(300_000):
        clip.add(b"%08d" % number)
    kept = clip.take()
    assert kept.startswith(b"0000000000000001") and kept.endswith(b"00299999") and len(kept) < LIMIT


def test_an_event_keeps_its_name_to_itself() -> None:
    """The name of an event does not stay for the next one."""
    events = EventText().feed(b"event: a\ndata: 1\n\ndata: 2\n\n")
    assert [(e.text.decode(), e.event) for e in events] == [("1", "a"), ("2", "")]


def test_a_document_of_nothing_but_brackets_takes_no_time() -> None:
    """What a broken server sends costs the host a moment, however deep it is."""
    begun = time.perf_counter()
    found = read("chat", [b"[" * 200_000], "application/json")
    assert found.outcome == "no_usage"
    assert time.perf_counter() - begun < 5
