# SPDX-License-Identifier: Apache-2.0
"""Wrapping the `end` of one span, so that work is done while it still takes attributes."""

from __future__ import annotations

from collections.abc import Callable
from time import time_ns
from typing import Any


class WrappedEnd:
    """Stands in for `span.end`: calls `ending(span, end_ns)` once, then ends the span; *ending* must not raise.

    The end time is taken first, so that the work is not part of the span's duration. Wrappers stack. Span and wrapper
    hold each other until the end: `tracer.start_span(...).end()` must find its span alive, and a span that is never
    ended is left to the garbage collector, as a pair.
    """

    __slots__ = ("_ending", "_inner", "_span")

    def __init__(self, span: Any, ending: Callable[[Any, int], None]) -> None:
        self._span = span
        self._ending: Callable[[Any, int], None] | None = ending
        self._inner: Callable[..., None] | None = vars(span).get("end")

    def __call__(self, end_time: int | None = None) -> None:
        span = self._span
        if end_time is None:
            end_time = time_ns()
        vars(span).pop("end", None)
        ending, self._ending = self._ending, None
        if ending is not None:
            ending(span, end_time)
        if self._inner is None:
            type(span).end(span, end_time)
        else:
            self._inner(end_time)


def wrap_end(span: Any, ending: Callable[[Any, int], None]) -> None:
    """Make `span.end()` call `ending(span, end_ns)` once before the span ends."""
    span.end = WrappedEnd(span, ending)


class EndThenCall:
    """Stands in for `span.end`: ends the span, then calls `ended(span)` once; *ended* must not raise."""

    __slots__ = ("_ended", "_inner", "_span")

    def __init__(self, span: Any, ended: Callable[[Any], None]) -> None:
        self._span = span
        self._ended: Callable[[Any], None] | None = ended
        self._inner: Callable[..., None] | None = vars(span).get("end")

    def __call__(self, end_time: int | None = None) -> None:
        span = self._span
        vars(span).pop("end", None)
        if self._inner is None:
            type(span).end(span, end_time)
        else:
            self._inner(end_time)
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(span)


def call_after_end(span: Any, ended: Callable[[Any], None]) -> bool:
    """Make `span.end()` call `ended(span)` once after the span has ended; return whether the span allows that."""
    try:
        span.end = EndThenCall(span, ended)
    except (AttributeError, TypeError):
        return False
    return True
