# SPDX-License-Identifier: Apache-2.0
"""The ledger of budgets: never over a limit, all budgets or none, settled once, expired counts as spent."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.core.budget.ledger import Ask, BudgetLedger, Granted, Refused

HOLD = 100
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "wait"]),
        st.integers(0, 40),
        st.sampled_from([("a",), ("b",), ("a", "b")]),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(ACTIONS)
def test_settled_and_reserved_never_exceed_the_limit(actions: list[tuple[str, int, tuple[str, ...]]]) -> None:
    """Calls that cost what was reserved or less keep every budget within its limit; sums are those of a plain list."""
    limits = {"a": 100, "b": 60}
    ledger = BudgetLedger()
    now = 0
    open_holds: list[tuple[int, int, tuple[str, ...], int]] = []
    spent = {"a": 0, "b": 0}
    for action, amount, keys in actions:
        if action == "reserve":
            done = ledger.reserve([Ask(key, amount, limits[key]) for key in keys], HOLD, now)
            held = {key: sum(hold[1] for hold in open_holds if key in hold[2]) for key in keys}
            fits = all(spent[key] + held[key] + amount <= limits[key] for key in keys)
            assert isinstance(done, Granted) == fits
            if isinstance(done, Granted):
                open_holds.append((done.number, amount, keys, now + HOLD))
        elif action == "settle" and open_holds:
            number, reserved, held_keys, _ = open_holds.pop(0)
            actual = min(amount, reserved)
            assert ledger.settle(number, [actual] * len(held_keys), now)
            for key in held_keys:
                spent[key] += actual
        else:
            now += amount
            for hold in [hold for hold in open_holds if hold[3] <= now]:
                open_holds.remove(hold)
                for key in hold[2]:
                    spent[key] += hold[1]
        for balance in ledger.balances(now):
            assert balance.settled == spent[balance.key]
            assert balance.settled + balance.reserved <= limits[balance.key]


def test_a_refused_reservation_changes_no_budget() -> None:
    """Also not those that had room."""
    ledger = BudgetLedger()
    refused = ledger.reserve([Ask("wide", 5, 100), Ask("narrow", 5, 4)], HOLD, 0)
    assert isinstance(refused, Refused) and refused.place == 1
    assert [(each.settled, each.reserved) for each in ledger.balances(0)] == [(0, 0), (0, 0)]


def test_one_call_may_cross() -> None:
    """While anything is left a call is admitted, so that the limit is exceeded by one call at most."""
    ledger = BudgetLedger()
    ask = Ask("a", 7, 10, may_cross=True)
    assert isinstance(ledger.reserve([ask], HOLD, 0), Granted)
    assert isinstance(ledger.reserve([ask], HOLD, 0), Granted)
    assert isinstance(ledger.reserve([ask], HOLD, 0), Refused)


def test_a_reservation_that_expired_counts_as_spent_and_is_not_settled() -> None:
    """The late settlement is counted."""
    ledger = BudgetLedger()
    granted = ledger.reserve([Ask("a", 7, 10)], HOLD, 0)
    assert isinstance(granted, Granted)
    assert not ledger.settle(granted.number, [1], HOLD)
    (balance,) = ledger.balances(HOLD)
    assert balance == ("a", 7, 0, 7) and ledger.late == 1


def test_a_reservation_is_settled_once() -> None:
    """A second settlement changes nothing."""
    ledger = BudgetLedger()
    granted = ledger.reserve([Ask("a", 7, 10)], HOLD, 0)
    assert isinstance(granted, Granted)
    assert ledger.settle(granted.number, [3], 1)
    assert not ledger.settle(granted.number, [3], 1)
    (balance,) = ledger.balances(1)
    assert (balance.settled, balance.reserved) == (3, 0)


def test_rolling_spend_leaves_with_its_part() -> None:
    """What was spent in a part that no longer counts is forgotten."""
    ledger = BudgetLedger()
    for slot in range(5):
        done = ledger.reserve([Ask("a", 10, 30, first_slot=slot - 2, slot=slot)], HOLD, slot)
        assert isinstance(done, Granted)
        ledger.settle(done.number, [10], slot)
    assert isinstance(ledger.reserve([Ask("a", 1, 30, first_slot=2, slot=4)], HOLD, 5), Refused)


def test_accounts_are_bounded_and_traces_do_not_push_out_others() -> None:
    """The account that was used longest ago goes, among those of its sort."""
    ledger = BudgetLedger(most=2)
    for name in ("t1", "t2", "t3"):
        ledger.charge([Ask("month", 1, 10), Ask(name, 1, 10, is_brief=True)], 0)
    assert [balance.key for balance in ledger.balances(0)] == ["month", "t2", "t3"]
    assert ledger.evicted == 1
