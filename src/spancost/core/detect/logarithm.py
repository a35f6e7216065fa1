# SPDX-License-Identifier: Apache-2.0
"""Logarithms of whole numbers as whole numbers: the same in every language."""

from __future__ import annotations

from math import log, log2
from typing import Final

OCTAVE: Final = 64
"""Units of a doubling, so that one unit is about 1.1 %."""

_FIRST: Final = (0, *(round(OCTAVE * log2(number)) for number in range(1, 256)))
"""64 times the binary logarithm of 1 to 255."""

TABLED: Final = 4096
"""Numbers below it are looked up."""

UNITS: Final = (
    *_FIRST,
    *(shift * OCTAVE + size for shift in range(1, 5) for size in _FIRST[128:] for _ in range(1 << shift)),
)
"""`units` of the numbers below `TABLED`."""

NATURAL: Final = (0, *(round(100 * log(number)) for number in range(1, 1024)))
"""Natural logarithm of 1 to 1023, in hundredths."""

OF_A_UNIT: Final = round(100 * log(log(2) / OCTAVE))
"""Natural logarithm of what one unit is in natural logarithms, in hundredths."""


def units(number: int) -> int:
    """Return 64 times the binary logarithm of a number above 0, to 8 binary digits of the number."""
    if number < TABLED:
        return UNITS[number]
    shift = number.bit_length() - 8
    return shift * OCTAVE + _FIRST[number >> shift]
