# SPDX-License-Identifier: Apache-2.0
"""A look over the shoulder of whoever reads a urllib3 response: requests and botocore hand it on as `raw`."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from typing import Any

from spancost.capture.calls import Capture, CapturedCall, Headers


class TeeResponse(io.IOBase):
    """Stands for a urllib3 response; what is read through it is also fed to a call. All else is the response's own.

    Like that, it is a file: it can be wrapped in a buffer, entered, and read by lines.
    """

    def __init__(self, raw: Any, call: CapturedCall, status: int, headers: Headers) -> None:
        self._raw = raw
        self._call = call
        self._status = status
        self._headers = headers
        self._is_known = False

    def __getattr__(self, name: str) -> Any:
        if name == "_raw":  # not set yet, as in a copy that is being made
            raise AttributeError(name)
        value = getattr(self._raw, name)
        return self._watched(value) if name == "read1" else value

    @property
    def closed(self) -> bool:
        """Whether the response is closed."""
        return bool(self._raw.closed)

    def readable(self) -> bool:
        """Return what the response says."""
        return bool(self._raw.readable())

    def fileno(self) -> int:
        """Return the descriptor of the connection."""
        return int(self._raw.fileno())

    def tell(self) -> int:
        """Return how many bytes came over the wire."""
        return int(self._raw.tell())

    def flush(self) -> None:
        """Flush the connection."""
        self._raw.flush()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body by lines, decoded, as urllib3 does."""
        rest: list[bytes] = []
        for chunk in self.stream(decode_content=True):
            first, *lines = chunk.split(b"\n")
            rest.append(first)
            for line in lines:
                yield b"".join(rest) + b"\n"
                rest = [line]
        if any(rest):
            yield b"".join(rest)

    def readinto(self, buffer: Any) -> int:
        """Put the next bytes of the body into *buffer*; return how many."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _watched(self, read: Callable[..., bytes]) -> Callable[..., bytes]:
        @functools.wraps(read)
        def reading(amt: int | None = None, decode_content: bool | None = None, **options: Any) -> bytes:
            try:
                data = read(amt, decode_content=decode_content, **options)
            except BaseException as error:
                self._call.fail(error)
                raise
            self._read(data, decode_content)
            if not data and amt != 0:  # a read of nothing is no end
                self._call.finish()
            return data

        return reading

    def stream(self, amt: int | None = 2**16, decode_content: bool | None = None) -> Iterator[bytes]:
        """Yield the body in pieces, as urllib3's `stream` does."""
        try:
            for chunk in self._raw.stream(amt=amt, decode_content=decode_content):
                yield chunk
                self._read(chunk, decode_content)
                self._cut()
        except GeneratorExit:
            self._call.finish()
            raise
        except BaseException as error:
            self._call.fail(error)
            raise
        self._call.finish()

    def _cut(self) -> None:
        """Raise what a budget that is used up raises; the connection is not used again."""
        if self._call.stop is not None:
            self._raw.close()
            raise self._call.stop

    def read(self, amt: int | None = None, decode_content: bool | None = None, **options: Any) -> Any:
        """Return the next bytes of the body, as urllib3's `read` does."""
        self._cut()
        try:
            data = self._raw.read(amt, decode_content=decode_content, **options)
        except BaseException as error:
            self._call.fail(error)
            raise
        self._read(data, decode_content)
        if amt is None or amt < 0 or (amt and not data):  # a read of nothing is no end
            self._call.finish()
        return data

    def close(self) -> None:
        """Close the response; what was read until then counts."""
        try:
            self._raw.close()
        finally:
            self._call.finish()

    def release_conn(self) -> None:
        """Give the connection back."""
        try:
            self._raw.release_conn()
        finally:
            self._call.finish()

    def _read(self, data: bytes, decode_content: bool | None) -> None:
        if not self._is_known:
            self._is_known = True
            decodes = self._raw.decode_content if decode_content is None else decode_content
            self._call.answered(self._status, self._headers, is_decoded=bool(decodes))
        if data:
            self._call.feed(data)

    def __del__(self) -> None:
        call = self.__dict__.get("_call")
        if call is not None:
            call.finish()


def observe(capture: Capture, call: CapturedCall, response: Any, is_stream: bool) -> None:
    """Look at a response of requests or botocore: at its body, or over the shoulder of who reads it as a stream."""
    try:
        if is_stream:
            call.answered(response.status_code, response.headers.items())
            if not hasattr(response.raw, "stream"):  # an adapter's own file: nobody says how it is to be read
                call.finish()
                return
            response.raw = TeeResponse(response.raw, call, response.status_code, response.headers.items())
            return
        call.answered(response.status_code, response.headers.items(), is_decoded=True)
        call.feed(response.content)
        call.finish()
    except Exception as error:
        capture.counts.fault("observe", error)
        call.finish()
