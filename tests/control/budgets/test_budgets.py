# SPDX-License-Identifier: Apache-2.0
"""What is reserved and settled, by rule: priced, unpriced, failed, lost and late calls, several budgets, by hand."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import spancost
from spancost.control.budgets import setup
from spancost.control.budgets.budgets import Budgets, Crossing
from spancost.control.budgets.exceeded import BudgetExceeded
from spancost.control.guards import PROCESS
from spancost.core.budget.limit import WARN, CallFacts, Limit
from spancost.core.budget.windows import DAY, LIFETIME, SESSION, TRACE, Window
from spancost.core.call import Call, Cost
from spancost.core.record import CallRecord

DAY_NS = 86_400 * 10**9
NOW = 20_000 * DAY_NS


class Clock:
    def __init__(self) -> None:
        self.now_ns = NOW

    def __call__(self) -> int:
        return self.now_ns


def price(call: Call) -> Cost:
    """Two femto-dollars an input token, ten an output token; only `known` has a price."""
    if call.model != "known":
        return Cost("unpriced", "unknown_model", None)
    return Cost("priced", None, 2 * int(call.usage["input_tokens"]) + 10 * int(call.usage.get("output_tokens", 0)))


def record(femto: int | None, **usage: int) -> CallRecord:
    status = "unpriced" if femto is None else "priced"
    return CallRecord(
        1, 2, None, NOW, 1, None, "s", "p", "m", "chat", None, usage, femto, femto, status, None, None, None, None, {},
        None, None, None, None, None, None,
    )  # fmt: skip


def budgets(*limits: Limit, clock: Any = None) -> Budgets:
    return Budgets(limits, price, lambda provider, model: (100, 1000), clock=clock or Clock())


def limit(femto: int, name: str = "b", **options: Any) -> Limit:
    return Limit(name, femto, options.pop("window", Window(LIFETIME)), **options)


def facts(model: str = "known", tokens: int = 10, bound: int | None = 10, **tags: str) -> CallFacts:
    values = {"model": model, "provider": "p", **{key.replace("_", ".", 1): value for key, value in tags.items()}}
    return CallFacts(values, "t1", "s1", tokens, bound)


def used(made: Budgets) -> list[tuple[int, int]]:
    return [(balance.settled, balance.reserved) for balance in made.store.balances()]


def test_a_call_reserves_its_estimate_and_settles_at_its_cost() -> None:
    made = budgets(limit(1_000))
    held = made.reserve(facts())
    assert held is not None and used(made) == [(0, 120)]
    made.settle(held, record(33))
    assert used(made) == [(33, 0)]


def test_a_call_without_a_bound_reserves_the_assumed_output() -> None:
    made = budgets(limit(100_000, assumed_output=500))
    made.reserve(facts(bound=None))
    assert used(made) == [(0, 5_020)]


def test_a_refusal_says_budget_key_used_limit_and_reset() -> None:
    made = budgets(limit(200, "daily", window=Window(DAY), per=("app.workspace_id",)))
    made.reserve(facts(app_workspace_id="ws:1"))
    with pytest.raises(BudgetExceeded) as raised:
        made.reserve(facts(app_workspace_id="ws:1"))
    refused = pickle.loads(pickle.dumps(raised.value))
    assert (refused.budget, refused.key, refused.used_femto, refused.limit_femto) == ("daily", "ws:1", 120, 200)
    assert refused.used_usd == Decimal("0.000000000000120") and refused.reason == "limit_reached"
    assert refused.resets_at.timestamp() == (NOW + DAY_NS) / 10**9
    assert refused.body()["error"]["type"] == "budget_exceeded"
    assert refused.body()["error"]["resets_at"] == "2024-10-05T00:00:00Z"
    made.reserve(facts(app_workspace_id="ws:2"))


def test_the_next_window_lets_calls_pass() -> None:
    clock = Clock()
    made = budgets(limit(150, window=Window(DAY)), clock=clock)
    made.reserve(facts())
    with pytest.raises(BudgetExceeded):
        made.reserve(facts())
    clock.now_ns += DAY_NS
    assert made.reserve(facts()) is not None


def test_several_budgets_apply_or_none() -> None:
    made = budgets(limit(1_000, "wide"), limit(100, "narrow"))
    with pytest.raises(BudgetExceeded) as raised:
        made.reserve(facts())
    assert raised.value.budget == "narrow" and used(made) == [(0, 0), (0, 0)]


def test_a_budget_is_about_the_calls_it_matches() -> None:
    made = budgets(limit(1, match={"app.feature": ("sup*",)}))
    assert made.reserve(facts()) is None
    with pytest.raises(BudgetExceeded):
        made.reserve(facts(app_feature="support"))


@pytest.mark.parametrize("kind", [TRACE, SESSION])
def test_traces_and_sessions_have_budgets_of_their_own(kind: str) -> None:
    made = budgets(limit(150, window=Window(kind)))
    made.reserve(facts())
    with pytest.raises(BudgetExceeded):
        made.reserve(facts())
    assert made.reserve(facts()._replace(trace="t2", session="s2")) is not None
    assert made.reserve(facts()._replace(trace=None, session=None)) is None


def test_an_unknown_price_is_treated_as_the_budget_says() -> None:
    """Refused, at the provider's highest rates, or not counted and said."""
    with pytest.raises(BudgetExceeded) as raised:
        budgets(limit(10**9, unknown_price="refuse")).reserve(facts("new"))
    assert raised.value.reason == "price_unknown"
    highest = budgets(limit(10**9))
    held = highest.reserve(facts("new"))
    assert held is not None and used(highest) == [(0, 10 * 100 + 10 * 1000)]
    highest.settle(held, record(None, input_tokens=3, output_tokens=1))
    assert used(highest) == [(1_300, 0)]
    allowed = budgets(limit(10**9, unknown_price="allow"))
    held = allowed.reserve(facts("new"))
    assert held is not None and used(allowed) == [(0, 0)] and allowed.counts["free_of_charge"] == 1
    allowed.settle(held, record(None, input_tokens=3))
    assert used(allowed) == [(0, 0)]


def test_an_answer_without_usage_counts_what_was_reserved() -> None:
    made = budgets(limit(10**9))
    held = made.reserve(facts())
    assert held is not None
    made.settle(held, record(None))
    assert used(made) == [(120, 0)]


@pytest.mark.parametrize(("is_lost", "charged"), [(False, 0), (True, 20)])
def test_a_failed_call_costs_nothing_and_a_lost_one_its_input(is_lost: bool, charged: int) -> None:
    made = budgets(limit(1_000))
    held = made.reserve(facts())
    assert held is not None
    made.settle(held, None, is_lost=is_lost)
    assert used(made) == [(charged, 0)]


def test_shares_are_told_once_a_period(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Crossing] = []
    made = budgets(limit(240, warn_at=(Fraction(1, 2), Fraction(9, 10)), at_limit="warn"))
    made.on_crossing = told.append
    for _ in range(3):
        made.reserve(facts())
    assert [(each.kind, each.share) for each in told] == [("warn", "0.5"), ("warn", "0.9"), ("limit", "1")]
    assert len(caplog.records) == 3


@pytest.fixture
def enforced() -> Iterator[Any]:
    yield spancost.enforce_budgets(["total:1"])
    PROCESS.admission = None


def by_hand(**options: Any) -> Any:
    return spancost.reserve(provider="openai", model="gpt-4o-mini", input_tokens=1000, max_output_tokens=100, **options)


def settled() -> Decimal:
    (status,) = spancost.budget_status()
    assert status.reserved_usd == 0 and status.limit_usd == 1
    return status.settled_usd


ESTIMATE, INPUT = Decimal("0.00021"), Decimal("0.00015")


def test_a_block_settles_at_what_it_says(enforced: Any) -> None:
    with by_hand() as hold:
        (status,) = spancost.budget_status()
        assert status.reserved_usd == ESTIMATE
        hold.settle(Decimal("0.0001"))
        hold.settle(Decimal("5"))
    assert settled() == Decimal("0.0001")


def test_a_block_that_says_nothing_is_charged_what_it_reserved(enforced: Any) -> None:
    with by_hand():
        pass
    assert settled() == ESTIMATE


@pytest.mark.parametrize(("error", "charged"), [(ValueError, Decimal(0)), (KeyboardInterrupt, INPUT)])
def test_a_block_that_fails_is_charged_by_rule(enforced: Any, error: type[BaseException], charged: Decimal) -> None:
    with pytest.raises(error), by_hand():
        raise error
    assert settled() == charged


def test_a_block_without_budgets_does_nothing() -> None:
    with by_hand() as hold:
        hold.settle(1)
    assert spancost.budget_status() == []


def test_the_trace_and_the_tags_of_the_context_count() -> None:
    made = spancost.enforce_budgets(["trace:1", "feature:1/day"])
    try:
        tracer = TracerProvider().get_tracer("t")
        with tracer.start_as_current_span("root"), spancost.attribution(feature="search"), by_hand():
            trace_id = f"{trace.get_current_span().get_span_context().trace_id:032x}"
            keys = {status.budget: status.key for status in spancost.budget_status()}
        assert keys == {"trace": trace_id, "feature-day": "search"}
        assert setup.in_force() is made
    finally:
        PROCESS.admission = None


def with_largest(one: Limit) -> Budgets:
    return Budgets([one], price, lambda provider, model: (100, 1000), clock=Clock(), largest=lambda *_: 6_000)


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({}, 6_000),
        ({"may_cross": True}, 4_096),
        ({"at_limit": WARN}, 4_096),
        ({"assumed_output": 512}, 512),
        ({"assumed_output": 9_000}, 6_000),
    ],
)
def test_a_call_without_a_bound_reserves_the_largest_output_of_its_model_where_the_budget_blocks(
    options: dict[str, Any], tokens: int
) -> None:
    made = with_largest(limit(1_000_000, **options))
    made.reserve(facts(bound=None))
    assert used(made) == [(0, 20 + 10 * tokens)]


def test_where_the_largest_output_is_not_known_4096_tokens_are_assumed() -> None:
    made = budgets(limit(1_000_000))
    made.reserve(facts(bound=None))
    assert used(made) == [(0, 20 + 10 * 4_096)]
