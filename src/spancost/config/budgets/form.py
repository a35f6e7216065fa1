# SPDX-License-Identifier: Apache-2.0
"""The form of a budgets file: which keys there are, and what each may hold."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator

from spancost.config.contracts.form import Conditions, Form, Name, expected, written

KEYS = ("provider", "model", "operation", "host")
"""Keys of calls besides attributes that begin with `app.`."""
_TAG = re.compile(r"^app\.[^\s,:]{1,120}$")
_AMOUNT = re.compile(r"^[0-9]{1,9}(\.[0-9]{1,15})?$")
_DURATION = re.compile(r"^([0-9]{1,6}) ?(s|m|h|d)$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PERCENT = re.compile(r"^([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%$")


def amount(value: Any) -> Fraction:
    """Return an amount in USD above 0."""
    text = written(value)
    if not _AMOUNT.fullmatch(text) or not Fraction(text):
        raise expected("an amount in USD above 0, without a sign or a currency, such as 50 or 0.25")
    return Fraction(text)


def duration(value: Any) -> int:
    """Return a duration in nanoseconds."""
    found = _DURATION.fullmatch(written(value))
    if found is None or not int(found[1]):
        raise expected("a duration in seconds, minutes, hours or days, such as 90s, 30m, 24h or 7d")
    return int(found[1]) * _SECONDS[found[2]] * 10**9


def key(value: Any) -> str:
    """Return the name of a key of calls."""
    if isinstance(value, str) and (value in KEYS or _TAG.fullmatch(value)):
        return value
    raise expected(f"{', '.join(KEYS)} or an attribute that begins with app., such as app.workspace_id")


def _keys(value: Any) -> tuple[str, ...]:
    keys = tuple(key(each) for each in (value if isinstance(value, list) else [value]))
    if not keys or len(set(keys)) < len(keys):
        raise expected("a list of different keys, such as [app.workspace_id]")
    return keys


def _zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(written(value))
    except (ValueError, OSError, LookupError):
        raise expected("the name of a time zone, such as UTC or Europe/Berlin") from None


def _share(value: Any) -> Fraction:
    text = written(value)
    percent = _PERCENT.fullmatch(text)
    share = Fraction(percent[1]) / 100 if percent else Fraction(text) if _AMOUNT.fullmatch(text) else Fraction(0)
    if not 0 < share < 1:
        raise expected("a share of the limit between 0 and 1, such as 0.8 or 80%")
    return share


def _shares(value: Any) -> tuple[Fraction, ...]:
    return tuple(sorted({_share(each) for each in (value if isinstance(value, list) else [value])}))


def _tokens(value: Any) -> int:
    if value.__class__ is not int or not 0 < value <= 10_000_000:
        raise expected("a number of tokens above 0, such as 4096")
    return int(value)


def _version(value: Any) -> int:
    if value.__class__ is not int or value != 1:
        raise expected("1")
    return 1


Duration = Annotated[Any, PlainValidator(duration)]


class DegradeForm(Form):
    """What a call gets instead of being refused: another model, a smaller bound of its output."""

    model: str | None = None
    max_output_tokens: Annotated[Any, PlainValidator(_tokens)] = None


class LimitForm(Form):
    """One budget."""

    id: Name
    match: dict[Annotated[str, PlainValidator(key)], Conditions] = Field(default={})
    per: Annotated[Any, PlainValidator(_keys)] = ()
    limit_usd: Annotated[Any, PlainValidator(amount)]
    window: Literal["hour", "day", "week", "month", "trace", "session", "lifetime"] | None = None
    rolling: Duration = None
    timezone: Annotated[Any, PlainValidator(_zone)] = None
    warn_at: Annotated[Any, PlainValidator(_shares)] = ()
    at_limit: Name = "block"
    degrade: DegradeForm | None = None
    overrun: Literal["none", "one_call"] = "none"
    unknown_price: Literal["refuse", "highest_known", "allow"] = "highest_known"
    assumed_output_tokens: Annotated[Any, PlainValidator(_tokens)] = None
    reservation_expires: Duration = 900 * 10**9
    cut_at_limit: bool = False
    on_store_failure: Literal["local", "allow", "block"] = "local"
    note: str | None = None


class BudgetsForm(Form):
    """A budgets file."""

    budgets: Annotated[int, PlainValidator(_version)]
    limits: list[LimitForm] = Field(min_length=1)
