# SPDX-License-Identifier: Apache-2.0
"""Sees the requests of requests (Vertex through google-auth, and others): wraps `Session.send`."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from spancost.capture.calls import Capture, CapturedCall
from spancost.capture.patching import Patches
from spancost.capture.rewriting import can_change, changed
from spancost.capture.urllib3_tee import observe


def install(module: ModuleType, capture: Capture, patches: Patches) -> None:
    """Wrap `Session.send` of *module* (requests)."""

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def send(session: Any, request: Any, **options: Any) -> Any:
            call = begin(capture, request.method, request.url, request.body, may_change=True)
            if call is None:
                return original(session, request, **options)
            if call.change is not None:
                content = changed(_bytes(request.body) or b"", call.change, urlsplit(request.url).path)
                if content is not None:
                    request.prepare_body(content, None)
            try:
                with call.sending():
                    response = original(session, request, **options)
            except BaseException as error:
                call.fail(error)
                raise
            observe(capture, call, response, bool(options.get("stream")))
            return response

        return send

    patches.replace(module.Session, "send", make)


def begin(
    capture: Capture, method: str | None, url: str | None, body: Any, *, may_change: bool = False
) -> CapturedCall | None:
    """Return the call that a request is, None when it is no model call. Only a guard's `CallStopped` is raised.

    may_change: whether the request can be changed before it is sent; one that is signed cannot.
    """
    try:
        parts = urlsplit(url or "")
        host = parts.netloc.rpartition("@")[2].lower()
        target = capture.target(method or "", host, parts.path)
        if target is None:
            return None
        content = _bytes(body)
        facts = capture.facts(content)
    except Exception as error:
        capture.counts.fault("request", error)
        return None
    may_change = may_change and can_change(content, target.path.get("model"))
    return capture.begin(target, host, facts, may_change=may_change)


def _bytes(body: Any) -> bytes | None:
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, (bytes, bytearray)) else None
