# SPDX-License-Identifier: Apache-2.0
"""Questions about held calls and their sums have the answers of the stored calls, and are asked of the sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from spancost.core.budget.limit import Limit
from spancost.core.budget.windows import MONTH, SESSION, TRACE, Window
from spancost.reports.ask import is_of_sums
from spancost.reports.budget_use import state
from spancost.reports.selection import Selection
from spancost.reports.spend import with_period
from spancost.store.calls import Engine, open_calls
from spancost.store.held import HeldCalls, held, whole, with_columns
from spancost.web.overview import overview, works
from tests.reports.otlp import START, chat, request, span, written

HOUR = 3600 * 10**9
DAY_START = START // (24 * HOUR) * 24 * HOUR


@pytest.fixture(scope="module", params=[3, 30], ids=["by the hour", "by the day"])
def engines(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, Engine]]:
    """Engines over the same calls, over some days or a month: as stored, and held."""
    path = written(tmp_path_factory.mktemp("held") / "spans.jsonl", *_requests(request.param))
    with open_calls([str(path)]) as stored, open_calls([str(path)]) as other:
        yield stored.engine, held(other.engine, 1)


def _requests(days: int) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = []
    for number in range(1, 2401):
        at_s = days * 86_400 * number / 2400
        tags = {"app__feature": ("search", "chat", "it's")[number % 3]} if number % 5 else {}
        tags["app__user_id"] = f"u{number % 4}"
        model = "house-model" if number % 50 == 0 else "gpt-4o-mini"
        root = span(number, number, None, at_s, app__outcome="success" if number % 2 else "failure", **tags)
        spans += [root, chat(number, 5000 + number, model, 7 * number, parent=number, at_s=at_s, **tags)]
    return [request(*spans)]


SELECTIONS = [
    Selection(),
    Selection(where={"feature": ("search",)}),
    Selection(where={"feature": ("it's", None), "model": ("gpt-4o-mini",)}),
    Selection(where={"feature": ("nothing",)}),
    Selection(where={"app.user_id": ("u1",)}),
    Selection(since_ns=DAY_START + 48 * HOUR, until_ns=DAY_START + 72 * HOUR),
    Selection(since_ns=START + 30 * HOUR, where={"provider": ("openai",)}),
]


@pytest.mark.parametrize("by", ["feature", "model", "app.user_id"])
@pytest.mark.parametrize("selection", SELECTIONS, ids=range(len(SELECTIONS)))
def test_the_page_shows_the_same(engines: tuple[Engine, Engine], selection: Selection, by: str) -> None:
    stored, held_calls = engines
    assert isinstance(held_calls, HeldCalls)
    asked = with_columns(held_calls, {*selection.where, by})
    for zone in ("UTC", "Asia/Kathmandu"):
        assert overview(asked, selection, by, zone) == overview(stored, selection, by, zone)
    assert works(asked, selection) == works(stored, selection)


def test_sums_answer_what_is_about_whole_days_and_their_columns(engines: tuple[Engine, Engine]) -> None:
    sums = engines[1]
    assert sums.sums is not None
    day = Selection(since_ns=DAY_START, until_ns=DAY_START + 24 * HOUR)
    assert is_of_sums(sums, Selection(by=("feature",), names=("feature",), where={"model": ("x",)}))
    assert is_of_sums(sums, day)
    assert is_of_sums(sums, with_period(sums, day, "day", "UTC"))
    assert not is_of_sums(sums, day._replace(since_ns=DAY_START + 1))
    assert not is_of_sums(sums, day._replace(by=("session_id",)))
    assert not is_of_sums(sums, day._replace(where={"app.user_id": ("u1",)}))
    assert not is_of_sums(sums, with_period(sums, Selection(), "day", "Asia/Kathmandu"))
    assert not is_of_sums(engines[0], day)
    assert is_of_sums(sums, with_period(sums, Selection(), "hour", "UTC")) == (sums.sums.unit_ns == HOUR)


@pytest.mark.parametrize(
    "limit",
    [
        Limit("month", 10**13, Window(MONTH), per=("app.feature",)),
        Limit("trace", 10**11, Window(TRACE), match={"app.feature": ("s*",)}),
        Limit("session", 10**11, Window(SESSION), per=("model",)),
    ],
    ids=lambda limit: limit.id,
)
def test_budgets_are_the_same(engines: tuple[Engine, Engine], limit: Limit) -> None:
    at_ns = START + 5 * 24 * HOUR
    found, expected = (state(engine, limit, at_ns, lambda provider, model: (5, 7)) for engine in engines[::-1])
    assert found == expected


def test_few_calls_are_not_held(engines: tuple[Engine, Engine]) -> None:
    stored, held_calls = engines
    assert held(stored) is stored
    assert whole(stored) is stored
    assert whole(held_calls) is not held_calls
