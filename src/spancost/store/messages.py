# SPDX-License-Identifier: Apache-2.0
"""OTLP requests in a stream: JSON on lines, JSON documents, or messages with a length before each.

The Collector's file exporter writes JSON lines; with `format: proto`, or with compression, it writes each request as a
length (4 bytes, big-endian) and a message, and compresses each message (fileexporter 0.159, 2026-11-30).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BufferedReader
from itertools import chain
from typing import Any, NamedTuple

from msgspec import UNSET, MsgspecError
from msgspec.json import decode

from spancost.store.json_documents import requests
from spancost.store.json_spans import Request, request_in
from spancost.store.sources import GZIP, ZSTD, decompressed

_LENGTH = 4
_MOST = 1 << 30
_TRACES_FIELD = b"\x0a"
_TEXT = b" \t\r\n\xef{["
"""First bytes of a text: white space, a byte order mark, a JSON value."""
_FIRST_BYTES = (b"\x0a", b"\x28", b"\x1f", b"{")
"""First byte of a message: of protobuf, zstd, gzip, JSON."""
EXPECTED = "expected an ExportTraceServiceRequest or ExportLogsServiceRequest"


class Message(NamedTuple):
    """One request: its JSON, or its protobuf bytes, or why it cannot be read. size: bytes it took.

    line: text of JSON, with what `request_in` found in it; else document: what was decoded of it already.
    """

    line: bytes = b""
    request: Request | None = None
    document: Any = None
    protobuf: bytes | None = None
    fault: str | None = None
    size: int = 0

    @property
    def has_logs(self) -> bool:
        """Whether it is a request in JSON with log records."""
        if self.request is not None:
            return self.request.resourceLogs is not UNSET
        return isinstance(self.document, dict) and "resourceLogs" in self.document


def messages(stream: BufferedReader) -> Iterator[Message]:
    """Yield the requests of a stream, which is already decompressed."""
    head = stream.peek(_LENGTH + 1)[: _LENGTH + 1]
    if len(head) > _LENGTH and _is_framed(head):
        return _framed(stream)
    if head[:1] == _TRACES_FIELD and head[1:2] not in (b"{", b"\n", b"\r", b" ", b"["):
        return iter([_of_bytes(stream.read())])
    return _lines(stream)


def _is_framed(head: bytes) -> bool:
    length = int.from_bytes(head[:_LENGTH], "big")
    return 0 < length <= _MOST and head[0] not in _TEXT and head[_LENGTH : _LENGTH + 1] in _FIRST_BYTES


def _framed(stream: BufferedReader) -> Iterator[Message]:
    while head := stream.read(_LENGTH):
        length = int.from_bytes(head, "big")
        body = stream.read(length) if len(head) == _LENGTH else b""
        if len(body) < length or not length:
            yield Message(fault=f"message of {length} bytes: found {len(body)}; the file is cut", size=len(body))
            return
        yield _of_bytes(body, length + _LENGTH)


def _of_bytes(body: bytes, size: int = 0) -> Message:
    if body.startswith((GZIP, ZSTD)):
        body = decompressed(body)
    if body[:1] in (b"{", b"["):
        return parsed(body, "message")._replace(size=size or len(body))
    return Message(protobuf=body, size=size or len(body))


def parsed(line: bytes, where: str) -> Message:
    """Return the request on a line."""
    request = request_in(line)
    if request is not None:
        return Message(line, request, size=len(line))
    try:
        return Message(document=document_in(line), size=len(line))
    except (ValueError, RecursionError) as error:
        return Message(fault=f"{where}: found no JSON ({error}), {EXPECTED}", size=len(line))


def document_in(line: bytes) -> Any:
    """Return the document in a text of JSON; ValueError or RecursionError when there is none."""
    try:
        return decode(line)
    except (MsgspecError, ValueError, RecursionError) as error:
        first = error
    try:  # NaN, halves of characters, a byte order mark
        return json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(first) from None


def _lines(stream: BufferedReader) -> Iterator[Message]:
    """Yield a request for each line; when the first line is no request but begins one, yield the documents instead."""
    is_first = True
    for number, line in enumerate(stream, 1):
        stripped = line.strip()
        if not stripped:
            continue
        message = parsed(stripped, f"line {number}")
        if is_first and message.fault is not None:
            for document, fault in requests(Rest(line, stream)):
                yield Message(document=document, fault=fault)
            return
        is_first = False
        yield message


class Rest:
    """A stream with a part put back at its begin, as far as `json_documents.requests` reads one."""

    def __init__(self, head: bytes, stream: BufferedReader) -> None:
        self._head = head
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return chain((self._head,), self._stream)

    def read(self) -> bytes:
        """Return the rest."""
        return self._stream.read()


def line_messages(stream: BufferedReader, begin: int, end: int) -> Iterator[Message]:
    """Yield the requests on the lines that begin in a byte range of a seekable stream of JSON lines."""
    stream.seek(max(0, begin - 1))
    if begin:
        stream.readline()
    while stream.tell() < end:
        line = stream.readline()
        if not line:
            return
        if stripped := line.strip():
            yield parsed(stripped, f"bytes {begin} to {end}")
