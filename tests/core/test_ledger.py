# SPDX-License-Identifier: Apache-2.0
"""The ledger as a process feeds it: spans in the order in which they end, late ones, lost ones, forks."""

from __future__ import annotations

import math
from typing import Any

import pytest

from spancost.config import data
from spancost.core import generational
from spancost.core import semconv as names
from spancost.core.generational import GenerationalCache
from spancost.core.ledger.ledger import HAS_COSTED_CHILDREN, IDLE, Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.ledger.rollup import RollUp, Subtotal
from spancost.core.money import usd_float
from spancost.core.span import Span
from spancost.store.enrich import doubted_roots, joined
from spancost.store.otlp_json import carried_spans
from tests.core.ledgers import FlatPricer, ledger, request_of, run
from tests.core.vectors import cases

PRICE = {"input": 10**9, "output": 10**9, "unknown": ["mystery"]}
KEYS = {"describes", "price", "spans", "expected"}
OUT_OF_ORDER = {"child_ends_after_parent"}
CASES = [
    (name, case) for kind in ("counting", "rollup") for name, case in cases(kind, KEYS) if name not in OUT_OF_ORDER
]
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 3,
    "gen_ai.usage.output_tokens": 2,
}


def span(number: int, parent: int | None, attributes: dict[str, Any] | None = None, **more: Any) -> Span:
    facts = {"is_local_root": parent is None, "start_ns": 0, "end_ns": 1, "scope_name": "acme", "scope_version": ""}
    return Span(1, number, parent, name="", attributes=attributes or {}, **{**facts, **more})


def small(**options: Any) -> Ledger:
    return Ledger(data.default_dialects(), FlatPricer(PRICE), LedgerOptions(**options))


def end(book: Ledger, one: Span) -> dict[str, Any]:
    """End a span as the processor does: most are let pass."""
    todo = book.ends(one.span_id, one.parent_id, one.attributes)
    written: dict[str, Any] = {}
    if todo == HAS_COSTED_CHILDREN:
        book.end_ancestor(one.span_id, one.parent_id, one.is_local_root, one.attributes, written)
    elif todo != IDLE:
        written.update(book.end(one).writes)
    return written


@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_spans_ended_one_after_the_other_get_what_they_get_all_in_hand(name: str, case: dict[str, Any]) -> None:
    """In process and offline agree, but for roots that had ended when a call below them came to be doubted."""
    carried = {(one.span.trace_id, one.span.span_id): [one] for one in carried_spans(request_of(case["spans"]))}
    spans = joined(carried)
    book = ledger(case["price"])
    expected, found = run(case), {}
    for key in sorted(spans, key=lambda key: (spans[key].end_ns, -key[1])):
        has = spans[key].attributes
        found[key] = {name: value for name, value in end(book, spans[key]).items() if has.get(name) != value}
    for key in doubted_roots(spans, book):
        found[key]["llm.trace_cost_complete"] = False
    for key, new in found.items():
        assert new == expected.get(f"{key[0]}/{key[1]}", {}), key


def test_a_late_call_goes_to_the_nearest_ancestor_still_open() -> None:
    book = small()
    assert end(book, span(3, 2)) == {}
    assert end(book, span(2, 1)) == {}
    assert names.LLM_REQUEST_COST_USD in end(book, span(4, 3, CALL))
    assert end(book, span(1, None))[names.LLM_TRACE_REQUESTS] == 1


def test_a_call_that_ends_after_its_blank_parent_is_the_same_request() -> None:
    """A stream: the outer span ended at once and saw no usage, the SDK's span below ends with the stream."""
    book = small()
    blank = {key: value for key, value in CALL.items() if "usage" not in key}
    assert end(book, span(3, 2, blank))[names.LLM_COST_STATUS] == "unpriced"
    assert names.LLM_REQUEST_COST_USD in end(book, span(4, 3, CALL, scope_name="sdk"))
    root = end(book, span(2, None))
    assert (root[names.LLM_TRACE_REQUESTS], root[names.LLM_TRACE_COST_COMPLETE]) == (1, True)
    assert root[names.LLM_SUBTREE_UNPRICED_REQUESTS] == 0


def test_what_a_process_wrote_of_a_late_call_stays_when_all_spans_are_in_hand() -> None:
    spans = [
        {"trace": 1, "span": 1, "parent": None, "start": 0, "end": 90, "scope": "app", "attributes": {}},
        {"trace": 1, "span": 2, "parent": 1, "start": 1, "end": 5, "scope": "outer", "attributes": dict(CALL)},
        {"trace": 1, "span": 3, "parent": 2, "start": 2, "end": 50, "scope": "sdk", "attributes": dict(CALL)},
    ]
    del spans[1]["attributes"]["gen_ai.usage.input_tokens"], spans[1]["attributes"]["gen_ai.usage.output_tokens"]
    book = small()
    for one in sorted(spans, key=lambda one: one["end"]):
        facts = {"scope_name": one["scope"], "start_ns": one["start"], "end_ns": one["end"]}
        one["attributes"].update(end(book, span(one["span"], one["parent"], one["attributes"], **facts)))
    assert spans[0]["attributes"][names.LLM_TRACE_REQUESTS] == 1
    again = run({"price": PRICE, "spans": spans})
    assert "1/1" not in again


def test_two_calls_after_a_blank_parent_are_two_requests() -> None:
    book = small()
    blank = {key: value for key, value in CALL.items() if "usage" not in key}
    end(book, span(3, 2, blank))
    end(book, span(4, 3, CALL, scope_name="sdk"))
    end(book, span(5, 3, CALL, scope_name="sdk"))
    assert end(book, span(2, None))[names.LLM_TRACE_REQUESTS] == 2


def test_a_call_after_the_root_is_counted_as_late() -> None:
    book = small()
    end(book, span(1, None))
    assert end(book, span(2, 1, CALL))[names.LLM_REQUEST_COST_USD] == 5e-6
    assert book.counters["late"] == 1


@pytest.mark.skipif(
    not str(generational.__file__).endswith(".py"), reason="compiled classes cannot be stopped between two statements"
)
def test_a_parent_that_ends_meanwhile_passes_its_late_child_on() -> None:
    """The parent's end falls between the child's look for an open ancestor and its adding to it."""

    class Meanwhile(GenerationalCache[int, Subtotal]):
        def set(self, key: int, value: Subtotal) -> None:
            super().set(key, value)
            if key == 2:
                totals.closed.set(2, 1)

    totals = RollUp(10, 10)
    totals.pending = Meanwhile(10)
    one = Subtotal()
    one.requests = 1
    totals.pass_up(2, one)
    assert totals.take(2) is None
    assert totals.take(1) is one


def test_spans_that_only_wait_to_be_noted_have_ended() -> None:
    totals = RollUp(open_spans=10, closed_spans=4)
    totals.closed.waiting.extend([(number, number - 1) for number in range(2, 12)])  # the latest four are kept
    one = Subtotal()
    one.requests = 1
    totals.pass_up(11, one)
    assert totals.take(7) is one
    assert not totals.closed.waiting
    assert totals.nearest_open(11) == 7


def test_what_never_ends_is_forgotten_and_counted() -> None:
    book = small(open_spans=10)
    for number in range(1000, 1100):
        end(book, span(number, number + 10_000, CALL))
    assert 70 < book.counters["evicted"] < 100
    assert book.counters["own"] == 100


def test_a_fork_forgets_spans_and_keeps_counters() -> None:
    book = small(open_spans=1)
    end(book, span(2, 1, CALL))
    end(book, span(4, 3, CALL))
    end(book, span(6, None))
    end(book, span(7, 6, CALL))
    counters = book.counters
    assert counters["own"] == 3 and counters["late"] == 1 and counters["evicted"]
    book.clear()
    assert end(book, span(1, None)) == {}
    assert book.counters == counters


def test_a_deep_trace_takes_one_step_a_span() -> None:
    book = small()
    end(book, span(2_000, 1_999, CALL))
    for number in range(1_999, 1, -1):
        assert end(book, span(number, number - 1))[names.LLM_SUBTREE_REQUESTS] == 1
    assert end(book, span(1, None))[names.LLM_TRACE_INPUT_TOKENS] == 3


def test_a_wide_trace_keeps_few_calls() -> None:
    book = small()
    for number in range(2, 3_002):
        end(book, span(number, 1, {**CALL, "gen_ai.response.id": str(number)}))
    held = book.descendants(1)
    assert held is not None and len(held.calls) <= 128 and held.count == 3_000
    assert end(book, span(1, None))[names.LLM_TRACE_REQUESTS] == 3_000


def test_a_remote_parent_is_not_waited_for() -> None:
    book = small()
    written = end(book, span(2, 1, CALL, is_local_root=True))
    assert written[names.LLM_TRACE_REQUESTS] == 1
    assert book.descendants(1) is None


def test_totals_are_not_written_when_switched_off_but_calls_are_still_counted_once() -> None:
    book = small(roll_up=False)
    end(book, span(3, 2, {**CALL, "gen_ai.response.id": "x"}))
    written = end(book, span(2, 1, {**CALL, "gen_ai.response.id": "x"}, scope_name="other"))
    assert written[names.LLM_COST_STATUS] == "duplicate"
    assert end(book, span(1, None)) == {}


def test_a_dear_call_written_before_leaves_totals_as_they_are() -> None:
    """Above 4.5 USD a double does not tell every femto-dollar: the sums of an earlier run stay."""
    own = {
        names.LLM_COST_STATUS: "priced",
        names.LLM_REQUEST_COST_USD: 1234567.1234567,
        names.LLM_INPUT_TOKENS: 1,
    }
    book = small()
    for number in (2, 3, 4):
        assert end(book, span(number, 1, own)) == {}
    sums = book.descendants(1)
    assert sums is not None
    before = math.nextafter(usd_float(sums.femto), math.inf)
    written = end(book, span(1, None, {names.LLM_TRACE_COST_USD: before}))
    assert written[names.LLM_TRACE_COST_USD] == before
    assert written[names.LLM_SUBTREE_COST_USD] != before


def test_recent_keeps_the_last_and_forgets_whole_generations() -> None:
    seen: GenerationalCache[int, int] = GenerationalCache(4)
    for number in range(20):
        seen.set(number, number)
        assert all(seen.get(kept) == kept for kept in range(max(0, number - 3), number + 1))
        assert len(seen) <= 8
    assert seen.evicted == 20 - len(seen)
    assert seen.pop(19) == 19 and seen.get(19) is None and 19 not in seen


def test_threads_that_find_the_memory_full_at_a_time_turn_it_once() -> None:
    """The one that comes second must not drop what was held a moment ago."""
    seen: GenerationalCache[int, int] = GenerationalCache(4)
    for number in range(4):
        seen.set(number, number)
    seen.turn()
    assert all(number in seen for number in range(4))
