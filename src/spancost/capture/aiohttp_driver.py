# SPDX-License-Identifier: Apache-2.0
"""Sees the requests of aiohttp (google-genai and LiteLLM, asynchronous): wraps `ClientSession._request`.

That method is private, and the only place all of aiohttp's verbs go through; aiohttp's tracing hooks do not see the
bodies of streams.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from spancost.capture.calls import Capture, CapturedCall
from spancost.capture.patching import Patches
from spancost.capture.rewriting import can_change, changed

_READS = ("read", "readany", "readline", "readuntil", "readexactly")


def install(module: ModuleType, capture: Capture, patches: Patches) -> None:
    """Wrap `ClientSession._request` of *module* (aiohttp)."""

    def make(original: Any) -> Any:
        @functools.wraps(original)
        async def request(session: Any, method: str, url: Any, **options: Any) -> Any:
            call = await _begin_async(capture, session, method, url, options)
            if call is None:
                return await original(session, method, url, **options)
            try:
                with call.sending():
                    response = await original(session, method, url, **options)
            except BaseException as error:
                call.fail(error)
                raise
            _observe(capture, call, response)
            return response

        return request

    patches.replace(module.ClientSession, "_request", make)


async def _begin_async(
    capture: Capture, session: Any, method: str, url: Any, options: dict[str, Any]
) -> CapturedCall | None:
    if capture.gate.waits:  # aiohttp runs on asyncio only
        return await asyncio.to_thread(_begin, capture, session, method, url, options)
    return _begin(capture, session, method, url, options)


def _begin(capture: Capture, session: Any, method: str, url: Any, options: dict[str, Any]) -> CapturedCall | None:
    try:
        build = getattr(session, "_build_url", None)
        parts = urlsplit(str(build(url) if build is not None else url))
        host = parts.netloc.rpartition("@")[2].lower()
        target = capture.target(method.upper(), host, parts.path)
        if target is None:
            return None
        body = _body(options, whole=capture.reads_whole_requests)
        facts = capture.facts(body)
    except Exception as error:
        capture.counts.fault("request", error)
        return None
    call = capture.begin(target, host, facts, may_change=can_change(body, target.path.get("model")))
    if call is not None and call.change is not None and body is not None:
        content = changed(body, call.change, parts.path)
        if content is not None:
            options.pop("json", None)
            options["data"] = content
            options["headers"] = {"content-type": "application/json", **dict(options.get("headers") or {})}
    return call


def _body(options: dict[str, Any], *, whole: bool) -> bytes | None:
    data = options.get("data")
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    if isinstance(data, str):
        return data.encode()
    sent = options.get("json")
    if not isinstance(sent, dict):
        return None
    # The messages, the longest part, hold no fact: they are only put into bytes when these are counted.
    kept = sent if whole else {k: sent[k] for k in sent if isinstance(sent[k], (str, bool, dict))}
    return json.dumps(kept, default=str).encode()


def _observe(capture: Capture, call: CapturedCall, response: Any) -> None:
    try:
        call.answered(response.status, response.headers.items(), is_decoded=True)
        response.content = _ContentTee(response.content, call, response.close)
    except Exception as error:
        capture.counts.fault("observe", error)
        call.finish()


class _ContentTee:
    """Stands for the content of a response; what is read through it is also fed to a call."""

    def __init__(self, content: Any, call: CapturedCall, close: Callable[[], object]) -> None:
        self._content = content
        self._call = call
        self._close = close
        for name in _READS:
            setattr(self, name, self._watched(getattr(content, name)))

    def __getattr__(self, name: str) -> Any:
        if name == "_content":  # not set yet, as in a copy that is being made
            raise AttributeError(name)
        return getattr(self._content, name)

    def _watched(self, read: Callable[..., Awaitable[bytes]]) -> Callable[..., Awaitable[bytes]]:
        @functools.wraps(read)
        async def reading(*arguments: Any, **options: Any) -> bytes:
            try:
                data = await read(*arguments, **options)
            except BaseException as error:
                self._call.fail(error)
                raise
            self._call.feed(data)
            if self._content.at_eof():
                self._call.finish()
            self._cut()
            return data

        return reading

    def _cut(self) -> None:
        """Raise what a budget that is used up raises; the connection is not used again."""
        if self._call.stop is not None:
            self._call.finish()
            self._close()
            raise self._call.stop

    async def readchunk(self) -> tuple[bytes, bool]:
        """Return the next chunk and whether it ends one of the transfer's own."""
        try:
            data, is_end = await self._content.readchunk()
        except BaseException as error:
            self._call.fail(error)
            raise
        self._call.feed(data)
        if self._content.at_eof():
            self._call.finish()
        return data, is_end

    def read_nowait(self, n: int = -1) -> bytes:
        """Return what has arrived."""
        data: bytes = self._content.read_nowait(n)
        self._call.feed(data)
        return data

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _until_empty(self.readline)

    def iter_any(self) -> AsyncIterator[bytes]:
        """Iterate over what arrives."""
        return _until_empty(self.readany)

    def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        """Iterate over pieces of at most *n* bytes."""
        return _until_empty(lambda: self.read(n))

    async def iter_chunks(self) -> AsyncIterator[tuple[bytes, bool]]:
        """Iterate over chunks and whether each ends one of the transfer's own."""
        while True:
            data, is_end = await self.readchunk()
            if not data and not is_end:
                return
            yield data, is_end

    def __del__(self) -> None:
        call = self.__dict__.get("_call")
        if call is not None:
            call.finish()


async def _until_empty(read: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    while data := await read():
        yield data
