# SPDX-License-Identifier: Apache-2.0
"""The cost of a set of meters as one multiplication per meter.

For given rates, cost is linear in the quantities as long as no part exceeds its total. Each set of meters has one
coefficient per meter, and sums that must not be negative.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import lcm
from operator import mul
from typing import Any, NamedTuple

from spancost.core.money import round_div
from spancost.core.pricing.rates import Rate, RateSet
from spancost.core.pricing.units import Units
from spancost.core.pricing.usage import MOST

SPLIT_FACT = "cache_ttl"
"""The fact that determines the rate of parts of cache writes."""
SPLIT_FACTS = {"cache_write_tokens": SPLIT_FACT}
"""Meters whose rate depends on a fact of their parts, and that fact."""


class LinearCost(NamedTuple):
    """Coefficients and bounds of one ordered set of meters at one rate set; vectors are in the order of the meters.

    constant: cost of meters that a call need not report. denominator: divisor of the sum. coefficients: the cost is the
    constant plus the sum of quantity times coefficient. bounds: sign vectors whose dot product with the quantities must
    not be negative. is_free: every rate is 0.
    """

    constant: int
    denominator: int
    coefficients: tuple[int, ...]
    bounds: tuple[tuple[int, ...], ...]
    is_free: bool

    def evaluate(self, quantities: Iterable[object]) -> int | None:
        """Return the cost; None unless all quantities are whole numbers up to `MOST` within the bounds."""
        values: list[Any] = list(quantities)
        for quantity in values:
            if quantity.__class__ is not int or not 0 <= quantity <= MOST:
                return None
        return self.cost_of(values)

    def cost_of(self, values: Sequence[int]) -> int | None:
        """Return the cost of whole numbers, rounded half-even; None when they are not within the bounds."""
        for bound in self.bounds:
            if sum(map(mul, bound, values)) < 0:
                return None
        total: int = sum(map(mul, self.coefficients, values), self.constant)
        return total if self.denominator == 1 else round_div(total, self.denominator)


def rate_of(units: Units, rate_set: RateSet, meter: str) -> tuple[str | None, str]:
    """Return the meter whose rate bills *meter* (itself, else the nearest total with a rate), and how exactly."""
    if meter in rate_set.rates:
        return meter, "exact"
    how = "estimate" if meter in rate_set.estimates else units.meters[meter].parent_rate
    if how != "none":
        for total in units.ancestors[meter]:
            if total in rate_set.rates:
                return total, how
    return None, how


def assumed_split(units: Units, rate_set: RateSet, meter: str, reported: Collection[str]) -> str | None:
    """Return the fact that is assumed when the rest of *meter* is billed at its own rate, None when none is.

    The price of cache writes depends on their lifetime. The rest beside the reported parts is billed at the default
    lifetime. Where the provider documents no default, it may contain a part at another rate that is not in *reported*.
    """
    fact = SPLIT_FACTS.get(meter)
    if fact is None or not rate_set.is_split_assumed:
        return None
    usual = rate_set.rates.get(meter)
    for part, rate in rate_set.rates.items():
        if meter in units.meters[part].inside and part not in reported and rate != usual:
            return fact
    return None


def unreported_part(units: Units, rate_set: RateSet, meter: str, reported: Collection[str]) -> str | None:
    """Return a part of *meter* with a rate of its own that is not in *reported*; None when there is none."""
    for part in units.unreported.get(meter, ()):
        rate = rate_set.rates.get(part)
        if rate is not None and part not in reported and rate != rate_set.rates.get(meter):
            return part
    return None


def linear_cost_of(units: Units, rate_set: RateSet, meters: tuple[str, ...]) -> LinearCost | None:
    """Return the linear cost of *meters*; None when a meter is unknown, a total is missing or a limit applies."""
    present = set(meters)
    if not present or not present <= units.meters.keys():
        return None
    if rate_set.limits.minimum or not present.isdisjoint(rate_set.limits.maximum):
        return None
    if any(root not in present for name in meters for root in units.roots[name]):
        return None
    left = _left(units, meters)
    assumed = [
        tuple(-left[name].get(meter, 0) for meter in meters)
        for name in meters
        if assumed_split(units, rate_set, name, present) is not None
        or unreported_part(units, rate_set, name, present) is not None
    ]
    rates: dict[str, Rate] = {}
    for name in meters:
        source, how = rate_of(units, rate_set, name)
        if source is not None and how == "exact":
            rates[name] = rate_set.rates[source]
    implied = [(units.meters[name].implied, rate_set.rates[name]) for name in rate_set.implied if name not in present]
    denominator = lcm(*(rate[1] for rate in rates.values()), *(rate[1] for _, rate in implied))
    coefficients = dict.fromkeys(meters, 0)
    for name, rate in rates.items():
        for meter, sign in left[name].items():
            coefficients[meter] += sign * rate[0] * (denominator // rate[1])
    constant = sum(quantity * rate[0] * (denominator // rate[1]) for quantity, rate in implied)
    bounds = (
        *(tuple(parts.get(meter, 0) for meter in meters) for parts in left.values() if len(parts) > 1),
        *assumed,  # negative, so the slow path decides, where a part that is not reported could change the price
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
    """Return each meter without its parts as a sum of quantities: its own minus the rest of all parts."""
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
