# SPDX-License-Identifier: Apache-2.0
"""What a program reads of requests' raw responses is what it reads without us, in every way there is."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.capture.world import ANSWER, ASK, COST, URL, World

requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")

BODY = json.dumps(ANSWER, indent=1).encode()


class Adapter(requests.adapters.BaseAdapter):  # type: ignore[misc, name-defined]
    """Answers with a raw body that is not read yet."""

    def __init__(self, raw: Callable[[], Any]) -> None:
        super().__init__()
        self._raw = raw

    def send(self, request: Any, **_: Any) -> Any:
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = 200, request, request.url
        answer.headers["content-type"] = "application/json"
        answer.raw = self._raw()
        return answer

    def close(self) -> None:
        """Hold nothing."""


def response() -> Any:
    """Return what urllib3 gives."""
    return urllib3.HTTPResponse(io.BytesIO(BODY), status=200, preload_content=False)


def asked(raw: Callable[[], Any] = response) -> Any:
    """Return a streamed answer."""
    session = requests.Session()
    session.mount("https://", Adapter(raw))
    return session.post(URL, json=ASK, stream=True)


def within(raw: Any) -> Any:
    with raw as file:
        return file.read()


def into(raw: Any) -> Any:
    buffer = bytearray(len(BODY))
    return raw.readinto(buffer), bytes(buffer)


WAYS: dict[str, Callable[[Any], Any]] = {
    "read": lambda raw: raw.read(),
    "read nothing first": lambda raw: (raw.read(0), raw.read()),
    "read nothing into": lambda raw: (raw.readinto(bytearray()), raw.read()),
    "read1 nothing first": lambda raw: (raw.read1(0), raw.read1(-1), raw.read()),
    "read all by a negative size": lambda raw: raw.read(-1),
    "read in pieces": lambda raw: [raw.read(50) for _ in range(20)],
    "lines": list,
    "next": lambda raw: [next(raw) for _ in BODY.splitlines()],
    "readline": lambda raw: [raw.readline() for _ in range(3)] + raw.readlines(),
    "entered": within,
    "into": into,
    "buffered": lambda raw: io.BufferedReader(raw).read(),
    "stream": lambda raw: list(raw.stream(64)),
    "properties": lambda raw: (
        raw.closed,
        raw.readable(),
        raw.tell(),
        isinstance(raw, io.IOBase),
        raw.read(),
        raw.tell(),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_raw_response_is_read_as_without_us(way: str) -> None:
    """The same values, and the call has its cost."""
    expected = WAYS[way](response())
    world = World()
    try:
        answer = asked()
        assert WAYS[way](answer.raw) == expected
        answer.close()
    finally:
        world.capture.uninstrument()
    assert world.only["llm.request_cost_usd"] == pytest.approx(COST, rel=1e-12)


def test_a_raw_response_can_be_copied(world: World) -> None:
    """As urllib3's can."""
    answer = asked()
    assert copy.copy(answer.raw).read() == BODY


def test_an_answer_that_nobody_reads_told_nothing(world: World) -> None:
    """It is no error."""
    asked().close()
    assert (world.only["llm.capture"], world.only["llm.cost_status"]) == ("no_usage", "unpriced")
    assert world.spans[0].status.is_unset


def test_a_raw_response_that_is_no_urllib3_is_left_alone(world: World) -> None:
    """An adapter may answer with any file."""
    assert b"".join(asked(lambda: io.BytesIO(BODY)).iter_content(100)) == BODY
    assert world.only["llm.capture"] == "no_usage"
