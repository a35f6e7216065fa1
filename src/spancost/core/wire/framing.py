# SPDX-License-Identifier: Apache-2.0
"""Splits byte streams into documents, for any chunking: server-sent events, JSON lines, AWS event stream.

Nothing here reads a clock or does input or output. Memory is bounded: of a text longer than `LIMIT` bytes only the
first `HEAD` and the last `TAIL` bytes are stored. Every known payload has its usage at one of its ends.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

LIMIT = 1 << 20
MANY_LIMIT = 32 << 20
"""The limit of one document with the answers of a batch; providers limit such a document to 20 MB."""
HEAD = 4 << 10
TAIL = 64 << 10


class Document(NamedTuple):
    """One document of a body: its text, its event name ("" for none), and whether it was clipped."""

    text: bytes
    event: str = ""
    clipped: bool = False


class Clip:
    """Buffers one document: up to *limit* bytes, beyond that the head and a rolling tail. length: all bytes added."""

    __slots__ = ("_head", "_limit", "_parts", "_size", "length")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._head: bytes | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self.length = 0

    def add(self, data: bytes) -> None:
        """Append *data*, which may be of any length."""
        self.length += len(data)
        if self._head is None and self.length > self._limit:
            # The tail may repeat bytes of the head. This is harmless: a reader looks for the last usage.
            whole = b"".join(self._parts)
            self._head = (whole + data[:HEAD])[:HEAD]
            self._parts, self._size = [whole[-TAIL:]], min(len(whole), TAIL)
        if self._head is not None:
            data = data[-TAIL:]
        self._parts.append(data)
        self._size += len(data)
        # Join at twice the tail size: each byte is copied once, and small pieces do not accumulate.
        if self._size > 2 * TAIL and self._head is not None:
            self._parts = [b"".join(self._parts)[-TAIL:]]
            self._size = TAIL

    def take(self) -> bytes:
        """Return the buffered bytes (`Clipped` when some are missing) and reset the buffer."""
        text, head = b"".join(self._parts), self._head
        self._head, self._parts, self._size, self.length = None, [], 0, 0
        return text if head is None else Clipped(head + b"\n" + text[-TAIL:])


class Clipped(bytes):
    """A line reduced to its head and its tail."""


class Lines:
    """Splits bytes into lines ended by LF, CR LF or CR; a line over the limit is returned as `Clipped`."""

    __slots__ = ("_after_cr", "_rest")

    def __init__(self) -> None:
        self._rest = Clip()
        self._after_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that end in *data*."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        if not data:
            return []
        end = data[-1]
        self._after_cr = end == 13
        lines = data.splitlines()
        rest = b"" if end == 10 or end == 13 else lines.pop()
        if lines:
            if self._rest.length:
                self._rest.add(lines[0])
                lines[0] = self._rest.take()
            if len(data) > LIMIT:
                lines = [clipped(line) for line in lines]
        if rest:
            self._rest.add(rest)
        return lines

    def is_at_start(self) -> bool:
        """Return whether the next byte begins a line."""
        return not self._rest.length and not self._after_cr

    def finish(self) -> list[bytes]:
        """Return the text after the last line end, if there is any."""
        return [self._rest.take()] if self._rest.length else []


def clipped(line: bytes) -> bytes:
    """Return *line*, reduced to its two ends when it is longer than LIMIT."""
    if len(line) <= LIMIT:
        return line
    clip = Clip()
    clip.add(line)
    return clip.take()


class EventText:
    """Server-sent events: joins `data` lines and dispatches at an empty line (WHATWG HTML, §9.2.6, 2026-06)."""

    __slots__ = ("_event", "_lines", "_text")

    def __init__(self) -> None:
        self._lines = Lines()
        self._event = ""
        self._text: bytes | None = None

    def feed(self, data: bytes) -> list[Document]:
        """Return the events that end in *data*."""
        # Fast path: most chunks are one whole event of one line. It takes a third of the time.
        if (
            data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and data.find(b"\n") == len(data) - 2
            and self._text is None
            and self._lines.is_at_start()
            and b"\r" not in data
            and len(data) <= LIMIT
        ):
            event, self._event = self._event, ""
            return [Document(data[6:-2], event)]
        return self._events(self._lines.feed(data))

    def finish(self) -> list[Document]:
        """Return the last event without its empty line; some providers end a stream this way."""
        return self._events([*self._lines.finish(), b""])

    def _events(self, lines: list[bytes]) -> list[Document]:
        events = []
        for line in lines:
            if not line:
                if self._text is not None:
                    events.append(Document(self._text, self._event, type(self._text) is Clipped))
                    self._text = None
                self._event = ""
            elif line.startswith(b"data:"):
                text = line if type(line) is Clipped else line[6:] if line.startswith(b"data: ") else line[5:]
                if self._text is None:
                    self._text = text
                elif self._text.endswith(b"}") and text[:1] in (b"{", b"["):
                    # Two adjacent objects are two documents: some servers omit the empty line between events.
                    events.append(Document(self._text, self._event, type(self._text) is Clipped))
                    self._text = text
                else:
                    self._text = clipped(self._text + b"\n" + text)
            elif line.startswith(b"event:"):
                self._event = line[6:].strip().decode("utf-8", "replace")
        return events


class JsonLines:
    """One JSON document per line; skips empty lines."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, data: bytes) -> list[Document]:
        """Return the documents that end in *data*."""
        return [Document(line, "", type(line) is Clipped) for line in self._lines.feed(data) if line]

    def finish(self) -> list[Document]:
        """Return a last document without a line end."""
        return [Document(line, "", type(line) is Clipped) for line in self._lines.finish() if line]


class WholeJson:
    """The whole body is one JSON document."""

    __slots__ = ("_text",)

    def __init__(self, limit: int = LIMIT) -> None:
        self._text = Clip(limit)

    def feed(self, data: bytes) -> list[Document]:
        """Buffer *data*; the document is complete only at the end."""
        self._text.add(data)
        return []

    def finish(self) -> list[Document]:
        """Return the body."""
        if not self._text.length:
            return []
        text = self._text.take()
        return [Document(text, "", type(text) is Clipped)]


class EventFrames:
    """AWS event stream: prelude of 12 bytes, headers, payload, CRC; exceptions have the event name `exception`.

    Checksums are left to the transport. An invalid length ends the reading.
    """

    __slots__ = ("_broken", "_rest", "_skip")

    def __init__(self) -> None:
        self._rest = b""
        self._skip = 0
        self._broken = False

    def feed(self, data: bytes) -> list[Document]:
        """Return the messages that end in *data*; skips a message over LIMIT bytes."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if self._broken or not data:
            return []
        rest = self._rest + data if self._rest else data
        at, messages = 0, []
        while len(rest) - at >= 12:
            total, headers = struct.unpack_from(">II", rest, at)
            if total < 16 or headers > total - 16:
                self._broken, at = True, len(rest)
                break
            if len(rest) - at < total:
                if total > LIMIT:
                    self._skip, at = total - (len(rest) - at), len(rest)
                break
            payload = rest[at + 12 + headers : at + total - 4]
            messages.append(Document(payload, _event_name(rest[at + 12 : at + 12 + headers])))
            at += total
        self._rest = rest[at:]
        return messages

    def finish(self) -> list[Document]:
        """Return nothing: an incomplete message is dropped."""
        return []


def _event_name(headers: bytes) -> str:
    found: dict[bytes, str] = {}
    at = 0
    while at < len(headers):
        name_end = at + 1 + headers[at]
        name = headers[at + 1 : name_end]
        # All headers of the supported services are strings (type 7). Another type or a truncated header ends the loop.
        if headers[name_end : name_end + 1] != b"\x07" or name_end + 3 > len(headers):
            break
        (size,) = struct.unpack_from(">H", headers, name_end + 1)
        at = name_end + 3 + size
        found[name] = headers[name_end + 3 : at].decode("utf-8", "replace")
    if found.get(b":message-type", "event") != "event":
        return "exception"
    return found.get(b":event-type", "")
