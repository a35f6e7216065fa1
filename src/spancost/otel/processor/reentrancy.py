# SPDX-License-Identifier: Apache-2.0
"""Spans that end inside our own work: a signal handler or a finalizer may end one in the thread that holds the lock."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, TypeAlias

from spancost.core.span import Span

EndedSpan: TypeAlias = "tuple[Any, Any, Any, int, Any, int]"
"""A span to finish: the SDK's span, its span context and its parent's, what the ledger has to do for it, the dictionary
that holds its attributes, and its end, if it has not ended yet."""


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
