# SPDX-License-Identifier: Apache-2.0
"""Quantiles of Student's t distribution, by the incomplete beta function."""

from __future__ import annotations

import math
from statistics import NormalDist

_TERMS = 300
_TINY = 1e-300
_LARGE = 1e7
"""Degrees of freedom above which t and the normal distribution agree in all digits that are printed."""


def quantile(probability: float, freedom: float) -> float:
    """Return the *probability* quantile of t with *freedom* degrees of freedom; infinite for fewer than one degree.

    Exact to about 1e-10. ValueError unless 0 < probability < 1.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability: found {probability}; expected a number between 0 and 1")
    if freedom > _LARGE:
        return NormalDist().inv_cdf(probability)
    if freedom < 1:
        return math.copysign(math.inf, probability - 0.5)
    tail = min(probability, 1 - probability)
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        # The two-sided tail of t is the incomplete beta function of f / (f + t^2), which grows with its argument.
        if _incomplete_beta(freedom / 2, 0.5, middle) < 2 * tail:
            low = middle
        else:
            high = middle
    share = max((low + high) / 2, _TINY)
    found = math.sqrt(freedom * (1 - share) / share)
    return math.copysign(found, probability - 0.5)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function (Lentz)."""
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _nonzero(1 + term * d)
            c = _nonzero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return value


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
