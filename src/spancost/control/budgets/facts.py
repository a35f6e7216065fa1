# SPDX-License-Identifier: Apache-2.0
"""What budgets know of a call: its request, and the tags, trace and session of the context it is made in."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry import trace

from spancost.control.guards import CallRequest
from spancost.core.budget.estimate import input_tokens
from spancost.core.budget.limit import CallFacts
from spancost.otel.attribution import tags

SESSION_KEYS = (
    "gen_ai.conversation.id",
    "session.id",
    "langfuse.session.id",
    "traceloop.association.properties.session_id",
    "gen_ai.agent.session.id",
)
"""Attributes of the current span that name a session, the first first."""
_TAG = "app."


def facts_of(request: CallRequest) -> CallFacts:
    """Return the facts of a call that is about to be sent from here.

    Tags are those of `attribution` over those on the current span.
    """
    values: dict[str, str] = {"host": request.host}
    if request.provider:
        values["provider"] = request.provider
    if request.model:
        values["model"] = request.model
    if request.operation:
        values["operation"] = request.operation
    trace_id, session = context_of(values)
    tokens = input_tokens(request.size, request.encoded, request.images)
    return CallFacts(values, trace_id, session, tokens, request.output_bound)


def context_of(values: dict[str, str]) -> tuple[str | None, str | None]:
    """Add the tags in force here to *values*; return the ids of the trace and the session, None outside any."""
    span = trace.get_current_span()
    context = span.get_span_context()
    session = None
    known: Mapping[str, object] = getattr(span, "attributes", None) or {}
    for key, value in known.items():
        if key.startswith(_TAG) and isinstance(value, str):
            values[key] = value
    for key in SESSION_KEYS:
        if isinstance(found := known.get(key), str) and found:
            session = found
            break
    values.update(tags())
    return (f"{context.trace_id:032x}" if context.trace_id else None), session
