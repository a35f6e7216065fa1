# SPDX-License-Identifier: Apache-2.0
"""Patterns of 1, 2 and 3 calls that repeat, scored call by call.

Each call is compared with the call one period before, or with the mean of its place in the pattern once the pattern has
gone round. Points add up while the pattern lasts; a call that is out of all proportion begins anew.
"""

from __future__ import annotations

from spancost.core.detect.rules import Table, ToolLoop

PERIODS = (1, 2, 3)
_MOST = 2_000
"""Points that are kept at most, in hundredths: one call out of line must be able to end a long pattern."""
_MS = 1_000_000
_CLOSE = 1_050
"""Ratio in thousandths up to which two calls grow by the same."""


class Mean:
    """Sums over the calls at one place of a pattern."""

    __slots__ = ("calls", "gap", "growth", "output")

    def __init__(self, growth: int, output: int, gap: int) -> None:
        self.growth, self.output, self.gap, self.calls = growth, output, gap, 1

    def add(self, growth: int, output: int, gap: int) -> None:
        """Add a call."""
        self.growth += growth
        self.output += output
        self.gap += gap
        self.calls += 1


class Pattern:
    """The state of one period: points and repeats in a row, the same since all were close, the mean of each place."""

    __slots__ = ("close", "close_points", "matches", "places", "points")

    def __init__(self) -> None:
        self.points = self.matches = self.close = self.close_points = 0
        self.places: list[Mean] = []


class LoopState:
    """What is kept of a context: its last three calls, and a pattern of each period that has begun."""

    __slots__ = ("last", "patterns")

    def __init__(self) -> None:
        self.last: list[tuple[int, int, int]] = []
        self.patterns: list[Pattern | None] = [None, None, None]

    def add(self, growth: int, output: int, gap_ns: int, rule: ToolLoop) -> int:
        """Take a call; return the period of the pattern that it goes on with and that is to alarm, else 0."""
        last = self.last
        gap = gap_ns // _MS
        found = 0
        known = len(last)
        for period in PERIODS:
            if known < period:
                break
            pattern = self.patterns[period - 1]
            if pattern is None:
                before = last[-period][0]
                # Most pairs of calls differ: this line is all that they cost.
                if growth * before <= 0 or abs(growth) > 2 * abs(before) + 6 or abs(before) > 2 * abs(growth) + 6:
                    continue
                pattern = self.patterns[period - 1] = Pattern()
            if not go_on(pattern, period, last, (growth, output, gap), rule):
                self.patterns[period - 1] = None
            elif not found and alarms(pattern, period, rule):
                found = period
        last.append((growth, output, gap))
        if known == len(PERIODS):
            del last[0]
        return found

    def matches(self, period: int) -> int:
        """Return how many repeats of a pattern were seen in a row."""
        pattern = self.patterns[period - 1]
        return 0 if pattern is None else pattern.matches

    def goes_on(self, period: int) -> bool:
        """Return whether a pattern was not broken by the last call."""
        return self.patterns[period - 1] is not None

    def growth_of_round(self, period: int) -> int:
        """Return by how many tokens one round of a pattern grows the context, about."""
        last = self.last[-period:]
        return sum(growth for growth, _, _ in last)


def go_on(
    pattern: Pattern, period: int, last: list[tuple[int, int, int]], now: tuple[int, int, int], rule: ToolLoop
) -> bool:
    """Score a call as the next of *pattern*; return whether the pattern goes on."""
    places = pattern.places
    index = pattern.matches % period
    growth, output, gap = now
    if pattern.matches >= period:
        mean = places[index]
        calls = mean.calls
        before = (mean.growth // calls, mean.output // calls, mean.gap // calls)
    else:
        before = last[-period]
        mean = Mean(*before)
    points = points_of(before, now, rule)
    if points is None or pattern.points + points[0] <= 0:
        return False
    pattern.points = min(_MOST, pattern.points + points[0])
    pattern.matches += 1
    if points[1]:
        pattern.close += 1
        pattern.close_points = min(_MOST, pattern.close_points + points[0])
    else:
        pattern.close = pattern.close_points = 0
    mean.add(growth, output, gap)
    if len(places) <= index:
        places.append(mean)
    return True


def alarms(pattern: Pattern, period: int, rule: ToolLoop) -> bool:
    """Return whether a pattern has enough points and repeats."""
    enough = rule.alarm_points[period - 1]
    if pattern.close_points >= enough and pattern.close >= rule.close_matches[period - 1]:
        return True
    if pattern.points < enough or pattern.matches < rule.matches[period - 1]:
        return False
    return pattern.points >= min(_MOST, rule.mean_points * pattern.matches)


def points_of(before: tuple[int, int, int], now: tuple[int, int, int], rule: ToolLoop) -> tuple[int, int] | None:
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
