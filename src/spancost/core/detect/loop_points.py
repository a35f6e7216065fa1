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
from spancost.core.detect.rule import ToolLoop

GROWTH_NEAR: Final = 20
"""Tokens that are added to the growth of a context: differences between small numbers tell little."""
OUTPUT_NEAR: Final = 3
"""The same for tokens of output."""
PACE_NEAR: Final = 300
"""The same for milliseconds between calls."""
_MS: Final = 1_000_000
SHRANK: Final = -1
"""In place of a logarithm: the context did not grow."""
_MOST: Final = 8
"""Repeats that are weighed, the last ones."""
_LEAST_SPREAD: Final = 6
"""In units: calls of a session that are all the same differ by chance next time."""

Usual: TypeAlias = "tuple[int, int, int, int]"
"""Centre and spread, in units, of a session's own calls; and of those of an average session."""
Turns: TypeAlias = "tuple[Sequence[int], Sequence[int], Sequence[int]]"
"""Of calls, the last at the end: logarithms of growth and output, in units, and nanoseconds since the call before."""


def found_at(turns: Turns, period: int, repeats: int, rule: ToolLoop) -> tuple[int, int]:
    """Return by how many points the last *repeats* of a pattern exceed their bound, and how many of them do.

    -1 when no number of repeats, counted from the last one, exceeds its bound. Output and pace count as the most that
    they can give until they are weighed, which they need not be where even that is too little.
    """
    growth, output, pace = turns
    before = max(0, len(growth) - repeats)
    number = min(repeats, _MOST)
    small = units(rule.small_output_tokens + OUTPUT_NEAR)
    others = [each for each in output[:before] if each > small]
    of_small, of_other = shares(before, before - len(others), rule)
    most_output, most_pace = rule.most_points[1:]
    known = usual(
        [each for each in growth[:before] if each != SHRANK], units(rule.usual_growth[0] // 1000 + GROWTH_NEAR),
        rule.usual_growth[1], rule.known_calls,
    )  # fmt: skip
    points = of_pairs(growth, period, number, known, 0, rule)
    large = []
    for place in range(number):
        if output[-1 - place] <= small and output[-1 - place - period] <= small:
            points[place] += of_small + most_pace
        else:
            large.append(place)
            points[place] += of_other + most_output + most_pace
    bounds = bounds_of(growth, period, rule.unknown_points if before - period < rule.known_calls else 0, rule)
    if exceeds(points, bounds)[0] < 0:
        return -1, 0
    if large:
        known = usual(others, units(rule.usual_output[0] // 1000 + OUTPUT_NEAR), rule.usual_output[1], rule.known_calls)
        of_outputs = of_pairs(output, period, number, known, 1, rule)
        for place in large:
            points[place] += of_outputs[place] - most_output
        if exceeds(points, bounds)[0] < 0:
            return -1, 0
    paces = [of_pace(each) for each in pace]
    known = usual(paces[:before], units(rule.usual_pace[0] + PACE_NEAR), rule.usual_pace[1], rule.known_calls)
    for place, found in enumerate(of_pairs(paces, period, number, known, 2, rule)):
        points[place] += found - most_pace
    return exceeds(points, bounds)


def bounds_of(growth: Sequence[int], period: int, needed: int, rule: ToolLoop) -> tuple[int, int, int]:
    """Return the points at which 2, 3 and more repeats alarm.

    needed: how many points more a session needs of which little is known.
    """
    two, three, more = rule.alarm_points
    close = rule.close_ratio
    if abs(growth[-1] - growth[-1 - period]) <= close and abs(growth[-2] - growth[-2 - period]) <= close:
        two = rule.close_points
    return two + needed, three + needed, more + needed


def exceeds(points: Sequence[int], bounds: tuple[int, int, int]) -> tuple[int, int]:
    """Return the most by which the points of the last repeats exceed their bound, and how many repeats do; else -1, 0.

    points: of each repeat, the last one first.
    """
    total, found, counted = points[0], -1, 0
    for number in range(2, len(points) + 1):
        total += points[number - 1]
        excess = total - bounds[min(number, 4) - 2]
        if excess >= 0:
            found, counted = max(found, excess), number
    return found, counted


def of_pace(gap_ns: int) -> int:
    """Return the logarithm of the time between two calls, in units."""
    return units(max(1, gap_ns // _MS + PACE_NEAR))


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


def of_pairs(values: Sequence[int], period: int, number: int, known: Usual, place: int, rule: ToolLoop) -> list[int]:
    """Return the points, in hundredths, of the last *number* values against those a period before, the last one first.

    place: 0 for growth, 1 for output, 2 for pace.
    """
    table = (rule.growth, rule.output, rule.pace)[place]
    far = rule.other_pace if place == 2 else rule.least_points
    least, most = rule.least_points, rule.most_points[place]
    mean, spread, centre, average = known
    own = -NATURAL[min(1023, 2 * spread)]
    others = -NATURAL[min(1023, 2 * average)] - rule.usual_points
    points = []
    for at in range(-1, -1 - number, -1):
        now = values[at]
        apart = abs(now - values[at - period])
        of_loops = far
        for bound, dense in table:
            if apart <= bound:
                of_loops = dense
                break
        of_session = max(own - 100 * abs(now - mean) // spread, others - 100 * abs(now - centre) // average)
        points.append(max(least, min(most, of_loops - of_session + OF_A_UNIT)))
    return points
