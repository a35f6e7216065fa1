# SPDX-License-Identifier: Apache-2.0
"""The spans of a process that have ended, with their parents: what a late child needs to find an open ancestor."""

from __future__ import annotations

from collections import deque

from spancost.core.generational import GenerationalCache


class EndedSpans(GenerationalCache[int, int]):
    """The id of the parent in this process (0 when there is none) by the id of a span that has ended; bounded.

    waiting: ended spans, as span id and parent id, that are not in the table yet. Any thread may append to it, in
    a third of the time of `set`. `settle` comes before the table is asked for a span or added to.
    """

    __slots__ = ("waiting",)

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.waiting: deque[tuple[int, int]] = deque(maxlen=size)

    def settle(self) -> None:
        """Put the spans that wait into the table, with the ledger's lock held.

        In a process without calls nothing is ever moved; the first call after *size* other spans moves them all, in 2
        to 4 ms.
        """
        moved = []
        try:
            while True:  # one at a time: other threads append
                moved.append(self.waiting.popleft())
        except IndexError:
            pass
        self.new.update(moved)
        if len(self.new) >= self.size:
            self.turn()

    def clear(self) -> None:
        """Forget all spans."""
        super().clear()
        self.waiting.clear()
