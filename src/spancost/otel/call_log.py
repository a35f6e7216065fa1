# SPDX-License-Identifier: Apache-2.0
"""The event `llm.request`: one log record for each counted call, with what its span says of its cost."""

from __future__ import annotations

from opentelemetry._logs import LoggerProvider

from spancost.core import semconv
from spancost.core.money import bucket, nano, usd_float
from spancost.core.record import CallEvent, CallRecord
from spancost.core.span import AttributeValue
from spancost.otel.events import context_of_span, emit_event

REQUEST = "llm.request"
CORRECTION = "llm.request.correction"
"""Names of the events: a call, and a call that was told before and is not counted any more."""
SESSION_ID = "session.id"
ERROR_TYPE = "error.type"
_METERS = {
    "input_tokens": semconv.LLM_INPUT_TOKENS,
    "cache_read_tokens": semconv.LLM_CACHED_INPUT_TOKENS,
    "cache_write_tokens": semconv.LLM_CACHE_WRITE_INPUT_TOKENS,
    "output_tokens": semconv.LLM_OUTPUT_TOKENS,
    "reasoning_tokens": semconv.LLM_REASONING_OUTPUT_TOKENS,
}
_TEXTS = {
    semconv.LLM_PROVIDER: "provider",
    semconv.LLM_MODEL: "model",
    semconv.LLM_OPERATION: "operation",
    semconv.LLM_COST_STATUS: "status",
    semconv.LLM_COST_REASON: "reason",
    semconv.LLM_COST_SOURCE: "source",
    semconv.LLM_PRICING_VERSION: "pricing_version",
    semconv.LLM_RATE_ID: "rate_id",
    semconv.LLM_FINISH_REASON: "finish_reason",
    semconv.LLM_SERVICE_TIER: "tier",
    semconv.APP_PROMPT_NAME: "prompt_name",
    semconv.APP_PROMPT_VERSION: "prompt_version",
    semconv.APP_OUTCOME: "outcome",
    SESSION_ID: "session_id",
    ERROR_TYPE: "error",
}


def emit_call(event: CallEvent, logger_provider: LoggerProvider | None = None) -> None:
    """Emit a record or a correction as an event in the context of its span, at the time when the call ended.

    logger_provider: the global one when None.
    """
    name, record = (REQUEST, event) if isinstance(event, CallRecord) else (CORRECTION, event.record)
    attributes = attributes_of(record)
    if not isinstance(event, CallRecord):
        attributes[semconv.LLM_DUPLICATE_OF] = f"{event.counted_on:016x}"
    context = context_of_span(record.trace_id, record.span_id)
    ended_ns = record.start_ns + record.duration_ns
    emit_event(name, attributes, context, timestamp_ns=ended_ns, logger_provider=logger_provider)


def attributes_of(record: CallRecord) -> dict[str, AttributeValue]:
    """Return a record as attributes, by the names and types of its span."""
    found: dict[str, AttributeValue] = dict(record.tags)
    for name, field in _TEXTS.items():
        value = getattr(record, field)
        if value is not None:
            found[name] = value
    usage = record.usage
    found.update((name, int(usage[meter])) for meter, name in _METERS.items() if meter in usage)
    if "input_tokens" in usage or "output_tokens" in usage:
        found[semconv.LLM_TOTAL_TOKENS] = int(usage.get("input_tokens", 0) + usage.get("output_tokens", 0))
    if record.cost_femto is not None:
        found[semconv.LLM_REQUEST_COST_USD] = usd_float(record.cost_femto)
        found[semconv.LLM_REQUEST_COST_NANOUSD] = nano(record.cost_femto)
        found[semconv.LLM_COST_BUCKET] = bucket(record.cost_femto)
    if record.list_cost_femto not in (None, record.cost_femto):
        found[semconv.LLM_LIST_COST_USD] = usd_float(record.list_cost_femto)
    if record.time_to_first_token_ns is not None:
        found[semconv.LLM_TIME_TO_FIRST_TOKEN_SECONDS] = record.time_to_first_token_ns / 10**9
    return found
