# SPDX-License-Identifier: Apache-2.0
"""The setting `attributes`: what is written on the span of a call; records, metrics and later runs lose nothing."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spancost import LLMCostProcessor
from spancost.config.settings import SettingsError
from spancost.core import semconv
from spancost.core.record import CallRecord

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.cache_read.input_tokens": 0,
    "gen_ai.usage.output_tokens": 100,
}
LEFT_OUT = {
    *("llm.total_tokens", "llm.cost_bucket", "llm.finish_reason", "llm.cached_input_tokens"),
    *("llm.operation", "llm.request_id", "llm.cost_source"),
}


def _end_calls(*attributes: str) -> tuple[list[dict[str, Any]], list[CallRecord]]:
    """Return what three equal calls carry at the exporter, and their records."""
    records: list[CallRecord] = []
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    arguments: dict[str, Any] = {"attributes": attributes} if attributes else {}
    processor = LLMCostProcessor(on_call=[records.append], metrics=False, **arguments)
    provider.add_span_processor(processor)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("opentelemetry.instrumentation.openai_v2")
    for number in range(3):
        with tracer.start_as_current_span("chat", attributes={**CALL, "gen_ai.response.id": f"chatcmpl-{number}"}):
            pass
    processor.force_flush()
    provider.shutdown()
    return [dict(span.attributes or {}) for span in exporter.get_finished_spans()], records


def _of_call(attributes: dict[str, Any]) -> set[str]:
    return {key for key in attributes if key in semconv.FULL_ATTRIBUTES}


def _without_ids(record: CallRecord) -> CallRecord:
    return record._replace(trace_id="", span_id=0, start_ns=0, duration_ns=0, session_id="")


def test_the_default_is_full() -> None:
    """What users and their queries have had so far stays."""
    found, _ = _end_calls()
    assert {*LEFT_OUT, "llm.request_cost_usd"} <= _of_call(found[-1])
    assert _of_call(_end_calls("full")[0][-1]) == _of_call(found[-1])


def test_standard_leaves_out_what_follows_from_the_rest() -> None:
    """Both the first span and those that a plan reads."""
    full, standard = _end_calls("full")[0], _end_calls("standard")[0]
    for all_of, some in zip(full, standard, strict=True):
        assert _of_call(all_of) - _of_call(some) == LEFT_OUT
        assert some.items() <= all_of.items()


def test_lean_and_names() -> None:
    """Sets and names add up."""
    assert _of_call(_end_calls("lean")[0][-1]) == set(semconv.LEAN_ATTRIBUTES)
    assert _of_call(_end_calls("lean", "llm.model")[0][-1]) == {*semconv.LEAN_ATTRIBUTES, "llm.model"}


def test_totals_and_records_do_not_depend_on_it() -> None:
    """They come from the ledger."""
    full, records_full = _end_calls("full")
    lean, records_lean = _end_calls("lean")
    assert lean[-1]["llm.trace_cost_usd"] == full[-1]["llm.trace_cost_usd"]
    same = [
        record._replace(trace_id="", span_id=0, start_ns=0, duration_ns=0, session_id="") for record in records_full
    ]
    assert same == [
        record._replace(trace_id="", span_id=0, start_ns=0, duration_ns=0, session_id="") for record in records_lean
    ]


@pytest.mark.parametrize(("chosen", "word"), [(("llm.costs",), "llm.costs"), (("llm.model",), "llm.cost_status")])
def test_what_it_must_be(chosen: tuple[str, ...], word: str) -> None:
    """An unknown name, and a choice that hides that the span is priced."""
    with pytest.raises(SettingsError, match=word):
        LLMCostProcessor(attributes=chosen)
