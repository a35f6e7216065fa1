# SPDX-License-Identifier: Apache-2.0
"""Amounts that are no whole number, as instrumentations write them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from spancost.core.call import Quantity
from spancost.core.dialect_shape import MAX_COUNT

SMALLEST = 1e-9
_DECIMAL = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")


def fraction_of(value: Any) -> Quantity | None:
    """Return a number or decimal text exactly as it is written (8.3 is 83/10), None when it is no amount.

    Amounts are 0, or at least SMALLEST and less than MAX_COUNT.
    """
    if type(value) is float:
        if not (value == 0 or SMALLEST <= value < MAX_COUNT):
            return None
        exact = Fraction(repr(value))
    elif type(value) is str and _DECIMAL.fullmatch(value):
        exact = Fraction(value)
        if not (exact == 0 or SMALLEST <= exact < MAX_COUNT):
            return None
    else:
        return None
    return exact.numerator if exact.denominator == 1 else exact
