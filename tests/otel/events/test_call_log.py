# SPDX-License-Identifier: Apache-2.0
"""One event for each counted call says what its span says, also when the span is not exported."""

from __future__ import annotations

from typing import Any

from opentelemetry import _logs
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from spancost import LLMCostProcessor, attribution, record_all
from spancost.core.record import CallRecord, Correction
from spancost.otel.call_log import attributes_of, emit_call
from tests.otel.events.test_emit import Events, name_of
from tests.otel.processor.simple import Set, simple_ledger

NOT_ON_EVENTS = {"gen_ai.request.model", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"}


def logged(seen: Events, **options: Any) -> Set:
    """A provider whose calls are told to *seen*."""
    cost = LLMCostProcessor(ledger=simple_ledger(), events="calls", logger_provider=seen.provider)
    return Set(cost, **options)


def test_an_event_says_what_the_span_says() -> None:
    """By the same names and types, with the span's own ids; totals of the trace stay on the span."""
    seen = Events()
    calls = logged(seen)
    with attribution(feature="search"):
        calls.call(tokens=10, **{"gen_ai.usage.output_tokens": 4})
    calls.cost.force_flush()
    record, _ = seen.only()
    on_span = {
        key: value
        for key, value in calls.kept.of("call").items()
        if key not in NOT_ON_EVENTS and not key.startswith(("llm.trace_", "llm.subtree_"))
    }
    found = dict(record.attributes)
    found.pop("event.name", None)
    assert found.pop("session.id") == f"{record.trace_id:032x}"
    assert found == on_span
    assert name_of(record) == "llm.request"
    assert record.span_id != 0 and record.timestamp


def test_events_are_off_by_default_and_need_no_provider() -> None:
    """Without a logger provider a call costs a look at it."""
    assert not Set(LLMCostProcessor(ledger=simple_ledger())).cost._events.has_listeners
    assert _logs.get_logger_provider().__class__.__module__.startswith("opentelemetry._logs")
    calls = Set(LLMCostProcessor(ledger=simple_ledger(), events="calls"))
    calls.call()
    assert calls.cost.force_flush()


def test_calls_that_are_not_exported_have_events() -> None:
    """The events are the exact account of a sampled service."""
    seen = Events()
    calls = logged(seen, sampler=record_all(ALWAYS_OFF))
    for _ in range(3):
        calls.call()
    calls.cost.force_flush()
    assert not calls.kept.spans
    assert len(seen.exporter.get_finished_logs()) == 3


def record(**values: Any) -> CallRecord:
    fields: dict[str, Any] = dict.fromkeys(CallRecord._fields)
    return CallRecord(**{**fields, "trace_id": 1, "span_id": 2, "start_ns": 3, "duration_ns": 4, "tags": {}, **values})


def test_a_correction_is_an_event_of_its_own() -> None:
    """It names the span that carries the call now."""
    seen = Events()
    emit_call(Correction(record(usage={}, status="unpriced"), 0xAB), seen.provider)
    found, _ = seen.only()
    assert name_of(found) == "llm.request.correction"
    assert found.attributes["llm.duplicate_of"] == "00000000000000ab"
    assert (found.trace_id, found.span_id, found.timestamp) == (1, 2, 7)


def test_an_unknown_cost_is_absent() -> None:
    """Never 0."""
    found = attributes_of(record(usage={"input_tokens": 1}, status="unpriced", cost_femto=None))
    assert not [name for name in found if "usd" in name]
    assert found["llm.total_tokens"] == 1
