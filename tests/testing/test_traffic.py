# SPDX-License-Identifier: Apache-2.0
"""The bill of traffic: nothing is lost in a crowd, whatever the ids, the order, the batches and who else reports."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.config import data
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.money import nano
from spancost.store.enrich import enrich
from spancost.store.otlp_json import carried_spans, plain
from spancost.testing.traffic import GENAI, IDS, OPENINFERENCE, OPENLLMETRY, Service, Traffic, traffic
from tests.core.vectors import VECTORS

SERVICES = st.builds(
    Service,
    name=st.sampled_from(("a", "b", "c", "d")),
    emitter=st.sampled_from((GENAI, OPENINFERENCE, OPENLLMETRY)),
    ids=st.sampled_from(IDS),
    rate=st.sampled_from((10, 50, 200)),
    calls=st.sampled_from((0, 1, 3)),
    tokens=st.sampled_from((((100, 10),), ((100, 10), (120, 10), (800, 200)))),
    retries=st.sampled_from((0.0, 0.2)),
    redelivered=st.sampled_from((0.0, 0.2)),
    has_instance=st.booleans(),
)


def several(services: st.SearchStrategy[Service]) -> st.SearchStrategy[list[Service]]:
    return st.lists(services, min_size=1, max_size=4, unique_by=lambda service: service.name)


class Sum(NamedTuple):
    """What spans cost together and roots have as totals, each once; how many roots say that they lack something."""

    cost: int
    totals: int
    incomplete: int
    counts: Counter[str]


def summed(requests: Iterable[dict[str, Any]]) -> Sum:
    costs: dict[tuple[str, str], int] = {}
    totals: dict[tuple[str, str], int] = {}
    incomplete = 0
    for request in requests:
        for resource in request["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    key = (span["traceId"], span["spanId"])
                    has = {entry["key"]: plain(entry["value"]) for entry in span["attributes"]}
                    costs[key] = has.get("llm.request_cost_nanousd", 0)
                    totals[key] = 0 if span["parentSpanId"] else has.get("llm.trace_cost_nanousd", 0)
                    incomplete += has.get("llm.trace_cost_complete") is False
    return Sum(sum(costs.values()), sum(totals.values()), incomplete, Counter())


def enriched(made: Traffic, size: int, order: random.Random | None = None) -> Sum:
    spans = list(made.spans)
    if order is not None:
        order.shuffle(spans)
    requests = copy.deepcopy(list(made.requests(size, spans)))
    ledger = Ledger(data.default_dialects(), data.default_pricer(), LedgerOptions(join_services=True))
    enrich([carried for request in requests for carried in carried_spans(request)], ledger)
    return summed(requests)._replace(counts=Counter(ledger.counters))


def bill(made: Traffic) -> int:
    costs = [data.default_pricer().price(call).femto for call in made.billed]
    return sum(nano(cost or 0) for cost in costs)


def ended_in_process(made: Traffic) -> int:
    """Return what spans cost that end one after the other, each service in a process with a ledger of its own."""
    ledgers: dict[str, Ledger] = {}
    found = {}
    for request in made.requests(1):
        for carried in carried_spans(request):
            options = LedgerOptions(one_process=True)
            book = ledgers.setdefault(carried.service, Ledger(data.default_dialects(), data.default_pricer(), options))
            key = (carried.span.trace_id, carried.span.span_id)
            if key not in found:
                found[key] = book.end(carried.span).writes.get("llm.request_cost_nanousd", 0)
    return sum(int(cost) for cost in found.values() if isinstance(cost, int))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1 << 30), several(SERVICES), st.sampled_from((1, 7, 1000)))
def test_without_second_reporters_the_sum_is_the_bill(seed: int, services: list[Service], size: int) -> None:
    made = traffic(seed, services, 24)
    found = enriched(made, size, random.Random(seed))
    assert found.cost == found.totals == bill(made)
    assert found.incomplete == 0
    assert ended_in_process(made) == bill(made)
    assert found.counts["duplicate"] == found.counts["aggregate"] == 0


@st.composite
def told_twice(draw: st.DrawFn) -> Service:
    """A service with a second reporter, whose calls are told apart: by the tree, by issued ids, or by data."""
    service = draw(SERVICES)
    reporter = draw(st.sampled_from(("ancestor", "sibling", "detached", "gateway")))
    emitter = OPENINFERENCE if service.emitter == OPENLLMETRY else service.emitter
    changed = service._replace(reporter=reporter, emitter=emitter, outer_id=True)
    return changed if reporter == "ancestor" else changed._replace(ids="issued", has_instance=True)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1 << 30), several(st.one_of(told_twice(), SERVICES)), st.sampled_from((1, 7, 1000)))
def test_with_them_it_is_the_bill_where_identity_is_told(seed: int, services: list[Service], size: int) -> None:
    made = traffic(seed, services, 24)
    found = enriched(made, size, random.Random(seed))
    assert found.cost == found.totals == bill(made)
    assert found.incomplete == 0


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 1 << 30),
    several(
        st.builds(
            Service._replace,
            SERVICES,
            reporter=st.sampled_from(("none", "ancestor", "sibling", "detached", "gateway")),
            outer_id=st.booleans(),
        )
    ),
)
def test_it_is_never_below_the_bill_in_silence(seed: int, services: list[Service]) -> None:
    made = traffic(seed, services, 24)
    found = enriched(made, 1000)
    assert found.cost >= bill(made) or found.incomplete
    shuffled = enriched(made, 3, random.Random(seed))
    assert (found.cost, found.totals, found.counts) == (shuffled.cost, shuffled.totals, shuffled.counts)


MIXES: dict[str, list[Service]] = {
    "two_services_without_ids": [
        Service("a", ids="none", rate=200, calls=0),
        Service("b", OPENINFERENCE, ids="none", rate=200, calls=3, redelivered=0.1),
    ],
    "ids_that_repeat": [
        Service("a", ids="small", rate=50),
        Service("b", ids="placeholder", rate=50, retries=0.1),
        Service("c", ids="of_request", rate=50, redelivered=0.1),
        Service("d", OPENINFERENCE, ids="uuid_of_request", rate=50),
    ],
    "second_reporters": [
        Service("a", reporter="ancestor", rate=50),
        Service("b", reporter="detached", rate=200),
        Service("c", reporter="gateway", rate=50, calls=0),
        Service("d", reporter="sibling", rate=50),
    ],
    "all_at_once": [
        Service("a", ids="none", rate=200),
        Service("b", OPENLLMETRY, ids="issued", rate=50, retries=0.2),
        Service("c", ids="small", reporter="ancestor", rate=200, redelivered=0.2),
        Service("d", OPENINFERENCE, reporter="gateway", rate=10, calls=0),
    ],
}


def golden(name: str) -> str:
    """Return a mix as a file: one line that tells the bill in nano-dollars, then a request a line."""
    made = traffic(1, MIXES[name], 8)
    lines = [{"describes": name, "bill_nanousd": bill(made)}, *made.requests(20)]
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


@pytest.mark.parametrize("name", MIXES)
def test_the_files_that_other_languages_read_are_what_the_generator_makes(name: str) -> None:
    text = (VECTORS / "traffic" / f"{name}.jsonl").read_text(encoding="utf-8")
    assert text == golden(name)


@pytest.mark.parametrize("name", MIXES)
def test_the_mixes_cost_what_is_billed(name: str) -> None:
    made = traffic(1, MIXES[name], 8)
    assert enriched(made, 20).cost == bill(made)


def test_what_is_decided_against_a_call_is_counted_by_reason() -> None:
    counts = enriched(traffic(1, MIXES["second_reporters"], 24), 20).counts
    reasons = ("same_response_id", "repeats_call_beneath", "same_call_elsewhere", "same_tokens_elsewhere")
    assert sum(counts[reason] for reason in reasons) == counts["duplicate"] > 0
    reused = [Service("a", ids="uuid_of_request", calls=9, tokens=((100, 10), (110, 10)))]
    assert enriched(traffic(1, reused, 45), 20).counts["response_ids_reused"] > 0
