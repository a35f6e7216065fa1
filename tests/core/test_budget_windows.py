# SPDX-License-Identifier: Apache-2.0
"""Windows of budgets: periods follow each other without a gap, also where the clock changes."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.core.budget.periods import Part, Periods
from spancost.core.budget.windows import (
    CALENDAR,
    DAY,
    IDLE_NS,
    MONTH,
    ROLLING,
    SLOTS,
    TRACE,
    WEEK,
    Window,
    period_at,
)

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Africa/Cairo", "Asia/Beirut"]
HOUR_NS = 3600 * 10**9


def ns(text: str, zone: str = "UTC") -> int:
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return int(at.timestamp()) * 10**9


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ZONES), st.sampled_from(CALENDAR), st.integers(ns("2015-01-01"), ns("2030-01-01")))
def test_periods_hold_their_instant_and_follow_each_other(zone: str, kind: str, at_ns: int) -> None:
    """The instant before a period is in another, and the end of a period begins the next."""
    window = Window(kind, ZoneInfo(zone))
    period = period_at(window, at_ns)
    assert period.end_ns is not None and period.start_ns <= at_ns < period.end_ns
    assert period_at(window, period.start_ns) == period == period_at(window, period.end_ns - 1)
    following = period_at(window, period.end_ns)
    assert following.start_ns == period.end_ns and following.name != period.name


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29T12:00:00", 23), ("2026-10-25T12:00:00", 25), ("2026-11-30T12:00:00", 24)]
)
def test_a_day_is_as_long_as_the_clock_makes_it(day: str, hours: int) -> None:
    """In Berlin the clock changes on the last Sundays of March and October."""
    period = period_at(Window(DAY, ZoneInfo("Europe/Berlin")), ns(day, "Europe/Berlin"))
    assert period.end_ns is not None and period.end_ns - period.start_ns == hours * HOUR_NS
    assert period.name == day[:10]


def test_a_day_without_midnight_begins_at_the_change() -> None:
    """Cairo's clock goes from 0:00 to 1:00 on 2026-04-24."""
    period = period_at(Window(DAY, ZoneInfo("Africa/Cairo")), ns("2026-04-24T12:00:00", "Africa/Cairo"))
    assert period.start_ns == ns("2026-04-23T22:00:00") and period.name == "2026-04-24"


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    """A month is one of the calendar, not 30 days."""
    at_ns = ns("2028-02-29T12:00:00")
    assert period_at(Window(WEEK), at_ns).name == "2028-02-28"
    month = period_at(Window(MONTH), at_ns)
    assert month.name == "2028-02-01" and month.end_ns == ns("2028-03-01")


@given(st.integers(0, 10**18), st.integers(0, 86_400 * 10**9))
def test_a_rolling_window_forgets_nothing_too_early(at_ns: int, since_ns: int) -> None:
    """What is younger than the window counts; what is older by more than one part does not."""
    length = 24 * HOUR_NS
    window = Window(ROLLING, timezone.utc, length)
    spent, now = period_at(window, at_ns), period_at(window, at_ns + 2 * since_ns)
    counts = spent.slot >= now.first_slot
    if 2 * since_ns <= length:
        assert counts
    if 2 * since_ns > length + length // SLOTS + 1:
        assert not counts


def test_the_name_of_an_hour_has_its_offset() -> None:
    """The hour that comes twice in autumn is two hours."""
    zone = ZoneInfo("Europe/Berlin")
    first = ns("2026-10-25T00:30:00")
    names = {period_at(Window("hour", zone), first + hours * HOUR_NS).name for hours in range(4)}
    assert len(names) == 4


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(ZONES), st.integers(0, 40 * 24)), min_size=1, max_size=30
    ),
    st.sampled_from([*CALENDAR, ROLLING]),
)
def test_what_a_budget_asks_is_that_of_the_period_it_is_asked_in(calls: list[tuple[str, str, int]], kind: str) -> None:
    """Whatever was asked before, forwards or backwards in time, for the same account or with another zone."""
    periods = Periods()
    for account, zone, hours in calls:
        window, now_ns = Window(kind, ZoneInfo(zone), 24 * HOUR_NS if kind == ROLLING else 0), hours * HOUR_NS + 1
        period = period_at(window, now_ns)
        (ask,) = periods.asks([Part(account, window, 5, 10)], now_ns)
        assert ask.key == (f"{account}:{period.name}" if period.name else account)
        assert (ask.first_slot, ask.slot, ask.amount, ask.limit) == (period.first_slot, period.slot, 5, 10)
        assert period.end_ns is not None and ask.expires_ns == period.end_ns + window.length_ns


def test_a_trace_is_one_account_until_it_is_idle() -> None:
    (ask,) = Periods().asks([Part("a:trace:4b", Window(TRACE), 5, 10)], 7)
    assert (ask.key, ask.first_slot, ask.slot, ask.expires_ns, ask.is_brief) == ("a:trace:4b", 0, 0, 7 + IDLE_NS, True)
