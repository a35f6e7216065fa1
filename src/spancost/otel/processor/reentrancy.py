# SPDX-License-Identifier: Apache-2.0
"""Spans that end inside our own work: a signal handler or a finalizer may end one in the thread that holds the lock."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, NamedTuple

from spancost.core.span import Span


class EndedSpan(NamedTuple):
    """A span to finish.

    Attributes:
        span: the SDK's span. context, parent: its span context and its parent's.
        todo: what the ledger has to do for it. attributes: the dictionary that holds its attributes.
        end_ns: its end, if it has not ended yet.
    """

    span: Any
    context: Any
    parent: Any
    todo: int
    attributes: Any
    end_ns: int


class Reentrancy:
    """The ledger's lock, and the spans that wait until the work in hand is done: the SDK's, and calls without one."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.is_busy = False
        self.waiting: deque[EndedSpan | Span] = deque()

    def next(self) -> EndedSpan | Span | None:
        """Return a span that waits, None when none does or the ledger is at work."""
        if self.is_busy:
            return None
        try:
            return self.waiting.popleft()
        except IndexError:
            return None
