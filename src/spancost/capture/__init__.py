# SPDX-License-Identifier: Apache-2.0
"""Capture at the HTTP boundary: what a provider's answer says was used, for any client, seen as its bytes pass.

`CaptureInstrumentor().instrument()` is all it takes (`spancost.capture.instrumentor`), or `opentelemetry-instrument`.
`before_call` and `after_call` register guards.
"""

from __future__ import annotations

from spancost.control.guards import CallRequest, CallResult, CallStopped, after_call, before_call

__all__ = ["CallRequest", "CallResult", "CallStopped", "after_call", "before_call"]
