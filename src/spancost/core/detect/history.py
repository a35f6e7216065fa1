# SPDX-License-Identifier: Apache-2.0
"""What is usual for the traces of a feature: how many of them reached which size, in half octaves."""

from __future__ import annotations

BOUNDS = tuple(sorted({size for power in range(60) for size in (1 << power, (3 << power) // 2)}))
"""Upper bounds of the classes of size: 1, 2, 3, 4, 6, 8, 12, 16, …"""
_BEYOND = 1 << 62
_LEAST = 5
"""The least class: traces of up to 8 are alike."""


class History:
    """Sizes of traces, each trace counted in the class that it has reached so far."""

    __slots__ = ("counts", "traces")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.traces = 0

    def reach(self, before: int, size: int) -> int:
        """Move a trace from class *before* (-1: it is new) to that of *size*; return the class."""
        reached = max(before, _LEAST)
        while reached < len(BOUNDS) and size > BOUNDS[reached]:
            reached += 1
        if before < 0:
            self.traces += 1
        else:
            self.counts[before] -= 1
        self.counts[reached] += 1
        return reached

    def usual_most(self, without: int) -> int:
        """Return the size that 99 of 100 traces do not exceed, but for one trace in class *without*."""
        left = (self.traces - 1) // 100
        for reached in range(len(BOUNDS), -1, -1):
            left -= self.counts[reached] - (1 if reached == without else 0)
            if left < 0:
                return bound(reached)
        return 0


def bound(reached: int) -> int:
    """Return the greatest size of a class."""
    return BOUNDS[reached] if reached < len(BOUNDS) else _BEYOND
