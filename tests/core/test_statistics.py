# SPDX-License-Identifier: Apache-2.0
"""Intervals of means and ratios: quantiles against published tables, coverage on heavy-tailed costs, repeated looks."""

from __future__ import annotations

import math
import random

import pytest

from spancost.core.analysis import means, student
from spancost.core.analysis.means import Cluster, Mean


@pytest.mark.parametrize(
    ("probability", "freedom", "expected"),
    [
        (0.975, 1, 12.7062047),
        (0.975, 10, 2.2281389),
        (0.95, 30, 1.6972609),
        (0.025, 7, -2.3646243),
        (0.995, 1e9, 2.5758293),
    ],
)
def test_quantiles_of_t_are_those_of_the_tables(probability: float, freedom: float, expected: float) -> None:
    assert student.quantile(probability, freedom) == pytest.approx(expected, rel=1e-7)


def test_a_quantile_of_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a number between 0 and 1"):
        student.quantile(1, 5)


def lognormal(random_: random.Random, count: int, scale: float, sigma: float = 2.0) -> Mean:
    """Return the mean of *count* heavy-tailed costs (coefficient of variation about 7)."""
    return means.mean_of([Cluster(1, scale * math.exp(random_.gauss(0, sigma))) for _ in range(count)])


def test_intervals_cover_the_truth_on_heavy_tailed_costs() -> None:
    """Nominal 95 %: difference and ratio of two arms of 200 traces, true ratio 1.2. 300 runs: +-2.5 points."""
    draw, truth, runs = random.Random(5), math.exp(2.0), 300
    covered = [0, 0]
    for _ in range(runs):
        treated, control = lognormal(draw, 200, 1.2), lognormal(draw, 200, 1.0)
        factor = means.critical_value((treated, control), 0.95)
        found = means.difference(treated, control, factor), means.ratio(treated, control, factor)
        covered[0] += found[0].low <= 0.2 * truth <= found[0].high
        covered[1] += found[1].low <= 1.2 <= found[1].high
    assert all(0.92 <= share / runs <= 0.99 for share in covered), covered


def test_looking_every_day_does_not_raise_false_alarms() -> None:
    """Two equal arms, 14 looks: the always-valid interval excludes 0 in at most 5 % of runs."""
    draw, runs, alarms = random.Random(7), 200, 0
    for _ in range(runs):
        arms: tuple[list[Cluster], list[Cluster]] = ([], [])
        alarmed = False
        for _ in range(14):
            for arm in arms:
                arm += [Cluster(1, math.exp(draw.gauss(0, 1))) for _ in range(30)]
            one, two = means.mean_of(arms[0]), means.mean_of(arms[1])
            factor = means.always_valid_value(one.clusters, 0.95, 400)
            found = means.difference(one, two, factor)
            alarmed = alarmed or not found.low <= 0 <= found.high
        alarms += alarmed
    assert alarms / runs <= 0.05


def test_observations_of_one_workspace_are_not_independent() -> None:
    """Doubling every observation inside its cluster adds no knowledge; doubling independent ones does."""
    clusters = [Cluster(10, 10.0 * value) for value in (1, 2, 4, 3, 9)]
    doubled = [Cluster(2 * cluster.size, 2 * cluster.total) for cluster in clusters]
    assert means.mean_of(doubled).variance == pytest.approx(means.mean_of(clusters).variance)
    assert means.mean_of(clusters * 2).variance < means.mean_of(clusters).variance / 1.9


def test_a_denominator_near_zero_bounds_nothing() -> None:
    treated, control = Mean(2.0, 0.1, 10, 10), Mean(0.1, 1.0, 10, 10)
    assert means.ratio(treated, control, 2.0) == (-math.inf, math.inf)


def test_one_cluster_bounds_nothing() -> None:
    lone = means.mean_of([Cluster(5, 1.0)])
    factor = means.critical_value((lone, Mean(1.0, 0.1, 9, 9)), 0.95)
    assert means.difference(lone, Mean(1.0, 0.1, 9, 9), factor) == (-math.inf, math.inf)


def test_what_was_known_before_narrows_the_interval() -> None:
    """CUPED: a covariate that explains most of the variance between clusters takes it out."""
    draw = random.Random(3)
    before = [draw.gauss(0, 1) for _ in range(60)]
    clusters = [Cluster(20, 20 * (5 + x + draw.gauss(0, 0.3))) for x in before]
    slope = means.slope_of([cluster.total / cluster.size for cluster in clusters], before)
    adjusted = means.adjusted(clusters, before, slope, sum(before) / len(before))
    assert slope == pytest.approx(1, abs=0.15)
    assert means.mean_of(adjusted).variance < means.mean_of(clusters).variance / 4
    assert means.mean_of(adjusted).value == pytest.approx(means.mean_of(clusters).value)
