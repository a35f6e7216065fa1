# SPDX-License-Identifier: Apache-2.0
"""The window of a budget: the period in which spend counts, by the calendar of a zone or rolling."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

HOUR, DAY, WEEK, MONTH = "hour", "day", "week", "month"
ROLLING, TRACE, SESSION, LIFETIME = "rolling", "trace", "session", "lifetime"
CALENDAR = (HOUR, DAY, WEEK, MONTH)
KINDS = (*CALENDAR, ROLLING, TRACE, SESSION, LIFETIME)
SLOTS = 60
"""Parts of a rolling window. Spend leaves a window in parts, never too early: up to one part later than exactly."""
IDLE_NS = 24 * 3600 * 10**9
"""How long a trace or a session is kept after its last call."""
_NS = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Window(NamedTuple):
    """kind: one of `KINDS`. zone: of calendar windows. length_ns: of rolling windows, 0 for others."""

    kind: str
    zone: tzinfo = timezone.utc
    length_ns: int = 0


class Period(NamedTuple):
    """A window at one instant, in nanoseconds since the epoch; end_ns is exclusive, None when it has no end.

    name: part of the key under which the spend of the period is kept. first_slot and slot: the oldest and the newest
    part that count (0 for windows that are not rolling).
    """

    name: str
    start_ns: int
    end_ns: int | None
    first_slot: int = 0
    slot: int = 0


def period_at(window: Window, at_ns: int) -> Period:
    """Return the period of *window* that holds *at_ns*.

    A day is a day of the calendar: 23 or 25 hours long where the clock changes. A week begins on Monday.
    """
    kind = window.kind
    if kind == ROLLING:
        width = -(-window.length_ns // SLOTS)
        slot = at_ns // width
        oldest = (at_ns - window.length_ns) // width
        return Period("", slot * width, (slot + 1) * width, oldest, slot)
    if kind not in CALENDAR:
        return Period("", 0, None)
    local = _local(at_ns, window.zone)
    if kind == HOUR:
        past = (local.minute * 60 + local.second) * _NS + at_ns % _NS
        return Period(f"{local:%Y-%m-%dT%H%z}", at_ns - past, at_ns - past + 3600 * _NS)
    first = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if kind == DAY:
        last = first + timedelta(days=1)
    elif kind == WEEK:
        first -= timedelta(days=first.weekday())
        last = first + timedelta(days=7)
    else:
        first = first.replace(day=1)
        last = (first + timedelta(days=32)).replace(day=1)
    return Period(f"{first:%Y-%m-%d}", _instant(first), _instant(last))


def _local(at_ns: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(seconds=at_ns // _NS)).astimezone(zone)


def _instant(local: datetime) -> int:
    """Return the nanoseconds since the epoch of a local time; one that the clock skips is the moment of the change."""
    since = local.astimezone(timezone.utc) - _EPOCH
    return (since.days * 86_400 + since.seconds) * _NS
