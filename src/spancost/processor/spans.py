# SPDX-License-Identifier: Apache-2.0
"""Reading SDK spans and writing on them. `write` holds the only access to what the SDK calls private."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spancost.core.span import AttributeValue, Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


def read(span: ReadableSpan, attributes: Mapping[str, Any], end_ns: int) -> Span:
    """Return *span* as the core sees it; *attributes* are its attributes, *end_ns* the end when it has none yet."""
    context = span.context
    parent = span.parent
    scope = span.instrumentation_scope
    resource = span.resource
    return Span(
        context.trace_id,
        context.span_id,
        None if parent is None else parent.span_id,
        parent is None or parent.is_remote,
        span.start_time or end_ns,
        span.end_time or end_ns,
        (scope.name or "") if scope is not None else "",
        (scope.version or "") if scope is not None else "",
        span.name,
        attributes,
        not span.status.is_ok,
        resource.attributes if resource is not None else None,
    )


def write(span: Any, new: Mapping[str, AttributeValue]) -> None:
    """Put *new* on *span*, ended or not, without pushing out attributes that are there.

    A recording span with room takes them by `set_attributes`. Otherwise they go into the span's own dictionary: an
    ended span refuses attributes while `_on_ending` runs (SDK 1.40 to 1.45), and a span at its attribute limit
    evicts its oldest attribute, which is usually the model's name, for each new one.
    """
    bounded = getattr(span, "_attributes", None)
    is_recording = getattr(span, "is_recording", None)
    if is_recording is not None and is_recording():
        limit = getattr(bounded, "maxlen", None)
        if limit is None or len(span.attributes) + len(new) <= limit:
            span.set_attributes(new)
            return
    held = getattr(bounded, "_dict", None)
    if held is not None:
        held.update(new)
    else:
        span._attributes = {**(span.attributes or {}), **new}
