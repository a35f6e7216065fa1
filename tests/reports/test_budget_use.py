# SPDX-License-Identifier: Apache-2.0
"""What stored calls used of budgets equals what the budgets themselves hold after the same calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timezone
from zoneinfo import ZoneInfo

import pytest

from spancost.control.budgets.budgets import Budgets
from spancost.control.budgets.stores import MemoryStore
from spancost.core.budget.limit import ALLOW, CallFacts, Limit
from spancost.core.budget.windows import DAY, LIFETIME, MONTH, ROLLING, SESSION, SLOTS, TRACE, WEEK, Window
from spancost.core.call import Call, Cost
from spancost.core.money import FEMTO_PER_USD, femto_from_text
from spancost.core.record import CallRecord
from spancost.reports.budget_use import ROWS, state
from spancost.reports.records import selected_records
from spancost.reports.selection import Selection
from spancost.store.calls import Engine, open_calls
from tests.reports.otlp import START, chat, request, written

USD = FEMTO_PER_USD
HOUR = 3600 * 10**9
BERLIN = ZoneInfo("Europe/Berlin")
LIMITS = [
    Limit("all", USD, Window(LIFETIME)),
    Limit("month", USD, Window(MONTH)),
    Limit("week", USD, Window(WEEK, BERLIN)),
    Limit("day", USD, Window(DAY, BERLIN), per=("app.workspace_id", "app.feature")),
    Limit("last", USD, Window(ROLLING, timezone.utc, 6 * HOUR), per=("model",)),
    Limit("trace", USD, Window(TRACE)),
    Limit("session", USD, Window(SESSION), per=("app.feature",)),
    Limit("mini", USD, Window(DAY), match={"model": ("gpt-*",), "app.feature": ("search", "ch*")}),
    Limit("free", USD, Window(DAY), unknown_price=ALLOW),
    Limit("none", USD, Window(DAY), match={"app.feature": ("nothing",)}),
]


def highest(provider: str, model: str) -> tuple[int, int]:
    return (3, 7) if model == "house-model" else (10**9, 2 * 10**9)


def no_price(call: Call) -> Cost:
    raise AssertionError("calls of a store are not priced again")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Three days of calls: some without a price, without a tag, in sessions."""
    spans = []
    for number in range(1, 121):
        tags = {"app__feature": ("search", "chat", "other")[number % 3]} if number % 7 else {}
        tags["app__workspace_id"] = f"w,{number % 2}"
        model = "house-model" if number % 10 == 0 else ("gpt-4o-mini", "gpt-4o")[number % 2]
        session = {"gen_ai__conversation__id": f"s{number % 5}"} if number % 4 else {}
        spans.append(chat(1 + number // 3, number, model, 100 * number, at_s=2000.0 * number, **tags, **session))
    path = written(tmp_path_factory.mktemp("use") / "spans.jsonl", request(*spans))
    with open_calls([str(path)]) as calls:
        yield calls.engine


def facts_of(record: CallRecord) -> CallFacts:
    values = {"provider": record.provider or "", "model": record.model or "", **record.tags}
    return CallFacts(values, f"{record.trace_id:032x}", record.session_id)


def held_by(limit: Limit, records: list[CallRecord], at_ns: int) -> dict[str, int]:
    """Return what a budget in a process holds by account after the calls, each made when it began.

    Traces and sessions have no periods: their calls are made at once, because a store forgets them after a day.
    """
    now = [0]
    is_brief = limit.window.kind in (TRACE, SESSION)
    store = MemoryStore(lambda: now[0])
    budgets = Budgets([limit], no_price, highest, store=store, clock=lambda: now[0])
    for record in sorted(records, key=lambda record: record.start_ns):
        if record.start_ns <= at_ns:
            now[0] = at_ns if is_brief else record.start_ns
            budgets.charge(facts_of(record), record)
    now[0] = at_ns
    return {balance.key: balance.settled for balance in store.balances()}


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.id)
@pytest.mark.parametrize("hours", [1, 30, 51, 66.7])
def test_used_is_what_a_budget_in_the_process_would_hold(engine: Engine, limit: Limit, hours: float) -> None:
    at_ns = START + int(hours * HOUR)
    found = state(engine, limit, at_ns, highest)
    period = f":{found.period.name}" if found.period.name else ""
    used = {row.account + period: femto_from_text(str(row.used_usd)) for row in found.rows}
    records = list(selected_records(engine, Selection()))
    if limit.window.kind == ROLLING:  # an account that is not used any more keeps parts that do not count
        first_ns = found.period.first_slot * -(-limit.window.length_ns // SLOTS)
        records = [record for record in records if record.start_ns >= first_ns]
    held = held_by(limit, records, at_ns)
    most = dict(sorted(held.items(), key=lambda item: -item[1])[:ROWS])
    assert sorted(used.values()) == sorted(most.values())
    assert used.items() <= held.items()
    assert found.values == len(held)


def test_exhausted_values_are_counted_and_calls_without_a_price_count_by_the_policy(engine: Engine) -> None:
    at_ns = START + 66 * HOUR
    limit = Limit("tenant", USD // 50, Window(LIFETIME), per=("app.workspace_id",))
    found = state(engine, limit, at_ns, highest)
    assert (found.values, found.exhausted) == (2, sum(row.used_usd >= found.limit_usd for row in found.rows))
    assert {row.key for row in found.rows} == {"w,0", "w,1"}
    assumed = {row.key: row.assumed_usd for row in found.rows}
    assert assumed["w,0"] > 0
    assert all(row.assumed_usd == 0 for row in state(engine, limit._replace(unknown_price=ALLOW), at_ns, highest).rows)


def test_a_host_is_not_stored_and_that_is_said(engine: Engine) -> None:
    limit = Limit("host", USD, Window(DAY), match={"host": ("api.openai.com",)})
    found = state(engine, limit, START, highest)
    assert (found.rows, found.why_unknown) == ((), "the host of a call is not stored")
