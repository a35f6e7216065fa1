# SPDX-License-Identifier: Apache-2.0
"""How events become bytes: server-sent events, one JSON array, and the AWS event stream."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from spancost.testing.wires.exchange import Event

Frames = Callable[[Iterable[Event]], Iterator[bytes]]


class Framing(NamedTuple):
    """A stream's form. frames: one chunk of bytes for each event."""

    content_type: str
    frames: Frames


def compact(value: Any) -> str:
    """Return *value* as JSON without spaces, as providers send it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _sse(events: Iterable[Event]) -> Iterator[bytes]:
    for event in events:
        if event.name == "comment":
            yield f": {event.data}\n\n".encode()
            continue
        head = f"event: {event.name}\n" if event.name else ""
        data = event.data if isinstance(event.data, str) else compact(event.data)
        yield f"{head}data: {data}\n\n".encode()


def _array(events: Iterable[Event]) -> Iterator[bytes]:
    mark = "["
    for event in events:
        yield f"{mark}{compact(event.data)}\n".encode()
        mark = ","
    yield b"]" if mark == "," else b"[]"


def _aws(events: Iterable[Event]) -> Iterator[bytes]:
    """Yield messages of the AWS event stream: lengths and checksums round headers and a JSON payload."""
    for event in events:
        headers = b"".join(
            _aws_header(name, value)
            for name, value in (
                (":event-type", event.name),
                (":content-type", "application/json"),
                (":message-type", "event"),
            )
        )
        payload = compact(event.data).encode()
        prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
        message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
        yield message + struct.pack(">I", zlib.crc32(message))


def _aws_header(name: str, value: str) -> bytes:
    """Return one header: its name, type 7 (string), and its value."""
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()


SSE = Framing("text/event-stream; charset=utf-8", _sse)
JSON_ARRAY = Framing("application/json; charset=utf-8", _array)
AWS_EVENT_STREAM = Framing("application/vnd.amazon.eventstream", _aws)
