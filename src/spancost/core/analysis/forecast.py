# SPDX-License-Identifier: Apache-2.0
"""The total of the next days of a daily series, with intervals from past errors of the same question (conformal).

The point forecast is a level with weekday factors on the log scale. Its interval comes from the errors that the same
forecast made at earlier days, of the *total over the same horizon*, not of single days: intervals of days do not add up
to an interval of their sum. Errors of all series of an organisation are pooled, each in units of the error to expect of
its own series.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

WEEK = 7
FEWEST_DAYS = 10
"""Days of history below which there is no interval."""
_RECENT = 28
_MOST_ORIGINS = 60
_FLOOR = 0.05
"""A day without spend counts as this share of the median day with spend: the logarithm of 0 has no value."""
_SPARSE = 0.3
"""Share of days without spend above which the mean of the days is the forecast."""
_SHRINK = 14.0
_PRIOR_VOLATILITY = 0.35
_SHRUNK = 2.0
PRIOR_WEIGHT = 20.0
PRIOR_RATIO_WEIGHT = 5.0
"""Independent errors that the prior ratio of an error's square to the square of the volatility counts as."""
PRIOR = (
    -2.54, -1.43, -0.99, -0.73, -0.55, -0.4, -0.28, -0.17, -0.07, 0.02, 0.11, 0.2,
    0.28, 0.37, 0.46, 0.55, 0.67, 0.78, 0.92, 1.07, 1.24, 1.47, 1.85, 3.03,
)  # fmt: skip


class Forecast(NamedTuple):
    """The total of the coming days.

    Attributes:
        median: the total expected, in the unit of the series.
        low80, high80, low95, high95: ends of the intervals, None with fewer than FEWEST_DAYS days of history.
        errors: number of past errors that the intervals rest on.
    """

    median: float
    low80: float | None
    high80: float | None
    low95: float | None
    high95: float | None
    errors: int


class Past(NamedTuple):
    """Errors of earlier forecasts of one series.

    Attributes:
        errors: log(actual / forecast), one for each earlier day that a whole horizon follows.
        volatility: typical change of the series from one day to the next, on the log scale.
        independent: number of errors that do not overlap; they are the degrees of freedom.
    """

    errors: Sequence[float]
    volatility: float
    independent: float


def point(history: Sequence[float], horizon: int) -> float:
    """Return the total expected over the next *horizon* days of *history* (one value a day, oldest first)."""
    recent = history[-_RECENT:]
    spent = sorted(value for value in recent if value > 0)
    if not spent:
        return 0.0
    if len(spent) < (1 - _SPARSE) * len(recent) or len(recent) < WEEK:
        return math.fsum(recent) / len(recent) * horizon
    floor = _FLOOR * spent[len(spent) // 2]
    logs = [math.log(max(value, floor)) for value in recent]
    factors = _weekday_factors(logs)
    flat = [value - factors[(index - len(logs)) % WEEK] for index, value in enumerate(logs)]
    level = _level(flat)
    # The mean of a log-normal day is above its median.
    spread = math.fsum((value - level) ** 2 for value in flat[-2 * WEEK :]) / len(flat[-2 * WEEK :])
    return math.fsum(math.exp(level + factors[day % WEEK] + min(spread, 1.0) / 2) for day in range(horizon))


def past_of(history: Sequence[float], horizon: int) -> Past:
    """Return the errors that `point` made on *history* for the same horizon."""
    volatility = volatility_of(history)
    last = len(history) - horizon
    errors = []
    for origin in range(max(WEEK, last - _MOST_ORIGINS), last + 1):
        expected, actual = point(history[:origin], horizon), math.fsum(history[origin : origin + horizon])
        if expected > 0 and actual > 0:
            errors.append(math.log(actual / expected))
    return Past(errors, volatility, len(errors) / horizon)


def volatility_of(history: Sequence[float]) -> float:
    """Return the typical change from one day to the next on the log scale, shrunk to that of an average series."""
    spent = sorted(value for value in history if value > 0)
    if not spent:
        return _PRIOR_VOLATILITY
    floor = _FLOOR * spent[len(spent) // 2]
    logs = [math.log(max(value, floor)) for value in history]
    changes = [later - earlier for earlier, later in pairwise(logs)]
    squares = math.fsum(change * change for change in changes)
    weighted = (squares + _SHRINK * _PRIOR_VOLATILITY**2) / (len(changes) + _SHRINK)
    return math.sqrt(weighted)


def forecast(history: Sequence[float], horizon: int, pool: Pool | None = None) -> Forecast:
    """Return the total of the next *horizon* days with 80 % and 95 % intervals.

    *history* holds whole days only, oldest first. *pool* holds the past errors of all series of the organisation for
    the same horizon, this one among them; without it the series' own errors count. ValueError for a horizon below one
    day.
    """
    if horizon < 1:
        raise ValueError(f"horizon: found {horizon}; expected at least one day")
    median = point(history, horizon)
    if len(history) < FEWEST_DAYS:
        return Forecast(median, None, None, None, None, 0)
    own = past_of(history, horizon)
    pooled = pool or Pool([own], horizon)
    scale = pooled.scale_of(own)

    def end(probability: float) -> float:
        return median * math.exp(scale * pooled.quantile(probability))

    return Forecast(end(0.5), end(0.1), end(0.9), end(0.025), end(0.975), pooled.errors)


class Pool:
    """Past errors of all series of an organisation, each in units of the error to expect of its series."""

    def __init__(self, past: Sequence[Past], horizon: int) -> None:
        """Standardise the errors of *past* and mix them with PRIOR, which counts as PRIOR_WEIGHT independent errors."""
        self.errors = sum(len(each.errors) for each in past)
        held = [each for each in past if each.errors]
        squares = math.fsum(each.independent * _mean_square(each.errors) for each in held)
        expected = math.fsum(each.independent * each.volatility**2 for each in held)
        typical = math.fsum(each.volatility**2 for each in past) / len(past)
        prior = (0.12 + 0.3 / horizon) * PRIOR_RATIO_WEIGHT * typical
        self._per_volatility = (squares + prior) / (expected + PRIOR_RATIO_WEIGHT * typical)
        weighted = [(value, PRIOR_WEIGHT / len(PRIOR)) for value in PRIOR]
        for each in past:
            weighted += self._standardised(each)
        self._ordered = sorted(weighted)
        self._weight = math.fsum(weight for _, weight in self._ordered)

    def scale_of(self, own: Past) -> float:
        """Return the error to expect of a series: its own, shrunk to what its volatility makes likely."""
        return self._scale(own.volatility, own.errors, own.independent)

    def quantile(self, probability: float) -> float:
        """Return the conformal quantile of the standardised errors: one more error of weight 1 lies outside."""
        target = probability * (self._weight + 1) - (0.0 if probability > 0.5 else 1.0 if probability < 0.5 else 0.5)
        reached = 0.0
        for value, weight in self._ordered:
            reached += weight
            if reached >= target:
                return value
        return self._ordered[-1][0]

    def _standardised(self, each: Past) -> list[tuple[float, float]]:
        """Return (error / scale, weight): each half is scaled by the other one, as the next error will be."""
        middle = len(each.errors) // 2
        halves = each.errors[:middle], each.errors[middle:]
        weight = each.independent / len(each.errors) if each.errors else 0.0
        found = []
        for half, other in (halves, halves[::-1]):
            scale = self._scale(each.volatility, other, each.independent / 2)
            found += [(error / scale, weight) for error in half]
        return found

    def _scale(self, volatility: float, errors: Sequence[float], independent: float) -> float:
        likely = volatility**2 * self._per_volatility
        if not errors:
            return math.sqrt(likely)
        held = _mean_square(errors)
        return math.sqrt((independent * held + _SHRUNK * likely) / (independent + _SHRUNK))


def _mean_square(errors: Sequence[float]) -> float:
    return math.fsum(error * error for error in errors) / len(errors)


def _weekday_factors(logs: Sequence[float]) -> list[float]:
    """Return the log factor of each weekday, index 0 for the day after the last; shrunk towards none."""
    middle = math.fsum(logs) / len(logs)
    factors = []
    for day in range(WEEK):
        held = [value for index, value in enumerate(logs) if (index - len(logs)) % WEEK == day]
        size = len(held)
        factors.append((math.fsum(held) / size - middle) * size / (size + 1) if size > 1 else 0.0)
    return factors


def _level(flat: Sequence[float]) -> float:
    """Return the level of the latest days: exponential weights with a half-life of a week."""
    weights = [0.5 ** ((len(flat) - 1 - index) / WEEK) for index in range(len(flat))]
    return math.fsum(w * v for w, v in zip(weights, flat, strict=True)) / math.fsum(weights)
