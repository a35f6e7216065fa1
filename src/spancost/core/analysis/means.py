# SPDX-License-Identifier: Apache-2.0
"""Means of clustered observations, and intervals of their difference and ratio.

A cluster (a workspace, or a trace that stands alone) is the unit that was assigned to an arm: observations inside it
are not independent. The mean is a ratio estimator, total over size, with the linearised variance between clusters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from spancost.core.analysis import student


class Cluster(NamedTuple):
    """Observations of one cluster: how many (`size`), and their total."""

    size: int
    total: float


class Mean(NamedTuple):
    """A mean with its variance.

    Attributes:
        value: total over size.
        variance: variance of `value`, not of the observations.
        clusters: number of clusters; the degrees of freedom are one less.
        size: number of observations.
    """

    value: float
    variance: float
    clusters: int
    size: int


class Interval(NamedTuple):
    """A confidence interval. An unbounded end is infinite: the data cannot bound it."""

    low: float
    high: float


def mean_of(clusters: Sequence[Cluster]) -> Mean:
    """Return the mean of all observations; nan without any, infinite variance with fewer than two clusters."""
    size = sum(cluster.size for cluster in clusters)
    if not size:
        return Mean(math.nan, math.inf, 0, 0)
    value = math.fsum(cluster.total for cluster in clusters) / size
    groups = len(clusters)
    if groups < 2:
        return Mean(value, math.inf, groups, size)
    squares = math.fsum((cluster.total - value * cluster.size) ** 2 for cluster in clusters)
    return Mean(value, squares * groups / (groups - 1) / size**2, groups, size)


def critical_value(means: Iterable[Mean], level: float) -> float:
    """Return the two-sided t value of Welch and Satterthwaite for independent *means* at confidence *level*."""
    held = [mean for mean in means if mean.variance > 0]
    whole = math.fsum(mean.variance for mean in held)
    if not held:
        return 0.0
    if not math.isfinite(whole):
        return math.inf
    parts = math.fsum(mean.variance**2 / (mean.clusters - 1) for mean in held)
    return student.quantile((1 + level) / 2, whole**2 / parts)


def always_valid_value(clusters: int, level: float, planned: int) -> float:
    """Return the factor that replaces the t value when the data is looked at again and again.

    Asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory",
    2021, eq. 9): the interval covers at every number of clusters at once. It is tightest near *planned* clusters.
    """
    if clusters < 2:
        return math.inf
    alpha = 1 - level
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned
    scale = clusters * rho2
    return math.sqrt(2 * (scale + 1) / scale * math.log(math.sqrt(scale + 1) / alpha))


def difference(treated: Mean, control: Mean, factor: float) -> Interval:
    """Return the interval of treated - control, *factor* standard errors to each side."""
    middle = treated.value - control.value
    reach = _reach(factor, treated.variance + control.variance)
    return Interval(middle - reach, middle + reach)


def ratio(treated: Mean, control: Mean, factor: float, covariance: float = 0.0) -> Interval:
    """Return Fieller's interval of treated / control.

    It is all numbers when the denominator cannot be told from 0: "cannot say" is then the honest answer.
    *covariance* is that of the two means, 0 for independent arms.
    """
    bound = factor**2
    a = control.value**2 - bound * control.variance
    b = treated.value * control.value - bound * covariance
    c = treated.value**2 - bound * treated.variance
    if not math.isfinite(bound) or not math.isfinite(a) or not math.isfinite(c) or a <= 0:
        return Interval(-math.inf, math.inf)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Interval((b - root) / a, (b + root) / a)


def covariance_of(first: Sequence[Cluster], second: Sequence[Cluster]) -> float:
    """Return the covariance of two means over the same clusters in the same order."""
    one, two = mean_of(first), mean_of(second)
    groups = len(first)
    if groups < 2 or not one.size or not two.size:
        return 0.0
    products = math.fsum(
        (x.total - one.value * x.size) * (y.total - two.value * y.size) for x, y in zip(first, second, strict=True)
    )
    return products * groups / (groups - 1) / (one.size * two.size)


def adjusted(clusters: Sequence[Cluster], before: Sequence[float], slope: float, centre: float) -> list[Cluster]:
    """Return *clusters* less what a covariate from before the experiment explains (CUPED).

    *before* is the covariate per cluster in the same order, *slope* and *centre* come from all arms together.
    """
    return [
        Cluster(cluster.size, cluster.total - cluster.size * slope * (x - centre))
        for cluster, x in zip(clusters, before, strict=True)
    ]


def slope_of(values: Sequence[float], before: Sequence[float]) -> float:
    """Return the least-squares slope of *values* on *before*; 0 when *before* does not vary."""
    if len(values) < 3:
        return 0.0
    middle, centre = math.fsum(values) / len(values), math.fsum(before) / len(before)
    spread = math.fsum((x - centre) ** 2 for x in before)
    both = math.fsum((y - middle) * (x - centre) for y, x in zip(values, before, strict=True))
    return both / spread if spread > 0 else 0.0


def _reach(factor: float, variance: float) -> float:
    return factor * math.sqrt(variance) if factor and variance else 0.0
