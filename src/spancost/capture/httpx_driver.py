# SPDX-License-Identifier: Apache-2.0
"""Sees the requests of httpx and httpx2: wraps `Client.send` and `AsyncClient.send`, the public way every request goes.

A body that was read is looked at where it lies; a stream passes through a tee that hands each chunk on before it reads
it, so that nothing waits, and that ends the call at its last event, its close, its error or its oblivion.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

from spancost.capture.calls import Capture, CapturedCall
from spancost.capture.patching import Patches
from spancost.capture.request import facts_of_form, with_usage_asked


def install(module: ModuleType, capture: Capture, patches: Patches, *, include_usage: bool = False) -> None:
    """Wrap the two `send` methods of *module*: httpx, httpx2 or one like them.

    include_usage: ask OpenAI-wire streams for their usage, which changes the request.
    """
    driver = _Driver(module, capture, include_usage)
    # `httpx2.alias_httpx()` makes both names one module, whose methods are replaced once.
    patches.replace(module.Client, "send", driver.sync_send)
    patches.replace(module.AsyncClient, "send", driver.async_send)


class _Driver:
    """What the two replacements share."""

    def __init__(self, module: ModuleType, capture: Capture, include_usage: bool) -> None:
        self._module = module
        self._capture = capture
        self._include_usage = include_usage
        self._tee, self._async_tee = _tees(module)

    def sync_send(self, original: Any) -> Any:
        """Return `Client.send` that sees model calls."""

        @functools.wraps(original)
        def send(client: Any, request: Any, **options: Any) -> Any:
            request, call = self._begin(request)
            if call is None:
                return original(client, request, **options)
            try:
                with call.sending():
                    response = original(client, request, **options)
            except BaseException as error:
                call.fail(error)
                raise
            self._observe(call, response, self._tee)
            return response

        return send

    def async_send(self, original: Any) -> Any:
        """Return `AsyncClient.send` that sees model calls."""

        @functools.wraps(original)
        async def send(client: Any, request: Any, **options: Any) -> Any:
            request, call = self._begin(request)
            if call is None:
                return await original(client, request, **options)
            try:
                with call.sending():
                    response = await original(client, request, **options)
            except BaseException as error:
                call.fail(error)
                raise
            self._observe(call, response, self._async_tee)
            return response

        return send

    def _begin(self, request: Any) -> tuple[Any, CapturedCall | None]:
        """Return the request to send and its call, None when it is no model call. Only `CallStopped` is raised."""
        capture = self._capture
        try:
            url = request.url
            host: str = url.host
            if request.method != "POST" and capture.is_unknown(host):
                return request, None
            if url.port is not None:
                host = f"{host}:{url.port}"
            target = capture.target(request.method, host, url.path)
            if target is None:
                return request, None
            body = self._body(request)
            facts = capture.facts(body) if body else facts_of_form(getattr(request.stream, "fields", ()))
            if facts.get("model") and (target.gateway or target.provider is None):
                target = capture.target(request.method, host, url.path, facts["model"]) or target
            if self._include_usage and body and target.shape is not None and target.shape.usage_on_request:
                request = self._asking(request, body)
        except Exception as error:
            capture.counts.fault("request", error)
            return request, None
        return request, capture.begin(target, host, facts)

    def _body(self, request: Any) -> bytes | None:
        try:
            body = request.content
        except self._module.RequestNotRead:
            return None  # an upload in pieces: looking at it would use it up
        return body if isinstance(body, bytes) else None

    def _asking(self, request: Any, body: bytes) -> Any:
        changed = with_usage_asked(body)
        if changed is None:
            return request
        headers = [(k, v) for k, v in request.headers.raw if k.lower() != b"content-length"]
        return self._module.Request(
            request.method, request.url, headers=headers, content=changed, extensions=request.extensions
        )

    def _observe(self, call: CapturedCall, response: Any, tee: Callable[[Any, CapturedCall], Any]) -> None:
        try:
            headers = response.headers.raw
            try:
                content = response.content
            except self._module.ResponseNotRead:
                call.answered(response.status_code, headers)
                response.stream = tee(response.stream, call)
            else:
                call.answered(response.status_code, headers, is_decoded=True)
                call.feed(content)
                call.finish()
        except Exception as error:
            self._capture.counts.fault("observe", error)
            call.finish()


def _tees(module: ModuleType) -> tuple[Any, Any]:
    """Return the two tees for *module*, whose clients check that a stream is of its own kind."""

    class Tee(_Watched, module.SyncByteStream):  # type: ignore[misc, name-defined]
        """A stream of bytes that a call is read from after each chunk was handed on."""

        def __iter__(self) -> Iterator[bytes]:
            try:
                for chunk in self._inner:
                    self._pending = chunk
                    yield chunk
                    self._read_pending()
            except GeneratorExit:
                raise
            except BaseException as error:
                self._call.fail(error)
                raise
            self._classify_ancestor()

        def close(self) -> None:
            try:
                self._inner.close()
            finally:
                self._classify_ancestor()

    class AsyncTee(_Watched, module.AsyncByteStream):  # type: ignore[misc, name-defined]
        """The same for asynchronous clients."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for chunk in self._inner:
                    self._pending = chunk
                    yield chunk
                    self._read_pending()
            except GeneratorExit:
                raise
            except BaseException as error:
                self._call.fail(error)
                raise
            self._classify_ancestor()

        async def aclose(self) -> None:
            try:
                await self._inner.aclose()
            finally:
                self._classify_ancestor()

    return Tee, AsyncTee


class _Watched:
    """What both tees share: the chunk that was handed on and not read yet, and every other name of the inner stream.

    A client that stops at the last event may drain the stream by iterating anew, while the chunk before still waits.
    """

    def __init__(self, inner: Any, call: CapturedCall) -> None:
        self._inner = inner
        self._call = call
        self._pending: bytes | None = None

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # not set yet, as in a copy that is being made
            raise AttributeError(name)
        return getattr(self._inner, name)

    def _read_pending(self) -> None:
        chunk, self._pending = self._pending, None
        if chunk is not None:
            self._call.feed(chunk)

    def _classify_ancestor(self) -> None:
        self._read_pending()
        self._call.finish()

    def __del__(self) -> None:
        # A stream that nobody closes ends here; names may be gone already while the interpreter shuts down.
        call = self.__dict__.get("_call")
        if call is not None:
            self._classify_ancestor()
