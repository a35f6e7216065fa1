# SPDX-License-Identifier: Apache-2.0
"""The time in which a request is sent: clients are built of clients, and what is sent within is not another call."""

from __future__ import annotations

from contextvars import ContextVar

from opentelemetry import context, trace
from opentelemetry.trace import Span

is_suppressed: ContextVar[bool] = ContextVar("spancost_is_sending", default=False)
"""Whether a captured request is being sent here."""


class Suppression:
    """While it is entered, the span of a call is current and nothing within the request is captured again."""

    __slots__ = ("_context", "_span", "_token")

    def __init__(self, span: Span | None) -> None:
        self._span = span

    def __enter__(self) -> None:
        self._token = is_suppressed.set(True)
        self._context = None if self._span is None else context.attach(trace.set_span_in_context(self._span))

    def __exit__(self, *raised: object) -> None:
        if self._context is not None:
            context.detach(self._context)
        is_suppressed.reset(self._token)
