# SPDX-License-Identifier: Apache-2.0
"""One call as JSON: the form that `price` and `explain` read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from spancost.core.call import Call

_STRINGS = ("request_model", "operation", "service_tier", "processing")
_KEYS = frozenset(("id", "provider", "model", "timestamp", "usage", "context", "duration_seconds", *_STRINGS))
_MOST_DIGITS = 30
_LONGEST = 1_000_000_000
# ISO weeks and dates without a time are refused, although some Python versions parse them.
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.[0-9]{2}:[0-9]{2}", re.DOTALL)
_FARTHEST = 9_223_372_036  # seconds, which in nanoseconds are a 64-bit integer: from 1677 to 2262
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class CallError(ValueError):
    """A line does not hold a call; the message names the key, what was found and what was expected."""


def parse(line: str) -> dict[str, Any]:
    """Return the JSON object of a line, its fractions and NaN as exact decimals; CallError when it holds none."""
    try:
        value = json.loads(line, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError) as error:
        raise CallError(f"found no JSON ({error}); expected an object") from error
    if not isinstance(value, dict):
        raise CallError(f"found {_kind(value)}; expected an object")
    return value


def call_of(row: Mapping[str, Any]) -> Call:
    """Return the call that *row* describes; CallError names the first key that is wrong."""
    unknown = sorted(key for key in row if key not in _KEYS)
    if unknown:
        raise CallError(f"{unknown[0]}: found an unknown key; expected one of {', '.join(sorted(_KEYS))}")
    return Call(
        provider=_text(row, "provider", required=True) or "",
        model=_text(row, "model", required=True) or "",
        usage=_usage(row.get("usage")),
        at_ns=nanoseconds(row.get("timestamp")),
        context=_context(row.get("context")),
        duration_ns=_duration(row.get("duration_seconds")),
        **{key: _text(row, key) for key in _STRINGS},
    )


def quantity_of(text: str, where: str) -> Any:
    """Return the number in *text*, as in JSON usage; CallError names *where* when it is not a number."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise CallError(f"{where}: found {text[:40]!r}; expected a number") from None
    value = _quantity(found)
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def nanoseconds(timestamp: Any) -> int:
    """Return an RFC 3339 time with its offset as nanoseconds since the epoch."""
    if not isinstance(timestamp, str):
        raise CallError(f"timestamp: found {_kind(timestamp)}; expected a time such as 2026-11-21T12:00:00Z")
    text = timestamp.strip().replace("Z", "+00:00").replace("z", "+00:00")
    # Python 3.10 reads fractions of three or six digits only; more than microseconds changes no price.
    head, dot, tail = text.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        text = f"{head}.{tail[:digits][:6]:0<6}{tail[digits:]}"
    try:
        if not _INSTANT.match(text):
            raise ValueError(f"Invalid isoformat string: {text!r}")
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise ValueError("it has no offset")
        span = instant - _EPOCH
        if abs(span.days * 86_400 + span.seconds) >= _FARTHEST:
            raise ValueError("it is centuries away")
    except (ValueError, OverflowError) as error:
        raise CallError(
            f"timestamp: found {timestamp!r} ({error}); expected a time such as 2026-11-21T12:00:00Z"
        ) from None
    return (span.days * 86_400 + span.seconds) * 1_000_000_000 + span.microseconds * 1_000


def _duration(seconds: Any) -> int | None:
    """Return the duration of the call in nanoseconds; contracts that charge by time use it."""
    if seconds is None:
        return None
    found = _quantity(seconds)
    if isinstance(found, bool) or not isinstance(found, (int, Fraction)) or not 0 <= found < _LONGEST:
        raise CallError(f"duration_seconds: found {_kind(seconds)}; expected seconds from 0 to {_LONGEST}")
    return round(found * 1_000_000_000)


def _usage(usage: Any) -> dict[str, Any]:
    """Return the quantities. Invalid ones are passed to pricing, which reports them in the status."""
    if not isinstance(usage, dict):
        raise CallError(f"usage: found {_kind(usage)}; expected an object of meters and quantities")
    return {meter: _quantity(quantity) for meter, quantity in usage.items()}


def _quantity(value: Any) -> Any:
    """Return a decimal as a fraction; one of an absurd size stays unchanged, and pricing refuses it."""
    if not isinstance(value, Decimal):
        return value
    if not value.is_finite():
        return float(value)
    return Fraction(value) if abs(value.adjusted()) < _MOST_DIGITS else value


def _context(context: Any) -> dict[str, str] | None:
    if context is None:
        return None
    if not isinstance(context, dict):
        raise CallError(f"context: found {_kind(context)}; expected an object of strings")
    for key, value in context.items():
        if value is not None and not isinstance(value, str):
            raise CallError(f"context.{key}: found {_kind(value)}; expected a string")
    return {key: value for key, value in context.items() if value is not None}


def _text(row: Mapping[str, Any], key: str, required: bool = False) -> str | None:
    value = row.get(key)
    if value is None and (not required or key in row):
        return None
    if not isinstance(value, str):
        raise CallError(f"{key}: found {_kind(value)}; expected a string")
    return value


def _kind(value: Any) -> str:
    names = {type(None): "nothing", bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")
