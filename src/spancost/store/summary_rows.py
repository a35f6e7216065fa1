# SPDX-License-Identifier: Apache-2.0
"""Rows of the tables of traces and of spans above calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from spancost.core.call import PARTIAL, UNPRICED
from spancost.core.money import usd_text
from spancost.core.record import CallRecord
from spancost.core.semconv import APP_OUTCOME
from spancost.core.span import Span
from spancost.store.rows import Row
from spancost.store.span_facts import SCORE_NAME, SCORE_PREFIX, SCORE_VALUE

_DOUBTFUL = (PARTIAL, UNPRICED)


def trace_row(
    trace: int, calls: Sequence[CallRecord], above: Sequence[Span], spans: int, scores: Mapping[str, float]
) -> Row:
    """Return the row of a trace: its counted calls, the spans above them, the number of all its spans, its scores."""
    root = min((span for span in above if span.parent_id is None), key=lambda span: span.start_ns, default=None)
    first = min(calls, key=lambda call: (call.start_ns, call.span_id))
    start = first.start_ns if root is None else root.start_ns
    end = max(call.start_ns + call.duration_ns for call in calls) if root is None else root.end_ns
    femto, priced, unpriced, doubtful, tokens, output = 0, 0, 0, 0, 0, 0
    for call in calls:
        if call.cost_femto is not None:
            femto += call.cost_femto
            priced += 1
        unpriced += call.status == UNPRICED
        doubtful += call.status in _DOUBTFUL
        tokens += int(call.usage.get("input_tokens", 0))
        output += int(call.usage.get("output_tokens", 0))
    root_call = next((call for call in calls if call.parent_id is None), None)
    root_id = root.span_id if root is not None else root_call.span_id if root_call is not None else None
    return {
        "trace_id": f"{trace:032x}",
        "root_id": None if root_id is None else f"{root_id:016x}",
        "name": None if root is None else root.name,
        "service": first.service if root is None else service_in(root),
        "session_id": first.session_id,
        "started_at": start,
        "duration_ns": max(0, end - start),
        "spans": spans,
        "calls": len(calls),
        "unpriced_calls": unpriced,
        "cost_usd": usd_text(femto) if priced else None,
        "input_tokens": tokens,
        "output_tokens": output,
        "complete": not doubtful,
        "outcome": _outcome(root, above, calls),
        "scores": dict(scores),
    }


def _outcome(root: Span | None, above: Sequence[Span], calls: Sequence[CallRecord]) -> str | None:
    """Return the outcome of the root, else of the longest span above calls that has one, else of the last call."""
    spans = sorted(above, key=lambda span: (span is not root, span.start_ns - span.end_ns, span.span_id))
    found = (span.attributes.get(APP_OUTCOME) for span in spans)
    of_calls = (call.outcome for call in sorted(calls, key=lambda call: -call.start_ns))
    return next((value for value in (*found, *of_calls) if isinstance(value, str) and value), None)


def service_in(span: Span) -> str | None:
    """Return the service of a span, None when its resource names none."""
    name = (span.resource or {}).get("service.name")
    return name if isinstance(name, str) and name else None


def span_row(span: Span) -> Row:
    """Return the row of a span above calls."""
    return {
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id:016x}",
        "parent_id": None if span.parent_id is None else f"{span.parent_id:016x}",
        "name": span.name,
        "service": service_in(span),
        "started_at": span.start_ns,
        "duration_ns": max(0, span.end_ns - span.start_ns),
    }


def scores_of(attributes: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    """Yield the evaluation scores among the attributes of a span, by name."""
    for key, value in attributes.items():
        if key.startswith(SCORE_PREFIX) and is_number(value):
            yield key.removeprefix(SCORE_PREFIX), float(value)  # type: ignore[arg-type]
    value = attributes.get(SCORE_VALUE)
    if is_number(value):
        name = attributes.get(SCORE_NAME)
        yield name if isinstance(name, str) else "score", float(value)  # type: ignore[arg-type]


def is_score(key: str) -> bool:
    """Return whether an attribute holds a score."""
    return key == SCORE_VALUE or key.startswith(SCORE_PREFIX)


def is_number(value: object) -> bool:
    """Return whether a value is a finite number and no boolean."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
