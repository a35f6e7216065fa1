# SPDX-License-Identifier: Apache-2.0
"""Patterns of 1, 2 and 3 calls that repeat: which calls of a context are like the one 1, 2 and 3 calls before.

What is kept of a call are three logarithms, in rings of the last calls. Most calls are unlike those before, and that is
all they cost; where two calls in a row are alike, `loop_points` weighs how much that tells.
"""

from __future__ import annotations

from array import array
from typing import Final

from spancost.core.detect.logarithm import OCTAVE, UNITS, units
from spancost.core.detect.loop_points import GROWTH_NEAR, OUTPUT_NEAR, PACE_NEAR, SHRANK, found_at
from spancost.core.detect.rule import ToolLoop

RING: Final = 32
"""Calls of a context that are kept."""
_OFTEN: Final = 6
"""Repeats in a row up to which each one is weighed, and from which on every fourth: work on many similar items."""
_MS: Final = 1_000_000


class LoopState:
    """What is kept of a context: three rings, the place of the next call, and repeats in a row for each period."""

    __slots__ = ("at", "calls", "first", "growth", "output", "pace", "second", "third")

    def __init__(self) -> None:
        self.growth = array("h", (SHRANK,)) * RING
        self.output = array("h", (0,)) * RING
        self.pace = array("h", (0,)) * RING
        self.at = self.calls = 0
        self.first = self.second = self.third = 0

    def add(self, growth: int, output: int, gap_ns: int, rule: ToolLoop) -> tuple[int, int] | None:
        """Take a call; return the period and the repeats of a pattern that is to alarm with it, if one is.

        growth: of the context, in tokens. gap_ns: since the call before began.
        """
        at, growths, outputs = self.at, self.growth, self.output
        size = output + OUTPUT_NEAR
        out = UNITS[size] if size < 256 else units(size)
        outputs[at] = out
        gap = gap_ns // _MS + PACE_NEAR
        shift = gap.bit_length() - 8
        self.pace[at] = shift * OCTAVE + UNITS[gap >> shift] if shift > 0 else UNITS[max(gap, 1)]
        self.calls += 1
        self.at = at + 1 if at < RING - 1 else 0
        if growth <= 0:
            growths[at] = SHRANK
            self.first = self.second = self.third = 0
            return None
        size = growth + GROWTH_NEAR
        if size < 256:
            grown = UNITS[size]
        else:
            shift = size.bit_length() - 8
            grown = shift * OCTAVE + UNITS[size >> shift]
        growths[at] = grown
        apart = rule.growth_ratio
        least, most = grown - apart, grown + apart
        # Negative places are those at the end of the ring.
        if least <= growths[at - 1] <= most and alike(out, outputs[at - 1], rule):
            self.first += 1
        elif self.first:
            self.first = 0
        if least <= growths[at - 2] <= most and alike(out, outputs[at - 2], rule):
            self.second += 1
        elif self.second:
            self.second = 0
        if least <= growths[at - 3] <= most and alike(out, outputs[at - 3], rule):
            self.third += 1
        elif self.third:
            self.third = 0
        return self._weigh(rule) if self.first > 1 or self.second > 1 or self.third > 1 else None

    def repeats(self, period: int) -> int:
        """Return how many calls in a row, the last one included, are like the one a *period* before."""
        return self.first if period == 1 else self.second if period == 2 else self.third

    def _weigh(self, rule: ToolLoop) -> tuple[int, int] | None:
        """Weigh the patterns that repeat; return the one that exceeds its bound most."""
        most, found = -1, None
        for period, repeats in ((1, self.first), (2, self.second), (3, self.third)):
            if repeats < 2 or (repeats > _OFTEN and repeats % 4):
                continue
            if repeats == 2 and not (self._near(1, period, rule) and self._near(2, period, rule)):
                continue
            excess, counted = found_at(self._turns(), period, min(repeats, self.calls - period), rule)
            if excess > most:
                most, found = excess, (period, counted)
        return found

    def _near(self, number: int, period: int, rule: ToolLoop) -> bool:
        """Return whether the last call but *number* - 1 is near enough for one of only two repeats."""
        now, then = (self.at - number) % RING, (self.at - number - period) % RING
        return (
            abs(self.growth[now] - self.growth[then]) <= rule.near_growth_ratio
            and abs(self.pace[now] - self.pace[then]) <= rule.near_pace_ratio
        )

    def _turns(self) -> tuple[array[int], array[int], array[int]]:
        """Return growth, output and pace of the calls that are kept, the last one at the end."""
        calls, at = self.calls, self.at
        if calls < RING:
            return self.growth[:calls], self.output[:calls], self.pace[:calls]
        return (
            self.growth[at:] + self.growth[:at],
            self.output[at:] + self.output[:at],
            self.pace[at:] + self.pace[:at],
        )


def alike(output: int, before: int, rule: ToolLoop) -> bool:
    """Return whether two outputs are of about the same size, or both small."""
    if -rule.output_ratio <= output - before <= rule.output_ratio:
        return True
    small = units(rule.small_output_tokens + OUTPUT_NEAR)
    return output <= small and before <= small
