# SPDX-License-Identifier: Apache-2.0
"""Sees the requests of botocore (Bedrock: Converse, InvokeModel and their streams): wraps `URLLib3Session.send`."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from spancost.capture.calls import Capture
from spancost.capture.patching import Patches
from spancost.capture.requests_driver import begin
from spancost.capture.urllib3_tee import observe


def install(module: ModuleType, capture: Capture, patches: Patches) -> None:
    """Wrap `URLLib3Session.send` of *module* (botocore.httpsession)."""

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def send(session: Any, request: Any) -> Any:
            call = begin(capture, request.method, request.url, request.body)
            if call is None:
                return original(session, request)
            try:
                with call.sending():
                    response = original(session, request)
            except BaseException as error:
                call.fail(error)
                raise
            # An error is read at once, also where an answer would be a stream.
            observe(capture, call, response, request.stream_output and response.status_code < 300)
            return response

        return send

    patches.replace(module.URLLib3Session, "send", make)
