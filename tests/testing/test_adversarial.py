# SPDX-License-Identifier: Apache-2.0
"""Traffic made to be miscounted: the sum is the bill, or a trace is not complete; with identity it is the bill."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.config import data
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.store.otlp_json import carried_spans
from tests.core.vectors import VECTORS
from tests.testing.adversarial import Made, adversarial
from tests.testing.test_traffic import Sum, bill, enriched

SEEDS = st.integers(0, 1 << 40)
WORLDS = VECTORS / "miscounted" / "worlds.jsonl"


def in_process(made: Made) -> tuple[int, int]:
    """Return what the spans cost, and how many roots say that they lack something, when each process has a ledger."""
    ledgers: dict[str, Ledger] = {}
    costs: dict[tuple[int, int], int] = {}
    incomplete = 0
    for request in made.traffic.requests(1):
        for carried in carried_spans(request):
            key = (carried.span.trace_id, carried.span.span_id)
            if key in costs:
                continue
            options = LedgerOptions(one_process=True)
            book = ledgers.setdefault(carried.service, Ledger(data.default_dialects(), data.default_pricer(), options))
            written = book.end(carried.span).writes
            costs[key] = int(str(written.get("llm.request_cost_nanousd", 0)))
            incomplete += written.get("llm.trace_cost_complete") is False
    return sum(costs.values()), incomplete


def is_said_or_billed(made: Made, cost: int, incomplete: int) -> bool:
    return incomplete > 0 or (cost == bill(made.traffic) and not made.unknown)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_the_sum_is_the_bill_or_a_trace_is_not_complete(seed: int) -> None:
    made = adversarial(seed)
    found = enriched(made.traffic, 1000)
    assert is_said_or_billed(made, found.cost, found.incomplete), made.story
    assert found.totals == found.cost
    assert same(found, enriched(made.traffic, 3, random.Random(seed))), made.story


def same(one: Sum, other: Sum) -> bool:
    return (one.cost, one.totals, one.counts) == (other.cost, other.totals, other.counts)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_the_same_holds_in_process_where_spans_come_as_they_end(seed: int) -> None:
    """A client and its gateway are two processes, which both count the call: there the sum is not below the bill."""
    made = adversarial(seed)
    cost, incomplete = in_process(made)
    is_counted_twice = cost > bill(made.traffic) and made.has_gateway
    assert is_counted_twice or is_said_or_billed(made, cost, incomplete), made.story


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_where_every_span_shows_whose_call_it_is_the_sum_is_the_bill(seed: int) -> None:
    made = adversarial(seed, shows_identity=True)
    found = enriched(made.traffic, 7)
    assert (found.cost, found.incomplete) == (bill(made.traffic), 0), made.story
    assert made.has_gateway or in_process(made) == (bill(made.traffic), 0), made.story


def golden() -> str:
    """Return small worlds as a file: of each a line that tells the bill in nano-dollars, then its spans."""
    lines = []
    for seed in range(160):
        made = adversarial(seed, shows_identity=seed % 3 == 0)
        bill_nanousd = bill(made.traffic)
        told = {"seed": seed, "bill_nanousd": bill_nanousd, "unknown": made.unknown, "identity": seed % 3 == 0}
        lines += [told, *made.traffic.requests(10_000)] if len(made.traffic.spans) < 14 else []
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def test_the_file_that_other_languages_read_is_what_the_generator_makes() -> None:
    assert WORLDS.read_text(encoding="utf-8") == golden()
