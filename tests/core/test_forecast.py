# SPDX-License-Identifier: Apache-2.0
"""Forecasts of totals: coverage on synthetic series of six kinds, short and empty histories."""

from __future__ import annotations

import random

import pytest

from spancost.core.analysis import forecast
from spancost.core.analysis.forecast import Pool, past_of
from spancost.testing.daily_spend import KINDS, series


@pytest.mark.parametrize(("history", "horizon"), [(28, 7), (56, 14), (120, 28)])
def test_intervals_of_the_total_cover_it_as_often_as_they_say(history: int, horizon: int) -> None:
    """120 series of six kinds, on average over the organisation: 80 % and 95 %, with the error of 120 draws."""
    draw = random.Random(21)
    held = [series(kind, history + horizon, draw) for kind in KINDS for _ in range(20)]
    pool = Pool([past_of(each[:history], horizon) for each in held], horizon)
    covered = [0, 0]
    for each in held:
        found, actual = forecast.forecast(each[:history], horizon, pool), sum(each[history:])
        assert None not in (found.low80, found.high80, found.low95, found.high95)
        covered[0] += found.low80 <= actual <= found.high80  # type: ignore[operator]
        covered[1] += found.low95 <= actual <= found.high95  # type: ignore[operator]
    assert 0.7 <= covered[0] / len(held) <= 0.9, covered
    assert 0.88 <= covered[1] / len(held) <= 0.99, covered


def test_a_single_series_has_the_prior_of_all() -> None:
    """Alone, with two weeks of history, the intervals are wide enough: its two errors say little."""
    draw, inside, runs = random.Random(4), 0, 120
    for run in range(runs):
        each = series(KINDS[run % len(KINDS)], 21, draw)
        found = forecast.forecast(each[:14], 7)
        inside += (found.low80 or 0) <= sum(each[14:]) <= (found.high80 or 0)
    assert 0.7 <= inside / runs <= 0.92


def test_a_short_history_has_no_interval() -> None:
    found = forecast.forecast([2.0] * 9, 5)
    assert found == (pytest.approx(10.0, rel=0.2), None, None, None, None, 0)


def test_a_steady_series_goes_on() -> None:
    found = forecast.forecast([2.0] * 60, 30)
    assert found.median == pytest.approx(60.0, rel=0.2)
    assert found.low95 <= found.low80 <= found.median <= found.high80 <= found.high95  # type: ignore[operator]


@pytest.mark.parametrize("history", [[], [0.0] * 40])
def test_nothing_spent_is_forecast_as_nothing(history: list[float]) -> None:
    assert forecast.forecast(history, 7).median == 0.0


def test_weekends_are_cheaper_when_they_were() -> None:
    """Eight weeks of five busy days: the next two days after a Friday are a weekend."""
    history = ([10.0] * 5 + [1.0] * 2) * 8 + [10.0] * 5
    assert forecast.point(history, 2) < 8.0


def test_a_horizon_of_no_day_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one day"):
        forecast.forecast([1.0] * 20, 0)
