# SPDX-License-Identifier: Apache-2.0
"""Money as integer femto-dollars (1e-15 USD). Only this module converts it to text and floats."""

from __future__ import annotations

from bisect import bisect_right
from decimal import Context, Decimal
from fractions import Fraction

FEMTO_PER_USD = 10**15
FEMTO_PER_NANO = 10**6
_HALF_NANO = FEMTO_PER_NANO // 2
MOST_NANO = 2**63 - 1
"""The largest integer of OTLP: 9.2 billion USD."""

_EXACT = Context(prec=80)
_BUCKETS = (
    (FEMTO_PER_USD // 10_000, "lt_0.0001"),
    (FEMTO_PER_USD // 1_000, "lt_0.001"),
    (FEMTO_PER_USD // 100, "lt_0.01"),
    (FEMTO_PER_USD // 10, "lt_0.1"),
    (FEMTO_PER_USD, "lt_1"),
    (10 * FEMTO_PER_USD, "lt_10"),
)
BUCKET_BOUNDS = tuple(bound for bound, _ in _BUCKETS)
BUCKET_NAMES = (*(name for _, name in _BUCKETS), "gte_10")


def usd_float(femto: int) -> float:
    """Return *femto* as the nearest double in USD (int / int rounds correctly once)."""
    return femto / FEMTO_PER_USD


def usd_text(femto: int) -> str:
    """Return *femto* as an exact plain decimal string in USD, without an exponent or trailing zeros."""
    sign = "-" if femto < 0 else ""
    whole, rest = divmod(abs(femto), FEMTO_PER_USD)
    digits = f"{rest:015d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def usd_decimal(femto: int) -> Decimal:
    """Return *femto* as an exact decimal in USD, without trailing zeros."""
    whole, rest = divmod(femto, FEMTO_PER_USD)
    return Decimal(femto).scaleb(-15, _EXACT).normalize(_EXACT) if rest else Decimal(whole)


def femto_from_text(usd: str) -> int:
    """Return the femto-dollars of a decimal string in USD, rounded half-even; ValueError when it is not a number."""
    return round(Fraction(usd) * FEMTO_PER_USD)


def nano(femto: int) -> int:
    """Return *femto* in nano-dollars (1e-9 USD), rounded half-even, at most `MOST_NANO`."""
    nanos = (femto + _HALF_NANO) // FEMTO_PER_NANO
    if nanos & 1 and femto % FEMTO_PER_NANO == _HALF_NANO:
        nanos -= 1
    return nanos if nanos < MOST_NANO else MOST_NANO


def round_div(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded half-even; *denominator* is positive."""
    quotient, rest = divmod(numerator, denominator)
    twice = rest * 2
    if twice > denominator or (twice == denominator and quotient & 1):
        quotient += 1
    return quotient


def bucket(femto: int) -> str:
    """Return the `llm.cost_bucket` name of a cost: `lt_0.0001` … `lt_10`, `gte_10` (bounds in USD)."""
    return BUCKET_NAMES[bisect_right(BUCKET_BOUNDS, femto)]
