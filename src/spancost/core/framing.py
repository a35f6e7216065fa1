# SPDX-License-Identifier: Apache-2.0
"""Byte streams cut into documents, whatever the chunks: server-sent events, lines of JSON, AWS event stream.

Nothing here reads a clock or does input or output. Memory is bounded: a text longer than `LIMIT` bytes is kept as
its first `HEAD` and last `TAIL` bytes (usage stands at an end of every payload seen), and the rest is forgotten.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

LIMIT = 1 << 20
HEAD = 4 << 10
TAIL = 64 << 10


class Document(NamedTuple):
    """One document of a body: its text, the event name it came under ("" for none), and whether it was cut short."""

    text: bytes
    event: str = ""
    clipped: bool = False


class Clip:
    """Bytes of one document as they arrive; at most LIMIT of them, then the head and a rolling tail."""

    __slots__ = ("_length", "_parts", "_size", "clipped")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._length = 0
        self.clipped = False

    def __len__(self) -> int:
        return self._length

    def add(self, data: bytes) -> None:
        """Append *data*, which may be of any length."""
        self._length += len(data)
        if not self.clipped and self._size + len(data) <= LIMIT:
            self._parts.append(data)
            self._size += len(data)
            return
        if not self.clipped:
            whole = b"".join(self._parts)
            head = (whole + data[:HEAD])[:HEAD]
            # The tail may hold bytes of the head again; a reader looks for the last usage, so that harms nothing.
            self._parts, self.clipped = [head, whole[-TAIL:]], True
        self._parts.append(data[-TAIL:])
        if sum(map(len, self._parts)) > HEAD + 4 * TAIL:
            self._parts = [self._parts[0], b"".join(self._parts[1:])[-TAIL:]]

    def take(self) -> bytes:
        """Return what was kept and start again."""
        parts = self._parts
        if self.clipped:
            parts = [parts[0], b"\n", b"".join(parts[1:])[-TAIL:]]
        text = b"".join(parts)
        self.__init__()  # type: ignore[misc]
        return text


class Lines:
    """Cuts bytes into lines ended by LF, CR LF or CR; a line may be clipped."""

    __slots__ = ("_after_cr", "_rest")

    def __init__(self) -> None:
        self._rest = Clip()
        self._after_cr = False

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield (line, clipped) for each line that ends in *data*."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        if not data:
            return
        self._after_cr = data.endswith(b"\r")
        lines = data.splitlines()
        rest = b"" if self._after_cr or data.endswith(b"\n") else lines.pop()
        for line in lines:
            if len(self._rest):
                self._rest.add(line)
                clipped = self._rest.clipped
                yield self._rest.take(), clipped
            elif len(line) > LIMIT:
                self._rest.add(line)
                yield self._rest.take(), True
            else:
                yield line, False
        if rest:
            self._rest.add(rest)

    def finish(self) -> Iterator[tuple[bytes, bool]]:
        """Yield what stands after the last line end, if anything does."""
        if len(self._rest):
            clipped = self._rest.clipped
            yield self._rest.take(), clipped


class EventText:
    """Server-sent events: `data` lines joined, dispatched at an empty line (WHATWG HTML, §9.2.6, 2026-06)."""

    __slots__ = ("_clipped", "_event", "_lines", "_text")

    def __init__(self) -> None:
        self._lines = Lines()
        self._event = ""
        self._text: list[bytes] = []
        self._clipped = False

    def feed(self, data: bytes) -> Iterator[Document]:
        """Yield each event that ends in *data*."""
        for line, clipped in self._lines.feed(data):
            yield from self._line(line, clipped)

    def finish(self) -> Iterator[Document]:
        """Yield an event that lacks its empty line; providers do end a stream so."""
        for line, clipped in self._lines.finish():
            yield from self._line(line, clipped)
        yield from self._line(b"", False)

    def _line(self, line: bytes, clipped: bool) -> Iterator[Document]:
        if not line:
            if self._text:
                text = self._text[0] if len(self._text) == 1 else b"\n".join(self._text)
                document = Document(text, self._event, self._clipped)
                self._text, self._clipped, self._event = [], False, ""
                yield document
            self._event = ""
        elif line.startswith(b"data:"):
            self._data(line[6:] if line.startswith(b"data: ") else line[5:], clipped)
        elif line.startswith(b"event:"):
            self._event = line[6:].strip().decode("utf-8", "replace")

    def _data(self, text: bytes, clipped: bool) -> None:
        self._clipped = self._clipped or clipped
        # An event of many data lines is bounded as a line is: beyond the limit only its newest lines stay.
        if len(self._text) > 1 and sum(map(len, self._text)) + len(text) > LIMIT:
            self._text, self._clipped = [self._text[0][:HEAD]], True
        self._text.append(text)


class JsonLines:
    """One JSON document a line; empty lines are skipped."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, data: bytes) -> Iterator[Document]:
        """Yield each document that ends in *data*."""
        return (Document(line, "", clipped) for line, clipped in self._lines.feed(data) if line)

    def finish(self) -> Iterator[Document]:
        """Yield a last document without a line end."""
        return (Document(line, "", clipped) for line, clipped in self._lines.finish() if line)


class WholeJson:
    """The whole body is one JSON document."""

    __slots__ = ("_text",)

    def __init__(self) -> None:
        self._text = Clip()

    def feed(self, data: bytes) -> Iterator[Document]:
        """Keep *data*; yields nothing before the end."""
        self._text.add(data)
        return iter(())

    def finish(self) -> Iterator[Document]:
        """Yield the body."""
        clipped = self._text.clipped
        if len(self._text):
            yield Document(self._text.take(), "", clipped)


class EventFrames:
    """AWS event stream: prelude of 12 bytes, headers, payload, CRC; exceptions come under the event `exception`.

    The checksums are the transport's business and are not verified: a wrong length ends the reading.
    """

    __slots__ = ("_broken", "_rest", "_skip")

    def __init__(self) -> None:
        self._rest = b""
        self._skip = 0
        self._broken = False

    def feed(self, data: bytes) -> Iterator[Document]:
        """Yield each message that ends in *data*; messages over LIMIT bytes are passed over."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if self._broken or not data:
            return
        rest, at = self._rest + data if self._rest else data, 0
        while len(rest) - at >= 12:
            total, headers = struct.unpack_from(">II", rest, at)
            if total < 16 or headers > total - 16:
                self._broken, self._rest = True, b""
                return
            if len(rest) - at < total:
                if total > LIMIT:
                    self._skip, at = total - (len(rest) - at), len(rest)
                break
            payload = rest[at + 12 + headers : at + total - 4]
            yield Document(payload, _event_name(rest[at + 12 : at + 12 + headers]))
            at += total
        self._rest = rest[at:]

    def finish(self) -> Iterator[Document]:
        """Yield nothing: a message without its end says nothing."""
        return iter(())


def _event_name(headers: bytes) -> str:
    found: dict[bytes, str] = {}
    at = 0
    while at + 4 <= len(headers):
        name_end = at + 1 + headers[at]
        name, kind = headers[at + 1 : name_end], headers[name_end]
        if kind != 7:  # every header of the services read here is a string (type 7)
            break
        (size,) = struct.unpack_from(">H", headers, name_end + 1)
        at = name_end + 3 + size
        found[name] = headers[name_end + 3 : at].decode("utf-8", "replace")
    if found.get(b":message-type", "event") != "event":
        return "exception"
    return found.get(b":event-type", "")
