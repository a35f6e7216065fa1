# SPDX-License-Identifier: Apache-2.0
"""The record of a call: one for each counted call, with what its span says, and corrections when that changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.config import data
from spancost.core import semconv as names
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.record import CallRecord, Correction
from spancost.core.span import Span
from tests.core.test_plan_cache import call, spans

RESOURCE = {"service.name": "shop", "deployment.environment.name": "production"}
RECORDS = LedgerOptions(records=True)
NO_USAGE = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini", "gen_ai.operation.name": "chat"}


def recording() -> Ledger:
    return Ledger(data.default_dialects(), data.default_pricer(), RECORDS)


def record_of(attributes: Mapping[str, Any] | None = None, **more: Any) -> CallRecord:
    span = call(0, **(attributes or {}))._replace(resource=RESOURCE, **more)
    found = recording().end(span).record
    assert found is not None
    return found


def test_a_record_holds_what_the_span_says() -> None:
    """Identity, time, usage, money, provenance and attribution."""
    found = record_of(
        {
            "app.feature": "search",
            "app.prompt_name": "greeting",
            "app.prompt_version": "3",
            "gen_ai.conversation.id": "c1",
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.response.time_to_first_chunk": 0.25,
        }
    )
    assert (found.trace_id, found.span_id, found.parent_id, found.duration_ns) == (1, 100, 31, 1)
    assert (found.service, found.session_id, found.error, found.outcome) == ("shop", "c1", None, None)
    assert (found.provider, found.model, found.operation, found.tier) == ("openai", "gpt-4o-mini", "chat", None)
    assert found.usage == {"input_tokens": 1000, "output_tokens": 10}
    assert found.cost_femto == found.list_cost_femto == 1000 * 15 * 10**7 + 10 * 60 * 10**7
    assert (found.status, found.reason, found.source) == ("priced", None, "rate_card")
    assert found.pricing_version == data.default_pricer().version
    assert found.rate_id is not None and found.rate_id.startswith("openai/gpt-4o-mini@")
    assert found.tags == {
        "app.feature": "search",
        "app.prompt_name": "greeting",
        "app.prompt_version": "3",
        "app.environment": "production",
    }
    assert (found.prompt_name, found.prompt_version, found.finish_reason) == ("greeting", "3", "stop")
    assert found.time_to_first_token_ns == 250_000_000


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.conversation.id",
        "session.id",
        "langfuse.session.id",
        "traceloop.association.properties.session_id",
        "gen_ai.agent.session.id",
        "langsmith.metadata.session_id",
    ],
)
def test_the_session_is_the_first_key_that_names_one(key: str) -> None:
    """Else the trace stands for it; a value that names nothing is passed over."""
    assert record_of({key: "s"}).session_id == "s"
    assert record_of({"session.id": "b", "gen_ai.conversation.id": "a"}).session_id == "a"
    assert record_of({key: ""}).session_id == f"{1:032x}"


@pytest.mark.parametrize(
    ("span", "error"),
    [
        ({}, None),
        ({"is_error": True}, "_OTHER"),
        ({"is_error": True, "raised": "openai.APITimeoutError"}, "openai.APITimeoutError"),
    ],
)
def test_the_error_of_a_call_that_failed_after_it_was_billed(span: dict[str, Any], error: str | None) -> None:
    """`error.type` first, then the last exception."""
    assert record_of({}, **span).error == error
    assert record_of({"error.type": "timeout"}, **span).error == "timeout"


def test_nobody_asked_no_record() -> None:
    """A ledger makes records only when it is told to."""
    ledger = Ledger(data.default_dialects(), data.default_pricer())
    assert [ledger.end(call(number)).record for number in range(4)] == [None] * 4
    ledger.makes_records = True
    assert ledger.end(call(5)).record is not None


@settings(max_examples=100, deadline=None)
@given(spans())
def test_the_fast_path_makes_the_record_that_the_slow_path_makes(made: list[Span]) -> None:
    """Whatever the ledger has seen before."""
    seasoned, plain = recording(), recording()
    for span in (*made, *made):
        seasoned.end(span)
    seasoned.clear()
    for span in made:
        assert seasoned.end(span) == plain.process_uncached(span)


@settings(max_examples=100, deadline=None)
@given(spans(), st.lists(st.integers(0, 15), max_size=5))
def test_records_less_corrections_add_up_to_the_totals(made: list[Span], without_usage: list[int]) -> None:
    """Children first: what the root says is what a listener can add up, call by call."""
    once = {span.span_id: span for span in made}
    for number in without_usage:
        if number in once:
            kept = {key: value for key, value in once[number].attributes.items() if ".usage." not in key}
            once[number] = once[number]._replace(attributes={**kept, "gen_ai.operation.name": "chat"})
    ledger, held = recording(), Counter[str]()
    ordered = [
        span._replace(parent_id=above if (above := span.parent_id or 31) in once and above < span.span_id else 31)
        for span in sorted(once.values(), key=lambda span: -span.span_id)
    ]
    root: dict[str, Any] = {}
    for span in (*ordered, Span(1, 31, None, True, 0, 1, "", "", "root", {})):
        ended = ledger.end(span._replace(is_local_root=span.span_id == 31))
        for record, sign in [(ended.record, 1), *((one.record, -1) for one in ended.corrections)]:
            if record is not None:
                held["requests"] += sign
                held["femto"] += sign * (record.cost_femto or 0)
                held["unpriced"] += sign * (record.cost_femto is None)
        root = ended.writes
    assert held["requests"] == root.get(names.LLM_TRACE_REQUESTS, 0)
    assert held["femto"] / 10**15 == root.get(names.LLM_TRACE_COST_USD, 0.0)
    assert held["unpriced"] == root.get(names.LLM_SUBTREE_UNPRICED_REQUESTS, 0)


def test_a_call_whose_usage_its_parent_reports_is_corrected() -> None:
    """A client's span without usage below a span of another emitter that has it."""
    ledger = recording()
    child = Span(1, 2, 1, False, 5, 9, "client", "", "chat", NO_USAGE)
    told = ledger.end(child).record
    assert told is not None and (told.status, told.reason) == ("unpriced", "no_usage")
    ended = ledger.end(call(0)._replace(span_id=1, parent_id=None, is_local_root=True))
    assert ended.corrections == (Correction(told, counted_on=1),)
    assert ended.record is not None and ended.record.span_id == 1


def test_a_parent_without_usage_whose_child_ends_later_is_corrected() -> None:
    """The child reports the usage of the same request."""
    ledger = recording()
    told = ledger.end(Span(1, 31, 1, False, 5, 9, "client", "", "chat", NO_USAGE)).record
    assert told is not None
    ended = ledger.end(call(0))
    assert ended.corrections == (Correction(told, counted_on=100),)
    assert ledger.end(call(1)).corrections == ()


def test_a_call_priced_before_has_the_record_of_its_attributes() -> None:
    """What a process wrote is read back, not priced again; a duplicate has none."""
    span = call(0)._replace(resource=RESOURCE)
    first = recording().end(span)
    again = recording().end(span._replace(attributes={**span.attributes, **first.writes}))
    assert again.record == first.record
    assert again.writes == {}
    other = {**span.attributes, names.LLM_COST_STATUS: "duplicate"}
    assert recording().end(span._replace(attributes=other)).record is None
    odd = {**span.attributes, names.LLM_COST_STATUS: "priced", names.LLM_RATE_ID: 3, names.LLM_REQUEST_COST_USD: "x"}
    found = recording().end(span._replace(attributes=odd)).record
    assert found is not None and (found.rate_id, found.cost_femto) == (None, None)
