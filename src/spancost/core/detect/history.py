# SPDX-License-Identifier: Apache-2.0
"""What is usual for the traces of a feature: how many of them reached which size, in half octaves."""

from __future__ import annotations

BOUNDS = tuple(sorted({size for power in range(60) for size in (1 << power, (3 << power) // 2)}))
"""Upper bounds of the classes of size: 1, 2, 3, 4, 6, 8, 12, 16, …"""
SMALL = BOUNDS.index(8)
"""Class of traces with few calls, which are alike."""
CHEAP = BOUNDS.index(1024)
"""Class of traces that cost about a dollar at most, in thousandths of a dollar."""
_BEYOND = 1 << 62
MILLI = 10**12
"""Femto-dollars of a thousandth of a dollar, the unit of classes of cost."""
NEXT_CALLS = BOUNDS[SMALL]
NEXT_FEMTO = (BOUNDS[CHEAP] + 1) * MILLI - 1
"""Calls and cost up to which a trace stays in the least classes."""


class History:
    """Sizes of traces: each trace beyond the class *least* is counted in the class that it has reached so far."""

    __slots__ = ("counts", "least")

    def __init__(self, least: int) -> None:
        self.least = least
        self.counts: dict[int, int] = {}

    def reach(self, before: int, size: int) -> int:
        """Move a trace from class *before* to that of *size*; return the class."""
        reached = before
        while reached < len(BOUNDS) and size > BOUNDS[reached]:
            reached += 1
        if reached != before:
            if before > self.least:
                self.counts[before] -= 1
            self.counts[reached] = self.counts.get(reached, 0) + 1
        return reached

    def usual_most(self, traces: int, without: int) -> int:
        """Return the size that 99 of 100 of all *traces* do not exceed, but for one trace in class *without*."""
        left = (traces - 1) // 100
        for reached in sorted(self.counts, reverse=True):
            left -= self.counts[reached] - (1 if reached == without else 0)
            if left < 0:
                return bound(reached)
        return bound(self.least)


def bound(reached: int) -> int:
    """Return the greatest size of a class."""
    return BOUNDS[reached] if reached < len(BOUNDS) else _BEYOND
