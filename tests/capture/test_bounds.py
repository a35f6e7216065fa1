# SPDX-License-Identifier: Apache-2.0
"""What passes through capture is not kept: a body of 50 MB costs the host no more than 4 MiB."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.capture.world import ANSWER, ASK, COST, EVENTS, MODULES, URL, World, client, event

SIZE = 50_000_000
MOST = 4 << 20
CHUNK = b"planted " * 8192


def document() -> Iterator[bytes]:
    """Return one JSON answer of SIZE bytes, its usage at the end."""
    whole = json.dumps(ANSWER).encode()
    before, after = whole.split(b"planted-answer")
    yield before
    for _ in range(SIZE // len(CHUNK)):
        yield CHUNK
    yield after


def events() -> Iterator[bytes]:
    """Return a stream of SIZE bytes in events of 64 KiB, then its usage."""
    one = event(choices=[{"index": 0, "delta": {"content": CHUNK.decode()}, "finish_reason": None}], usage=None)
    for _ in range(SIZE // len(one)):
        yield one
    yield from EVENTS[1:]


def peak(module: ModuleType, chunks: Iterator[bytes], kind: str) -> int:
    """Return the most bytes that were held while an answer of *chunks* was read and dropped."""

    class Stream(module.SyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[bytes]:
            return chunks

    def answer(_: Any) -> Any:
        return module.Response(200, headers={"content-type": kind}, stream=Stream())

    with client(module, answer) as http, http.stream("POST", URL, json=ASK) as response:
        tracemalloc.start()
        try:
            read = sum(len(chunk) for chunk in response.iter_raw())
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert read > 0.99 * SIZE
    return most


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(("body", "kind"), [(document, "application/json"), (events, "text/event-stream")])
@pytest.mark.parametrize("estimates", [False, True], ids=["told", "estimated"])
def test_a_large_answer_is_not_kept(module: ModuleType, body: Any, kind: str, estimates: bool) -> None:
    """Memory is bounded, and the cost is right all the same."""
    bare = peak(module, body(), kind)
    world = World(estimate_missing=estimates)
    try:
        seen = peak(module, body(), kind)
    finally:
        world.capture.uninstrument()
    assert seen - bare <= MOST
    assert world.only["llm.request_cost_usd"] == pytest.approx(COST, rel=1e-12)
