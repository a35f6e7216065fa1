# SPDX-License-Identifier: Apache-2.0
"""The cost of a set of meters as one multiplication a meter.

Once the rates are chosen, cost is linear in the quantities as long as no part exceeds its total. So each set of meters
has one coefficient a meter, and sums that must not be negative.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import lcm
from operator import mul
from typing import NamedTuple

from spancost.core.pricing.rates import Rate, RateSet
from spancost.core.pricing.units import Units
from spancost.core.pricing.usage import MOST

SPLIT_FACT = "cache_ttl"
"""The fact that parts of cache writes are sold by."""
SPLIT_FACTS = {"cache_write_tokens": SPLIT_FACT}
"""Meters that are sold by a fact of their parts, and the name of that fact."""


class LinearCost(NamedTuple):
    """Coefficients and bounds for one ordered set of meters at one level; vectors are in the order of the meters.

    constant: owed for meters that a call need not state. denominator: what the sum is divided by. coefficients: the
    cost is the constant plus the sum of quantity times coefficient. bounds: vectors of signs whose sums with the
    quantities must not be negative. is_free: every rate is 0.
    """

    constant: int
    denominator: int
    coefficients: tuple[int, ...]
    bounds: tuple[tuple[int, ...], ...]
    is_free: bool

    def evaluate(self, quantities: Iterable[object]) -> int | None:
        """Return the cost times the denominator; None for quantities that are no whole numbers up to `MOST` or break a
        bound."""
        values: list[int] = []
        for quantity in quantities:
            if quantity.__class__ is not int or not 0 <= quantity <= MOST:
                return None
            values.append(quantity)
        for bound in self.bounds:
            if sum(map(mul, bound, values)) < 0:
                return None
        total: int = sum(map(mul, self.coefficients, values), self.constant)
        return total


def rate_of(units: Units, level: RateSet, meter: str) -> tuple[str | None, str]:
    """Return the meter whose rate bills *meter* (itself, else the nearest around it with a rate), and how exactly."""
    if meter in level.rates:
        return meter, "exact"
    how = "estimate" if meter in level.estimates else units.meters[meter].parent_rate
    if how != "none":
        for total in units.ancestors[meter]:
            if total in level.rates:
                return total, how
    return None, how


def assumed_split(units: Units, level: RateSet, meter: str, told: Collection[str]) -> str | None:
    """Return the fact assumed of what is left of *meter* when it is billed at its own rate, None when none is.

    Cache writes are sold by their time to live. What is left of them beside the parts told is billed at the usual one.
    Where the provider documents no default, it may hold a part sold at another rate that is not in *told*.
    """
    fact = SPLIT_FACTS.get(meter)
    if fact is None or not level.is_split_assumed:
        return None
    usual = level.rates.get(meter)
    for part, rate in level.rates.items():
        if meter in units.meters[part].inside and part not in told and rate != usual:
            return fact
    return None


def linear_cost_of(units: Units, level: RateSet, meters: tuple[str, ...]) -> LinearCost | None:
    """Return the kernel of *meters* at *level*; None when a meter is unknown, a total is missing or a minimum holds."""
    present = set(meters)
    if not present or not present <= units.meters.keys() or level.minimum:
        return None
    if any(root not in present for name in meters for root in units.roots[name]):
        return None
    left = _left(units, meters)
    untold = [
        tuple(-left[name].get(meter, 0) for meter in meters)
        for name in meters
        if assumed_split(units, level, name, present) is not None
    ]
    rates: dict[str, Rate] = {}
    for name in meters:
        source, how = rate_of(units, level, name)
        if source is not None and how == "exact":
            rates[name] = level.rates[source]
    implied = [(units.meters[name].implied, level.rates[name]) for name in level.implied if name not in present]
    denominator = lcm(*(rate[1] for rate in rates.values()), *(rate[1] for _, rate in implied))
    coefficients = dict.fromkeys(meters, 0)
    for name, rate in rates.items():
        for meter, sign in left[name].items():
            coefficients[meter] += sign * rate[0] * (denominator // rate[1])
    constant = sum(quantity * rate[0] * (denominator // rate[1]) for quantity, rate in implied)
    bounds = (
        *(tuple(parts.get(meter, 0) for meter in meters) for parts in left.values() if len(parts) > 1),
        *untold,  # negative, and so worked out in full, where a part that is not told could change the price
        *(tuple(-int(name == meter) for name in meters) for meter in meters if meter not in rates),  # must not be used
    )
    return LinearCost(
        constant,
        denominator,
        tuple(coefficients.values()),
        bounds,
        bool(rates) and not constant and not any(rate[0] for rate in rates.values()),
    )


def _left(units: Units, meters: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Return what is left of each meter as a sum of quantities: its own less what is left of all inside of it."""
    left: dict[str, dict[str, int]] = {}
    for name in units.deepest_first:
        if name not in meters:
            continue
        parts = {name: 1}
        for inner, inner_parts in left.items():
            if name in units.ancestors[inner]:
                for meter, sign in inner_parts.items():
                    parts[meter] = parts.get(meter, 0) - sign
        left[name] = parts
    return left
