# SPDX-License-Identifier: Apache-2.0
"""Arms side by side: verdicts, clusters, pairs, a period before, unpriced calls."""

from __future__ import annotations

import math
import random

import pytest

from spancost.core.analysis import arms
from spancost.core.analysis.arms import Method, Unit

USD = 10**15
FIXED = Method(always_valid=False)


def arm(draw: random.Random, traces: int, scale: float, success: float = 0.5, sigma: float = 1.0) -> list[Unit]:
    """Return independent traces with log-normal costs and outcomes."""
    costs = [round(scale * math.exp(draw.gauss(0, sigma)) * USD) for _ in range(traces)]
    return [Unit(str(draw.random()), cost, cost, 1, 0, draw.random() < success) for cost in costs]


def test_a_cheaper_and_better_arm_is_said_to_be_both() -> None:
    draw = random.Random(1)
    found = arms.compare(arm(draw, 800, 0.5, 0.8), arm(draw, 800, 1.0, 0.5), Method())
    assert (found.cost_verdict, found.quality_verdict) == ("cheaper", "better")
    assert found.ratio == pytest.approx(0.5, rel=0.2)
    assert found.ratio_interval.low < 0.5 < found.ratio_interval.high
    assert found.cost_per_success is not None
    assert found.cost_per_success.high < 1


def test_equal_arms_stay_unknown() -> None:
    draw = random.Random(2)
    found = arms.compare(arm(draw, 300, 1.0), arm(draw, 300, 1.0), Method())
    assert (found.cost_verdict, found.quality_verdict) == ("unknown", "unknown")


def test_false_alarms_by_workspace_are_as_rare_as_promised() -> None:
    """30 workspaces of 40 traces an arm, which differ in size of their work: by trace the alarm rate would be 31 %."""
    draw, alarms, runs = random.Random(3), 0, 120
    for _ in range(runs):
        both: list[list[Unit]] = [[], []]
        for units in both:
            for workspace in range(30):
                level = math.exp(draw.gauss(0, 0.5))
                for _ in range(40):
                    cost = round(level * math.exp(draw.gauss(0, 0.5)) * USD)
                    units.append(Unit(f"w{workspace}", cost, cost, 1, 0))
        alarms += arms.compare(*both, FIXED).cost_verdict != "unknown"
    assert alarms / runs <= 0.1


def test_pairs_take_out_what_the_item_costs() -> None:
    """Items differ a hundredfold, the treated arm costs 10 % less on each: only pairs can tell."""
    draw = random.Random(4)
    items = [math.exp(draw.gauss(0, 1.5)) for _ in range(60)]
    control = [Unit(str(n), cost := round(x * USD), cost, 1, 0, True, 0.5, f"item{n}") for n, x in enumerate(items)]
    treated = [unit._replace(cost_femto=unit.cost_femto * 9 // 10, score=0.6) for unit in control]
    found = arms.compare(treated, control, FIXED)
    assert found.pairs == 60
    assert found.cost_verdict == "cheaper"
    assert found.quality_verdict == "better"  # every outcome is a success, so the scores decide
    without = arms.compare([u._replace(pair=None) for u in treated], [u._replace(pair=None) for u in control], FIXED)
    assert without.cost_verdict == "unknown"


def test_scores_decide_where_there_is_no_outcome() -> None:
    draw = random.Random(6)
    good, bad = (
        [Unit(f"{level}{n}", USD, USD, 1, 0, None, draw.gauss(level, 0.1)) for n in range(200)] for level in (0.8, 0.5)
    )
    found = arms.compare(good, bad, Method())
    assert found.quality_verdict == "better"
    assert found.success is None


def test_a_period_before_narrows_the_interval() -> None:
    draw = random.Random(7)
    before: dict[str, float] = {}
    both: list[list[Unit]] = [[], []]
    for index, units in enumerate(both):
        for workspace in range(40):
            level = math.exp(draw.gauss(0, 0.8))
            before[f"{index}w{workspace}"] = level
            cost = round((level + draw.gauss(0, 0.05)) * USD)
            units.append(Unit(f"{index}w{workspace}", cost, cost, 1, 0))
    plain, adjusted = (arms.compare(*both, FIXED._replace(before=x)) for x in ({}, before))
    width = [each.difference.high - each.difference.low for each in (plain, adjusted)]
    assert width[1] < width[0] / 3


def test_an_arm_is_summed_exactly() -> None:
    units = [Unit(str(n), n * USD // 10, n * USD // 10 + 5, 2, n % 2, n > 5) for n in range(1, 11)]
    found = arms.arm_of(units)
    assert (found.cost_femto, found.highest_femto) == (55 * USD // 10, 55 * USD // 10 + 50)
    assert (found.p50_femto, found.p95_femto) == (5 * USD // 10, USD)
    assert (found.calls, found.unpriced, found.successes, found.success_rate) == (20, 5, 5, 0.5)


def test_one_cluster_an_arm_says_nothing() -> None:
    lone = [Unit("w", USD, USD, 1, 0)] * 50
    found = arms.compare(lone, lone, Method())
    assert found.cost_verdict == "unknown"
    assert found.difference == (-math.inf, math.inf)
    assert found.few_clusters
