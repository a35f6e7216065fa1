# SPDX-License-Identifier: Apache-2.0
"""Patterns of 1, 2 and 3 calls that repeat: which calls of a context are like the one 1, 2 and 3 calls before.

What is kept of a call are two logarithms and a time, in rings of the last calls. Most calls are unlike those before,
and that is all they cost; where two calls in a row are alike, `loop_points` weighs how much that tells.
"""

from __future__ import annotations

from typing import Final

from spancost.core.detect.bounds import Bounds
from spancost.core.detect.logarithm import UNITS, units
from spancost.core.detect.loop_points import GROWTH_NEAR, OUTPUT_NEAR, SHRANK, Turns, found_at, of_pace
from spancost.core.detect.rule import ToolLoop

RING: Final = 32
"""Calls of a context that are kept."""
_LAST: Final = RING - 1
TABLED: Final = 4000
"""Tokens below which logarithms are looked up."""
OF_GROWTH: Final = UNITS[GROWTH_NEAR:]
OF_OUTPUT: Final = UNITS[OUTPUT_NEAR:]
"""Logarithms of growth and of output, by tokens."""
_OFTEN: Final = 6
"""Repeats in a row up to which each one is weighed, and from which on every fourth: work on many similar items."""


class LoopState:
    """What is kept of a context: rings of its last calls, the place of the next one, and repeats in a row.

    growth, output: logarithms. pace: nanoseconds since the call before began. first, second, third: repeats by period.
    """

    __slots__ = ("at", "first", "growth", "is_full", "output", "pace", "second", "third")

    def __init__(self) -> None:
        self.growth = [SHRANK] * RING
        self.output = [0] * RING
        self.pace = [0] * RING
        self.at = 0
        self.is_full = False
        self.first = self.second = self.third = 0

    def add(self, growth: int, output: int, gap_ns: int, bounds: Bounds) -> bool:
        """Take a call; return whether a pattern has repeated twice with it, and is to be weighed.

        growth: of the context, in tokens. gap_ns: since the call before began.
        """
        at, growths, outputs = self.at, self.growth, self.output
        outputs[at] = out = OF_OUTPUT[output] if output < TABLED else units(output + OUTPUT_NEAR)
        self.pace[at] = gap_ns
        if at < _LAST:
            self.at = at + 1
        else:
            self.at, self.is_full = 0, True
        if growth <= 0:
            growths[at] = SHRANK
            self.first = self.second = self.third = 0
            return False
        growths[at] = grown = OF_GROWTH[growth] if growth < TABLED else units(growth + GROWTH_NEAR)
        apart = bounds.growth_ratio
        least, most = grown - apart, grown + apart
        apart, small = bounds.output_ratio, bounds.small_output
        low, high = out - apart, out + apart
        if out <= small:  # small outputs are all alike
            low, high = 0, max(high, small)
        weighs = False
        # Negative places are those at the end of the ring.
        if least <= growths[at - 1] <= most and low <= outputs[at - 1] <= high:
            self.first += 1
            weighs = self.first > 1
        else:
            self.first = 0
        if least <= growths[at - 2] <= most and low <= outputs[at - 2] <= high:
            self.second += 1
            weighs = weighs or self.second > 1
        else:
            self.second = 0
        if least <= growths[at - 3] <= most and low <= outputs[at - 3] <= high:
            self.third += 1
            weighs = weighs or self.third > 1
        else:
            self.third = 0
        return weighs

    def repeats(self, period: int) -> int:
        """Return how many calls in a row, the last one included, are like the one a *period* before."""
        return self.first if period == 1 else self.second if period == 2 else self.third

    def weigh(self, rule: ToolLoop) -> tuple[int, int] | None:
        """Weigh the patterns that repeat; return period and repeats of the one that exceeds its bound most.

        None when there is no alarm.
        """
        most, found = -1, None
        for period, repeats in ((1, self.first), (2, self.second), (3, self.third)):
            if repeats < 2 or (repeats > _OFTEN and repeats % 4):
                continue
            if repeats == 2 and not (self._near(1, period, rule) and self._near(2, period, rule)):
                continue
            known = repeats if self.is_full else min(repeats, self.at - period)
            excess, counted = found_at(self._turns(), period, known, rule)
            if excess > most:
                most, found = excess, (period, counted)
        return found

    def _near(self, number: int, period: int, rule: ToolLoop) -> bool:
        """Return whether the last call but *number* - 1 is near enough for one of only two repeats."""
        now, then = (self.at - number) % RING, (self.at - number - period) % RING
        return (
            abs(self.growth[now] - self.growth[then]) <= rule.near_growth_ratio
            and abs(of_pace(self.pace[now]) - of_pace(self.pace[then])) <= rule.near_pace_ratio
        )

    def _turns(self) -> Turns:
        """Return growth, output and pace of the calls that are kept, the last one at the end."""
        at = self.at
        if not self.is_full:
            return self.growth[:at], self.output[:at], self.pace[:at]
        return (
            self.growth[at:] + self.growth[:at],
            self.output[at:] + self.output[:at],
            self.pace[at:] + self.pace[:at],
        )
