# SPDX-License-Identifier: Apache-2.0
"""Patterns of 1, 2 and 3 calls that repeat, scored call by call.

Each call is compared with the call one period before, or with the mean of its place in the pattern once the pattern has
gone round. Points add up while the pattern lasts; a call that is out of all proportion begins anew.
"""

from __future__ import annotations

from typing import TypeAlias

from spancost.core.detect.rule import Table, ToolLoop

PERIODS = 3
_MOST = 2_000
"""Points that are kept at most, in hundredths: one call out of line must be able to end a long pattern."""
_MS = 1_000_000
_NEAR = 8
"""Tokens by which two small numbers may differ."""
_CLOSE = 1_050
"""Ratio in thousandths up to which two calls grow by the same."""


Turn: TypeAlias = "tuple[int, int, int]"
"""Growth of the context in tokens, tokens of output, milliseconds since the call before."""
Kept: TypeAlias = "tuple[int, int, int, int, Turn]"
"""A call, after the bounds of growth and output within which another one may begin a pattern with it."""


class Mean:
    """Sums over the calls at one place of a pattern."""

    __slots__ = ("calls", "gap", "growth", "output")

    def __init__(self, turn: Turn) -> None:
        self.growth, self.output, self.gap = turn
        self.calls = 1

    def add(self, turn: Turn) -> None:
        """Add a call."""
        self.growth += turn[0]
        self.output += turn[1]
        self.gap += turn[2]
        self.calls += 1

    def mean(self) -> Turn:
        """Return the mean of the calls, rounded down."""
        return self.growth // self.calls, self.output // self.calls, self.gap // self.calls


class Pattern:
    """The state of one period: points and repeats in a row, the same since all were close, the mean of each place."""

    __slots__ = ("close", "close_points", "matches", "places", "points")

    def __init__(self) -> None:
        self.points = self.matches = self.close = self.close_points = 0
        self.places: list[Mean] = []

    def add(self, points: tuple[int, int], period: int, before: Turn, now: Turn) -> None:
        """Take a call that goes on with the pattern, with its points and whether it is close."""
        index = self.matches % period
        if self.matches < period:
            self.places.append(Mean(before))
        self.places[index].add(now)
        self.matches += 1
        self.points = min(_MOST, self.points + points[0])
        if points[1]:
            self.close += 1
            self.close_points = min(_MOST, self.close_points + points[0])
        else:
            self.close = self.close_points = 0


class LoopState:
    """What is kept of a context: its last three calls, the last first, and a pattern of each period that has begun."""

    __slots__ = ("active", "last", "patterns")

    def __init__(self) -> None:
        self.last: list[Kept] = []
        self.patterns: list[Pattern | None] = [None, None, None]
        self.active = 0

    def add(self, growth: int, output: int, gap_ns: int, rule: ToolLoop) -> int:
        """Take a call; return the period of the pattern that it goes on with and that is to alarm, else 0."""
        last = self.last
        found = period = 0
        for kept in last:  # the last call first
            least, most, least_output, most_output, before = kept
            period += 1
            # Most pairs of calls differ: these lines are all that they cost.
            if least <= growth <= most and least_output <= output <= most_output:
                pattern = self.patterns[period - 1]
            elif self.active:
                pattern = self.patterns[period - 1]
                if pattern is None:
                    continue
            else:
                continue
            if self._go_on(pattern, period, before, (growth, output, gap_ns // _MS), rule):
                found = period
        if period == PERIODS:
            last.pop()
        last.insert(
            0,
            (
                growth * 2 // 3 - _NEAR,
                growth * 3 // 2 + _NEAR,
                output * 2 // 3 - _NEAR,
                output * 3 // 2 + _NEAR,
                (growth, output, gap_ns // _MS),
            ),
        )
        return found

    def _go_on(self, pattern: Pattern | None, period: int, before: Turn, now: Turn, rule: ToolLoop) -> bool:
        """Score a call as the next of a pattern, or as its second one; return whether that is to alarm."""
        if pattern is None:
            points = points_of(before, now, rule)
            if points is None or points[0] <= 0:
                return False
            pattern = self.patterns[period - 1] = Pattern()
            self.active += 1
        else:
            if pattern.matches >= period:
                before = pattern.places[pattern.matches % period].mean()
            points = points_of(before, now, rule)
            if points is None or pattern.points + points[0] <= 0:
                self.patterns[period - 1] = None
                self.active -= 1
                return False
        pattern.add(points, period, before, now)
        return alarms(pattern, period, rule)

    def matches(self, period: int) -> int:
        """Return how many repeats of a pattern were seen in a row."""
        pattern = self.patterns[period - 1]
        return 0 if pattern is None else pattern.matches

    def goes_on(self, period: int) -> bool:
        """Return whether a pattern was not broken by the last call."""
        return self.patterns[period - 1] is not None

    def growth_of_round(self, period: int) -> int:
        """Return by how many tokens one round of a pattern grows the context, about."""
        return sum(kept[4][0] for kept in self.last[:period])


def alarms(pattern: Pattern, period: int, rule: ToolLoop) -> bool:
    """Return whether a pattern has enough points and repeats."""
    enough = rule.alarm_points[period - 1]
    if pattern.close_points >= rule.close_points and pattern.close >= rule.close_matches[period - 1]:
        return True
    if pattern.points < enough or pattern.matches < rule.matches[period - 1]:
        return False
    return pattern.points >= min(_MOST, rule.mean_points * pattern.matches)


def points_of(before: Turn, now: Turn, rule: ToolLoop) -> tuple[int, int] | None:
    """Return the points of a pair of calls and whether they grow alike (1 or 0); None when they differ too much."""
    growth, growth_before = now[0], before[0]
    if growth * growth_before <= 0:
        return None
    growth, growth_before = abs(growth), abs(growth_before)
    slack = rule.slack_tokens
    table = rule.growth if min(growth, growth_before) >= rule.small_growth_tokens else rule.small_growth
    row = row_of(growth, growth_before, table, slack)
    if row == len(table):
        return None
    points = table[row][1]
    output, output_before = now[1], before[1]
    if output <= rule.small_output_tokens and output_before <= rule.small_output_tokens:
        points += rule.small_output[0 if output == output_before else 1]
    else:
        like = row_of(output, output_before, rule.output, slack)
        if like == len(rule.output):
            return None
        points += rule.output[like][1]
    pace = row_of(max(now[2], 100), max(before[2], 100), rule.pace, 0)
    points += rule.pace[pace][1] if pace < len(rule.pace) else rule.other_pace
    return points, 1 if table[row][0] <= _CLOSE else 0


def row_of(one: int, other: int, table: Table, slack: int) -> int:
    """Return the first row of *table* whose bound holds the ratio of two numbers, the number of rows when none does."""
    less, more = (one, other) if one < other else (other, one)
    if more - less <= slack:
        return 0
    more *= 1000
    for index, (bound, _) in enumerate(table):
        if more <= less * bound:
            return index
    return len(table)
