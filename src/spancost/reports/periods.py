# SPDX-License-Identifier: Apache-2.0
"""Hours, days, weeks (from Monday) and months of a time zone, as integers that every engine computes alike."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from spancost.store import sql

HOUR, DAY, WEEK, MONTH = PERIODS = ("hour", "day", "week", "month")
_NS = 1_000_000_000
_HOUR_NS = 3600 * _NS
_DAY_NS = 24 * _HOUR_NS
_MONDAY = 3
"""1970-01-01 was a Thursday: the week number of a day n is (n + 3) // 7."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_RELATIVE = re.compile(r"([1-9][0-9]{0,5})(h|d|w)\Z")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Period(NamedTuple):
    """A period and the offsets of its zone from UTC: (first instant in seconds since the epoch, offset in seconds)."""

    unit: str
    zone: str
    offsets: tuple[tuple[int, int], ...]

    def sql(self, dialect: str) -> str:
        """Return the number of the period of `started_at`."""
        local = f"{sql.nanoseconds('started_at', dialect)}{self._offset(dialect)}"
        if self.unit == MONTH:
            return sql.month_number(local, dialect)
        if self.unit == WEEK:
            return sql.floor_divided(f"{local} + {_MONDAY * _DAY_NS}", 7 * _DAY_NS, dialect)
        return sql.floor_divided(local, _HOUR_NS if self.unit == HOUR else _DAY_NS, dialect)

    def _offset(self, dialect: str) -> str:
        if len(self.offsets) == 1:
            return f" + {self.offsets[0][1] * _NS}" if self.offsets[0][1] else ""
        column = sql.nanoseconds("started_at", dialect)
        cases = [
            f"WHEN {column} < {following[0] * _NS} THEN {offset * _NS}"
            for (_, offset), following in zip(self.offsets, self.offsets[1:], strict=False)
        ]
        return f" + CASE {' '.join(cases)} ELSE {self.offsets[-1][1] * _NS} END"

    def local_start(self, number: int) -> datetime:
        """Return the local time, without a zone, at which the period with this number begins."""
        if self.unit == MONTH:
            return datetime(number // 12, number % 12 + 1, 1)
        length = {HOUR: timedelta(hours=1), DAY: timedelta(days=1), WEEK: timedelta(weeks=1)}[self.unit]
        begin = datetime(1970, 1, 1) - (timedelta(days=_MONDAY) if self.unit == WEEK else timedelta())
        return begin + number * length

    def start(self, number: int) -> datetime:
        """Return the instant at which the period with this number begins, in UTC."""
        return self.local_start(number).replace(tzinfo=zone_named(self.zone)).astimezone(timezone.utc)

    def label(self, number: int) -> str:
        """Return the local begin in a form for people."""
        forms = {HOUR: "%Y-%m-%d %H:00", DAY: "%Y-%m-%d", WEEK: "%Y-%m-%d", MONTH: "%Y-%m"}
        return self.local_start(number).strftime(forms[self.unit])


def shortest_ns(unit: str) -> int:
    """Return how long the shortest period of a unit is, in nanoseconds."""
    return _HOUR_NS if unit == HOUR else _DAY_NS


def zone_named(name: str) -> tzinfo:
    """Return a time zone; ValueError when it does not exist."""
    if name == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"found time zone {name!r}; expected a name such as Europe/Berlin") from error


def period_of(unit: str, zone: str, first_ns: int, last_ns: int) -> Period:
    """Return the period of a zone, with all offsets that hold between two instants."""
    offsets = [(first_ns // _NS, _offset_at(zone, first_ns // _NS))]
    hour = first_ns // _HOUR_NS
    # Offsets change on a quarter of an hour; days without a change are skipped.
    for begin in range(hour * 3600, last_ns // _NS + 1, 86_400):
        if _offset_at(zone, begin + 86_400) != offsets[-1][1]:
            for second in range(begin, begin + 86_400 + 900, 900):
                if (offset := _offset_at(zone, second)) != offsets[-1][1]:
                    offsets.append((second, offset))
    return Period(unit, zone, tuple(offsets))


def _offset_at(zone: str, second: int) -> int:
    if zone == "UTC":
        return 0
    offset = (_EPOCH + timedelta(seconds=second)).astimezone(zone_named(zone)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def instant_ns(text: str, zone: str, now: datetime) -> int:
    """Return the nanoseconds of a day or time (of *zone* when it names none), or of `7d`, `24h`, `2w` before *now*.

    ValueError says what was found and expected.
    """
    relative = _RELATIVE.match(text.strip())
    if relative is not None:
        at = now - int(relative[1]) * _UNITS[relative[2]]
        return nanoseconds_of(at)
    try:
        at = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f"found {text!r}; expected a day (2026-11-24), a time (2026-11-24T12:00Z) or 7d") from None
    return nanoseconds_of(at if at.tzinfo is not None else at.replace(tzinfo=zone_named(zone)))


def nanoseconds_of(at: datetime) -> int:
    """Return the nanoseconds since the epoch of an instant."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def instant_text(nanoseconds: int) -> str:
    """Return nanoseconds since the epoch as RFC 3339 in UTC, with as many digits as needed."""
    seconds, rest = divmod(int(nanoseconds), _NS)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    at = _EPOCH + timedelta(seconds=seconds)
    return f"{at.replace(tzinfo=None).isoformat()}{fraction}Z"


def rfc3339(at: datetime) -> str:
    """Return an instant in UTC as RFC 3339, without a fraction when it has none."""
    return at.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
