# SPDX-License-Identifier: Apache-2.0
"""Sees the requests of httpx and httpx2: wraps `Client.send` and `AsyncClient.send`, the public way every request goes.

A body that was read is looked at where it lies; a stream passes through a tee that hands each chunk on before it reads
it, so that nothing waits, and that ends the call at its last event, its close, its error or its oblivion.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

from spancost.capture.calls import Capture, CapturedCall
from spancost.capture.patching import Patches
from spancost.capture.request import facts_of_form, with_usage_asked
from spancost.capture.rewriting import can_change, changed
from spancost.core.wire.match import Target


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
            request, call = await self._begin_async(request)
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
        return self._admitted(request, target, host, facts)

    async def _begin_async(self, request: Any) -> tuple[Any, CapturedCall | None]:
        """Do the same; in a thread where the admission of a call may wait for a store."""
        if not self._capture.gate.waits:
            return self._begin(request)
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # another event loop: trio
            return self._begin(request)
        begun = asyncio.ensure_future(asyncio.to_thread(self._begin, request))
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            begun.add_done_callback(_give_up)
            raise

    def _admitted(
        self, request: Any, target: Target, host: str, facts: dict[str, Any]
    ) -> tuple[Any, CapturedCall | None]:
        body = self._body(request)
        call = self._capture.begin(target, host, facts, may_change=can_change(body, target.path.get("model")))
        if call is not None and call.change is not None and body is not None:
            content = changed(body, call.change, request.url.path)
            request = request if content is None else self._with_content(request, content)
        return request, call

    def _body(self, request: Any) -> bytes | None:
        try:
            body = request.content
        except self._module.RequestNotRead:
            return None  # an upload in pieces: looking at it would use it up
        return body if isinstance(body, bytes) else None

    def _asking(self, request: Any, body: bytes) -> Any:
        content = with_usage_asked(body)
        return request if content is None else self._with_content(request, content)

    def _with_content(self, request: Any, content: bytes) -> Any:
        headers = [(k, v) for k, v in request.headers.raw if k.lower() != b"content-length"]
        return self._module.Request(
            request.method, request.url, headers=headers, content=content, extensions=request.extensions
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


class _GivenUpConnectError(Exception):
    """A call was given up before it was sent: nothing is charged for it."""


def _give_up(begun: asyncio.Future[tuple[Any, CapturedCall | None]]) -> None:
    if not begun.cancelled() and begun.exception() is None and (call := begun.result()[1]) is not None:
        call.fail(_GivenUpConnectError())


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
                    if (stop := self._stop()) is not None:
                        self._inner.close()
                        raise stop
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
                    if (stop := self._stop()) is not None:
                        await self._inner.aclose()
                        raise stop
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

    def _stop(self) -> BaseException | None:
        """Return what a budget that is used up raises here."""
        return self._call.stop

    def _classify_ancestor(self) -> None:
        self._read_pending()
        self._call.finish()

    def __del__(self) -> None:
        # A stream that nobody closes ends here; names may be gone already while the interpreter shuts down.
        call = self.__dict__.get("_call")
        if call is not None:
            self._classify_ancestor()
