# SPDX-License-Identifier: Apache-2.0
"""The values between a wire and the model behind it: what was asked, what is served, and how a wire writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from spancost.testing.reply import ToolCall
from spancost.testing.usage import Usage

Body = Mapping[str, Any]


class Segment(NamedTuple):
    """A run of prompt text; ttl is "5m" or "1h" when the client marked its end as a cache breakpoint, "" when not."""

    text: str
    ttl: str = ""


class Asked(NamedTuple):
    """A request as the model sees it.

    segments: the prompt in cache order. inputs: texts to embed, empty for a chat. stream_usage: the client asked for
    usage on its stream. base64: embeddings are to be base64 of little-endian floats. web_search: a search is offered.
    """

    model: str
    stream: bool = False
    segments: tuple[Segment, ...] = ()
    inputs: tuple[str, ...] = ()
    stream_usage: bool = False
    base64: bool = False
    web_search: bool = False


class Served(NamedTuple):
    """An answer in no wire's words. usage: what is used and billed; reported: the same, None when the answer hides it.

    usd: the amount billed, for the providers that say it, None when unknown. created: seconds since the Unix epoch.
    """

    asked: Asked
    provider: str
    response_id: str
    created: int
    model: str
    text: str
    thinking: str
    tool_calls: tuple[ToolCall, ...]
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage
    reported: Usage | None
    usd: float | None
    service_tier: str

    def call_id(self, index: int) -> str:
        """Return the id of the tool call at *index*, unique in the process."""
        return f"call_{self.response_id[-16:]}_{index}"

    def pieces(self) -> list[str]:
        """Return the text as a stream gives it: word by word."""
        return words(self.text)


class Event(NamedTuple):
    """One event of a stream. data: an object, or text that goes out as it stands. name: "" for none."""

    data: Mapping[str, Any] | str
    name: str = ""


class Wire(Protocol):
    """One provider's form of requests and answers. Wires hold no state."""

    operation: str

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        """Return what *body* asks; *groups* are the parts of the path the route names."""

    def document(self, served: Served) -> dict[str, Any]:
        """Return the answer as one JSON document."""

    def events(self, served: Served) -> Iterator[Event]:
        """Yield the answer as a stream."""

    def error(self, status: int, message: str) -> dict[str, Any]:
        """Return an error as one JSON document."""


def words(text: str) -> list[str]:
    """Return *text* cut before each space, so that joining gives it back."""
    return text.replace(" ", "\0 ").split("\0") if text else []


def text_of(value: Any) -> str:
    """Return a part of a prompt as stable text: the same value is the same text in every request."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def segments_of(parts: Sequence[Any]) -> tuple[Segment, ...]:
    """Return the non-empty *parts* of a prompt, in order, with no cache marks."""
    return tuple(Segment(text_of(part)) for part in parts if part)
