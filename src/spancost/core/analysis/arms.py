# SPDX-License-Identifier: Apache-2.0
"""Arms of an experiment side by side: cost, outcome, scores, and whether the difference is more than chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from spancost.core.analysis import means
from spancost.core.analysis.means import Cluster, Interval, Mean

# Verdicts of cost and quality.
CHEAPER, MORE_EXPENSIVE = "cheaper", "more_expensive"
BETTER, WORSE, UNKNOWN = "better", "worse", "unknown"
FEWEST_CLUSTERS = 20
"""Clusters of an arm below which its intervals are rough."""


class Unit(NamedTuple):
    """One piece of work (a trace) in one arm.

    Attributes:
        cluster: what was assigned to the arm, such as a workspace; the trace itself when there is none.
        cost_femto: what its priced calls cost.
        highest_femto: the same with its unpriced calls at the highest comparable rate.
        calls, unpriced: number of calls, and of those without a cost.
        success: whether its outcome is a success, None when it has no outcome.
        score: its evaluation score, None when it has none.
        pair: the item that both arms worked on, None outside paired mode.
    """

    cluster: str
    cost_femto: int
    highest_femto: int
    calls: int
    unpriced: int
    success: bool | None = None
    score: float | None = None
    pair: str | None = None


class Method(NamedTuple):
    """How intervals are made.

    Attributes:
        level: confidence, such as 0.95.
        planned: clusters an arm is planned to reach; the always-valid interval is tightest there.
        always_valid: whether the interval holds at every look; else for one look at a size fixed before.
        before: cluster -> cost of a unit in the period before the experiment (CUPED), empty for none.
    """

    level: float = 0.95
    planned: int = 1000
    always_valid: bool = True
    before: Mapping[str, float] = {}


class Arm(NamedTuple):
    """Totals and means of one arm. Femto-dollars are exact; means are floats in USD."""

    traces: int
    clusters: int
    calls: int
    unpriced: int
    cost_femto: int
    highest_femto: int
    mean_usd: float
    p50_femto: int
    p95_femto: int
    outcomes: int
    successes: int
    scores: int
    score_mean: float | None

    @property
    def success_rate(self) -> float | None:
        """Return the share of units with an outcome that succeeded."""
        return self.successes / self.outcomes if self.outcomes else None


class Comparison(NamedTuple):
    """A treated arm against the control. Intervals may be unbounded: then the data cannot say."""

    difference_usd: float
    difference: Interval
    ratio: float
    ratio_interval: Interval
    success: Interval | None
    cost_per_success: Interval | None
    score: Interval | None
    cost_verdict: str
    quality_verdict: str
    pairs: int
    few_clusters: bool


def arm_of(units: Sequence[Unit]) -> Arm:
    """Return the summary of an arm."""
    costs = sorted(unit.cost_femto for unit in units)
    scores = [unit.score for unit in units if unit.score is not None]
    outcomes = [unit.success for unit in units if unit.success is not None]
    return Arm(
        len(units),
        len({unit.cluster for unit in units}),
        sum(unit.calls for unit in units),
        sum(unit.unpriced for unit in units),
        sum(costs),
        sum(unit.highest_femto for unit in units),
        sum(costs) / len(units) / 1e15 if units else math.nan,
        _rank(costs, 50),
        _rank(costs, 95),
        len(outcomes),
        sum(outcomes),
        len(scores),
        math.fsum(scores) / len(scores) if scores else None,
    )


def compare(treated: Sequence[Unit], control: Sequence[Unit], method: Method) -> Comparison:
    """Return how *treated* differs from *control*; paired where both name their pairs."""
    pairs = _pairs(treated, control)
    if pairs:
        return _paired(pairs, method)
    costs = [_clusters(units, _cost) for units in (treated, control)]
    factor = _factor([means.mean_of(list(each.values())) for each in costs], method)
    one, two = _adjusted(costs, method)
    success = [means.mean_of(list(_clusters(units, _success).values())) for units in (treated, control)]
    score = [means.mean_of(list(_clusters(units, _score).values())) for units in (treated, control)]
    difference = means.difference(one, two, factor)
    better = _difference(success, method)
    scored = _difference(score, method)
    return Comparison(
        one.value - two.value,
        difference,
        one.value / two.value if two.value else math.nan,
        means.ratio(one, two, factor),
        better,
        _per_success(treated, control, method),
        scored,
        _cost_verdict(difference),
        _quality_verdict(better, scored),
        0,
        min(one.clusters, two.clusters) < FEWEST_CLUSTERS,
    )


def _paired(pairs: Sequence[tuple[Unit, Unit]], method: Method) -> Comparison:
    """Compare the two units of each pair: what the item itself costs drops out."""
    costs = [Cluster(1, (one.cost_femto - two.cost_femto) / 1e15) for one, two in pairs]
    mean = means.mean_of(costs)
    factor = _factor([mean], method)
    difference = means.difference(mean, Mean(0.0, 0.0, mean.clusters, mean.size), factor)
    ones, twos = ([Cluster(1, pair[side].cost_femto / 1e15) for pair in pairs] for side in (0, 1))
    one, two = means.mean_of(ones), means.mean_of(twos)
    ratio = means.ratio(one, two, factor, means.covariance_of(ones, twos))
    better = _paired_difference([(one.success, two.success) for one, two in pairs], method)
    scored = _paired_difference([(one.score, two.score) for one, two in pairs], method)
    return Comparison(
        mean.value,
        difference,
        one.value / two.value if two.value else math.nan,
        ratio,
        better,
        None,
        scored,
        _cost_verdict(difference),
        _quality_verdict(better, scored),
        len(pairs),
        len(pairs) < FEWEST_CLUSTERS,
    )


def _paired_difference(values: Iterable[tuple[float | None, float | None]], method: Method) -> Interval | None:
    held = [Cluster(1, float(one) - float(two)) for one, two in values if one is not None and two is not None]
    if not held:
        return None
    mean = means.mean_of(held)
    return means.difference(mean, Mean(0.0, 0.0, mean.clusters, mean.size), _factor([mean], method))


def _pairs(treated: Sequence[Unit], control: Sequence[Unit]) -> list[tuple[Unit, Unit]]:
    held = {unit.pair: unit for unit in control if unit.pair is not None}
    return [(unit, held[unit.pair]) for unit in treated if unit.pair is not None and unit.pair in held]


def _cost(unit: Unit) -> float | None:
    return unit.cost_femto / 1e15


def _success(unit: Unit) -> float | None:
    return None if unit.success is None else float(unit.success)


def _score(unit: Unit) -> float | None:
    return unit.score


def _clusters(units: Sequence[Unit], value: Callable[[Unit], float | None]) -> dict[str, Cluster]:
    """Return the totals of *value* by cluster; units without a value are left out."""
    found: dict[str, Cluster] = {}
    for unit in units:
        amount = value(unit)
        if amount is not None:
            size, total = found.get(unit.cluster, (0, 0.0))
            found[unit.cluster] = Cluster(size + 1, total + amount)
    return found


def _adjusted(costs: Sequence[Mapping[str, Cluster]], method: Method) -> tuple[Mean, Mean]:
    """Return the means of both arms, less what the period before explains where every cluster has one (CUPED)."""
    if method.before and all(cluster in method.before for each in costs for cluster in each):
        held = [(cluster, method.before[name]) for each in costs for name, cluster in each.items()]
        before = [x for _, x in held]
        slope = means.slope_of([cluster.total / cluster.size for cluster, _ in held], before)
        centre = math.fsum(before) / len(before)
        one, two = (
            means.mean_of(means.adjusted(list(each.values()), [method.before[name] for name in each], slope, centre))
            for each in costs
        )
        return one, two
    return means.mean_of(list(costs[0].values())), means.mean_of(list(costs[1].values()))


def _factor(held: Sequence[Mean], method: Method) -> float:
    if method.always_valid:
        return means.always_valid_value(min(mean.clusters for mean in held), method.level, method.planned)
    return means.critical_value(held, method.level)


def _difference(held: Sequence[Mean], method: Method) -> Interval | None:
    if any(not mean.size for mean in held):
        return None
    return means.difference(held[0], held[1], _factor(held, method))


def _per_success(treated: Sequence[Unit], control: Sequence[Unit], method: Method) -> Interval | None:
    """Return the interval of the treated cost per success over the control's: a ratio of two ratios (log scale)."""
    logs = []
    for units in (treated, control):
        known = [unit for unit in units if unit.success is not None]
        costs, successes = _clusters(known, _cost), _clusters(known, _success)
        cost, success = means.mean_of(list(costs.values())), means.mean_of(list(successes.values()))
        if not cost.size or cost.value <= 0 or success.value <= 0 or not math.isfinite(cost.variance):
            return None
        both = means.covariance_of(list(costs.values()), list(successes.values()))
        variance = (
            cost.variance / cost.value**2
            + success.variance / success.value**2
            - 2 * both / (cost.value * success.value)
        )
        logs.append(Mean(math.log(cost.value / success.value), max(variance, 0.0), cost.clusters, cost.size))
    found = means.difference(logs[0], logs[1], _factor(logs, method))
    return Interval(math.exp(found.low), math.exp(found.high)) if math.isfinite(found.high) else None


def _cost_verdict(difference: Interval) -> str:
    if difference.high < 0:
        return CHEAPER
    return MORE_EXPENSIVE if difference.low > 0 else UNKNOWN


def _quality_verdict(*differences: Interval | None) -> str:
    """Return the verdict of the first difference that excludes 0: outcomes come before scores."""
    for difference in differences:
        if difference is not None and difference.low > 0:
            return BETTER
        if difference is not None and difference.high < 0:
            return WORSE
    return UNKNOWN


def _rank(ordered: Sequence[int], percent: int) -> int:
    """Return the smallest value that *percent* of the values do not exceed; 0 without values."""
    return ordered[max((len(ordered) * percent + 99) // 100, 1) - 1] if ordered else 0
