# SPDX-License-Identifier: Apache-2.0
"""Subtracts parts from the totals that include them, so that every token is priced once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from spancost.core import reasons
from spancost.core.call import ESTIMATED, PARTIAL, Quantity
from spancost.core.pricing.units import Units


class Leaves(NamedTuple):
    """Usage without double counting.

    quantities: meter -> quantity without its parts; zeros are left out. caveat: None, or (status, reason).
    """

    quantities: dict[str, Quantity]
    caveat: tuple[str, str] | None


MOST = 2**63 - 1
"""The largest quantity: the largest integer that OTLP carries."""


def checked(units: Units, usage: Mapping[str, Any]) -> dict[str, Quantity] | None:
    """Return the quantities as exact numbers, None when one is negative, above `MOST`, no number, or half a token."""
    quantities: dict[str, Quantity] = {}
    for name, value in usage.items():
        if value is None:
            continue
        quantity = _exact(value)
        if quantity is None or not 0 <= quantity <= MOST:
            return None
        meter = units.meters.get(name)
        if meter is not None and meter.is_token and not isinstance(quantity, int):
            return None
        quantities[name] = quantity
    return quantities


def split(units: Units, usage: Mapping[str, Quantity]) -> Leaves:
    """Return *usage* with parts subtracted from their totals, the deepest first, in the order of the units.

    A part is limited to what is left of each total that includes it, with a caveat. A missing total sets no limit; when
    it is a top-level total, the usage is incomplete and has a caveat too.
    """
    left: dict[str, Quantity] = {name: quantity for name, quantity in usage.items() if name in units.meters}
    leaves: dict[str, Quantity] = {}
    caveat: tuple[str, str] | None = None
    for name in units.deepest_first:
        if not left.get(name):
            continue
        around = [total for total in units.ancestors[name] if total in left]
        take = min([left[name], *(left[total] for total in around)])
        for total in around:
            left[total] -= take
        if take < left[name]:
            caveat = (ESTIMATED, reasons.INCONSISTENT_USAGE)
        if take:
            leaves[name] = take
        if any(root not in usage for root in units.roots[name]):
            caveat = (PARTIAL, reasons.MISSING_TOTAL)
    return Leaves(leaves, caveat)


def _exact(value: Any) -> Quantity | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = Fraction(value)
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else value
    return None
