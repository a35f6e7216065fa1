# SPDX-License-Identifier: Apache-2.0
"""Numbers and instants of bills, read from their text. No float is made on the way."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\Z")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?\Z")
_MOST_CHARACTERS = 60
EXACT = Context(prec=9_999, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])
"""Exact arithmetic of decimals: two numbers of three-digit exponents need 4,300 digits; anything inexact raises."""
_COMPACT_DAY = re.compile(r"[0-9]{8}\Z")
_FRACTION = re.compile(r"\.([0-9]{6})[0-9]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def exact(text: str) -> int | Decimal:
    """Return the exact value of a decimal: `0.10`, `5e-7`, `1,234.5`, `(2.50)` for -2.50, with or without `$`.

    ValueError for anything else: an empty text, NaN, a decimal comma, a thousand digits. Sums and products of such
    numbers are exact under the context `EXACT`.
    """
    if len(text) <= _MOST_CHARACTERS and text.isascii():
        if text.isdecimal():
            return int(text)
        whole, _, digits = text.partition(".")
        if whole.isdecimal() and digits.isdecimal():
            return Decimal(text)
    return _exact(text)


def _exact(text: str) -> Decimal:
    """Return what `exact` does, of a spelling that is not the usual one."""
    plain = text.strip().replace("\u2212", "-")
    if plain.startswith("(") and plain.endswith(")"):
        return -_exact(plain[1:-1])
    sign = "-" if plain.startswith("-") else ""
    plain = sign + plain.removeprefix("-").removeprefix("$")
    if len(plain) > _MOST_CHARACTERS:
        raise ValueError(f"found a number of {len(plain)} characters; expected a decimal")
    if _GROUPED.match(plain):
        plain = plain.replace(",", "")
    if not _NUMBER.match(plain):
        raise ValueError(f"found {text[:40]!r}; expected a decimal such as 12.5")
    return Decimal(plain)


def number(text: str) -> Fraction:
    """Return what `exact` does as a fraction."""
    return Fraction(exact(text))


def decimal_text(value: Fraction) -> str:
    """Return *value* as an exact decimal without an exponent; a fraction without one (1/3) as a quotient."""
    sign, value = ("-" if value < 0 else ""), abs(value)
    digits, denominator = 0, value.denominator
    for prime in (2, 5):
        power = 0
        while denominator % prime == 0:
            denominator //= prime
            power += 1
        digits = max(digits, power)
    if denominator != 1:
        return f"{sign}{value.numerator}/{value.denominator}"
    whole, rest = divmod(value.numerator * 10**digits // value.denominator, 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"


@lru_cache(maxsize=4096)  # a bill has few days, each on many lines
def instant(text: str, zone: str = "UTC") -> datetime:
    """Return the instant of a time, a day (`2026-11-30`, `20261130`) in *zone*, or of Unix seconds; in UTC.

    ValueError for anything else.
    """
    plain = text.strip()
    if _COMPACT_DAY.match(plain):
        plain = f"{plain[:4]}-{plain[4:6]}-{plain[6:]}"
    elif plain.isascii() and plain.isdecimal() and 9 <= len(plain) <= 13:
        seconds = Fraction(int(plain), 1000 if len(plain) > 10 else 1)
        return _EPOCH + timedelta(milliseconds=int(seconds * 1000))
    try:
        at = datetime.fromisoformat(_FRACTION.sub(r".\1", plain).replace("Z", "+00:00").replace(" UTC", "+00:00"))
    except ValueError:
        raise ValueError(f"found {text[:40]!r}; expected a day or a time such as 2026-11-30T00:00:00Z") from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc if zone == "UTC" else ZoneInfo(zone))
    return at.astimezone(timezone.utc)
