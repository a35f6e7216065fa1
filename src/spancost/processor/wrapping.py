# SPDX-License-Identifier: Apache-2.0
"""Wrapping the `end` of one span, so that work is done while it still takes attributes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from time import time_ns
from typing import Any


def wrap_end(span: Any, ending: Callable[[Any, int], None]) -> None:
    """Make `span.end()` call `ending(span, end_ns)` once before the span ends; *ending* must not raise.

    The span's end time is taken first, so that the work is not part of its duration. Wrappers stack. The closure holds
    the span weakly: a span that is never ended leaves nothing behind.
    """
    beneath: Callable[..., None] | None = vars(span).get("end")
    reference = weakref.ref(span)
    turns = [None]

    def end(end_time: int | None = None) -> None:
        ended = reference()
        if ended is None:
            return
        if end_time is None:
            end_time = time_ns()
        if turns:
            try:
                turns.pop()
            except IndexError:  # another thread ends the same span at the same time: it has the turn
                pass
            else:
                vars(ended).pop("end", None)
                ending(ended, end_time)
        if beneath is None:
            type(ended).end(ended, end_time)
        else:
            beneath(end_time)

    span.end = end
