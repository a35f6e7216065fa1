# SPDX-License-Identifier: Apache-2.0
"""`enrich` gives the records of the calls in hand: each counted call once, in agreement with what it writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spancost.config import data
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.record import CallRecord
from spancost.store.enrich import enrich
from spancost.store.otlp_json import carried_spans
from tests.core.ledgers import ledger, request_of
from tests.core.vectors import cases

PRICE = {"input": 1, "output": 10, "unknown": []}
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 10,
}
VECTORS = [
    case for folder in ("counting", "rollup") for case in cases(folder, {"describes", "price", "spans", "expected"})
]


def span(number: int, parent: int, attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    end = 100 - number
    return {
        "trace": 1,
        "span": number,
        "parent": parent,
        "scope": "s",
        "start": number,
        "end": end,
        "attributes": attributes,
        **more,
    }


def records_of(request: dict[str, Any]) -> list[CallRecord]:
    made = Ledger(data.default_dialects(), data.default_pricer(), LedgerOptions(join_services=True, records=True))
    return enrich(list(carried_spans(request)), made)


def test_the_outcome_comes_from_the_nearest_span_above() -> None:
    """The root's, or the step's."""
    request = request_of(
        [
            span(1, 0, {"app.outcome": "failure"}),
            span(2, 1, {"app.outcome": "success"}),
            span(3, 2, CHAT),
            span(4, 1, {**CHAT, "gen_ai.usage.input_tokens": 7, "session.id": "s1"}),
        ]
    )
    found = {record.span_id: record for record in records_of(request)}
    assert {number: record.outcome for number, record in found.items()} == {3: "success", 4: "failure"}
    assert {number: record.session_id for number, record in found.items()} == {3: f"{1:032x}", 4: "s1"}
    assert all(record.service == "app" for record in found.values())


@pytest.mark.parametrize("case", [case for _, case in VECTORS], ids=[name for name, _ in VECTORS])
def test_records_add_up_to_what_is_written(case: dict[str, Any]) -> None:
    """Every vector of counting and roll-up: the calls on roots are the records, and a second run says the same."""
    request = request_of(case["spans"])
    book = ledger(case["price"])
    book.makes_records = True
    found = enrich(list(carried_spans(request)), book)
    roots = requests_on_roots(request)
    assert len(found) == roots or roots is None
    again = ledger(case["price"])
    again.makes_records = True
    read_back = enrich(list(carried_spans(json.loads(json.dumps(request)))), again)
    assert sorted((one.span_id, one.cost_femto or 0) for one in read_back) == sorted(
        (one.span_id, one.cost_femto or 0) for one in found
    )


def requests_on_roots(request: dict[str, Any]) -> int | None:
    """Return the sum of `llm.trace_requests` over spans without a parent in hand; None when a parent is missing."""
    all_spans = [s for r in request["resourceSpans"] for sc in r["scopeSpans"] for s in sc["spans"]]
    ids = {(each["traceId"], each["spanId"]) for each in all_spans}
    total = 0
    for each in {(one["traceId"], one["spanId"]): one for one in all_spans}.values():
        parent = each.get("parentSpanId")
        if parent and (each["traceId"], parent) in ids:
            continue
        for attribute in each["attributes"]:
            if attribute["key"] == "llm.trace_requests":
                total += int(attribute["value"]["intValue"])
    return total
