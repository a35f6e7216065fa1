# SPDX-License-Identifier: Apache-2.0
"""Sees the requests of requests (Vertex through google-auth, and others): wraps `Session.send`."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from spancost.capture.calls import Capture, CapturedCall
from spancost.capture.patching import Patches
from spancost.capture.urllib3_tee import observe


def install(module: ModuleType, capture: Capture, patches: Patches) -> None:
    """Wrap `Session.send` of *module* (requests)."""

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def send(session: Any, request: Any, **options: Any) -> Any:
            call = begin(capture, request.method, request.url, request.body)
            if call is None:
                return original(session, request, **options)
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


def begin(capture: Capture, method: str | None, url: str | None, body: Any) -> CapturedCall | None:
    """Return the call that a request is, None when it is no model call. Only a guard's `CallStopped` is raised."""
    try:
        parts = urlsplit(url or "")
        host = parts.netloc.rpartition("@")[2].lower()
        target = capture.target(method or "", host, parts.path)
        if target is None:
            return None
        content = (
            body.encode() if isinstance(body, str) else bytes(body) if isinstance(body, (bytes, bytearray)) else None
        )
        facts = capture.facts(content)
    except Exception as error:
        capture.counts.fault("request", error)
        return None
    return capture.begin(target, host, facts)
