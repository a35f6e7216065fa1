# SPDX-License-Identifier: Apache-2.0
"""How much more likely repeats of a pattern are in a loop than in the work that the session did before.

A sequential test on growth of the context, output and pace: each repeat gives points, the logarithm of how dense
loops are at its difference, against how dense the session's own calls are at its value. The latter is a Laplace
distribution around the mean of the calls before the pattern repeats; a few calls of an average session count among
them. Work on similar items is dense there itself, and so gives few points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from spancost.core.detect.logarithm import NATURAL, OF_A_UNIT, units
from spancost.core.detect.rule import Table, ToolLoop

GROWTH_NEAR: Final = 20
"""Tokens that are added to the growth of a context: differences between small numbers tell little."""
OUTPUT_NEAR: Final = 3
"""The same for tokens of output."""
PACE_NEAR: Final = 300
"""The same for milliseconds between calls."""
SHRANK: Final = -1
"""In place of a logarithm: the context did not grow."""
_MOST: Final = 8
"""Repeats that are weighed, the last ones."""
_LEAST_SPREAD: Final = 6
"""In units: calls of a session that are all the same differ by chance next time."""

Usual: TypeAlias = "tuple[int, int, int, int]"
"""Centre and spread, in units, of a session's own calls; and of those of an average session."""
Turns: TypeAlias = "tuple[Sequence[int], Sequence[int], Sequence[int]]"
"""Logarithms of growth, output and pace of calls, in units, the last one at the end."""


def found_at(turns: Turns, period: int, repeats: int, rule: ToolLoop) -> tuple[int, int]:
    """Return by how many points the last *repeats* of a pattern exceed their bound, and how many of them do.

    -1 when no number of repeats, counted from the last one, exceeds its bound.
    """
    growth, output, pace = turns
    before = max(0, len(growth) - repeats)
    small = units(rule.small_output_tokens + OUTPUT_NEAR)
    of_growth = usual(
        [each for each in growth[:before] if each != SHRANK], units(rule.usual_growth[0] // 1000 + GROWTH_NEAR),
        rule.usual_growth[1], rule.known_calls,
    )  # fmt: skip
    of_output = usual(
        [each for each in output[:before] if each > small], units(rule.usual_output[0] // 1000 + OUTPUT_NEAR),
        rule.usual_output[1], rule.known_calls,
    )  # fmt: skip
    of_pace = usual(pace[:before], units(rule.usual_pace[0] + PACE_NEAR), rule.usual_pace[1], rule.known_calls)
    of_small, of_other = shares(before, sum(each <= small for each in output[:before]), rule)
    needed = rule.unknown_points if before - period < rule.known_calls else 0
    points, close, found, counted = -needed, True, -1, 0
    for number in range(1, min(repeats, _MOST) + 1):
        now = len(growth) - number
        then = now - period
        points += of_pair(growth[now], growth[then], of_growth, (rule.growth, rule.least_points), 0, rule)
        if output[now] <= small and output[then] <= small:
            points += of_small
        else:
            points += of_other
            points += of_pair(output[now], output[then], of_output, (rule.output, rule.least_points), 1, rule)
        points += of_pair(pace[now], pace[then], of_pace, (rule.pace, rule.other_pace), 2, rule)
        close = close and abs(growth[now] - growth[then]) <= rule.close_ratio
        if number > 1:
            bound = rule.alarm_points[min(number, 4) - 2]
            if number == 2 and close:
                bound = rule.close_points
            if points >= bound:
                found, counted = max(found, points - bound), number
    return found, counted


def usual(values: Sequence[int], centre: int, spread: int, weight: int) -> Usual:
    """Return where *values* lie and how far they are from it, with *weight* calls at *centre*, *spread* from it."""
    mean = (centre * weight + sum(values)) // (weight + len(values))
    around = (spread * weight + sum([abs(each - mean) for each in values])) // (weight + len(values))
    return mean, max(_LEAST_SPREAD, around), centre, spread


def shares(calls: int, small: int, rule: ToolLoop) -> tuple[int, int]:
    """Return the points for two small outputs and for two others: the rarer, the more."""
    weight = rule.known_calls
    usually = weight * rule.small_output_permille // 100
    every = NATURAL[min(1023, 10 * (calls + weight))]
    return (
        every - NATURAL[max(1, min(1023, 10 * small + usually))],
        every - NATURAL[max(1, min(1023, 10 * (calls - small) + 10 * weight - usually))],
    )


def of_pair(now: int, then: int, known: Usual, loops: tuple[Table, int], place: int, rule: ToolLoop) -> int:
    """Return the points, in hundredths, of two values of calls a period apart.

    loops: by how much they may differ, with the logarithm of how dense loops are there, and the same for others.
    """
    table, points = loops
    apart = abs(now - then)
    for bound, dense in table:
        if apart <= bound:
            points = dense
            break
    mean, spread, centre, average = known
    own = -NATURAL[min(1023, 2 * spread)] - 100 * abs(now - mean) // spread
    others = -NATURAL[min(1023, 2 * average)] - 100 * abs(now - centre) // average - rule.usual_points
    return max(rule.least_points, min(rule.most_points[place], points - max(own, others) + OF_A_UNIT))
