# SPDX-License-Identifier: Apache-2.0
"""Reading SDK spans and writing on them. What the SDK calls private is touched here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from spancost.core.span import AttributeValue, Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


_span = partial(tuple.__new__, Span)  # a third of the time of Span(...)

TRACE_ID, SPAN_ID, IS_REMOTE = 0, 1, 2
"""Places in `SpanContext`, which is a tuple: its properties of these names take four times as long."""


class Reader:
    """Makes core spans of SDK spans. Scopes and resources are few and shared, so the last of each is kept as read."""

    __slots__ = ("_resource", "_scope")

    def __init__(self) -> None:
        self._scope: tuple[object, str, str] = (self, "", "")
        self._resource: tuple[object, dict[str, Any] | None] = (self, None)

    def read(self, span: ReadableSpan, attributes: Mapping[str, Any], end_ns: int) -> Span:
        """Return *span* as the core sees it; *attributes* are its attributes, *end_ns* the end if it has none yet."""
        context: Any = span.context
        parent: Any = span.parent
        scope = span.instrumentation_scope
        known = self._scope
        if known[0] is not scope:
            known = (scope, (scope.name or "") if scope else "", (scope.version or "") if scope else "")
            self._scope = known
        resource = span.resource
        about = self._resource
        if about[0] is not resource:
            about = self._resource = (resource, dict(resource.attributes) if resource is not None else None)
        return _span(
            (
                context[TRACE_ID],
                context[SPAN_ID],
                None if parent is None else parent[SPAN_ID],
                parent is None or parent[IS_REMOTE],
                span.start_time or end_ns,
                span.end_time or end_ns,
                known[1],
                known[2],
                span.name,
                attributes,
                span.status.status_code is StatusCode.ERROR,
                about[1],
            )
        )


def held(span: Any) -> dict[str, Any] | None:
    """Return the dictionary that holds the attributes of *span*, None when this SDK keeps them otherwise.

    Through `span.attributes` they take three times as long (0.8 µs for seven), on every span that is no model call.
    """
    try:
        attributes: dict[str, Any] = span._attributes._dict
    except AttributeError:
        return None
    return attributes


def write(span: Any, new: Mapping[str, AttributeValue]) -> None:
    """Put *new* on *span*, ended or not, without pushing out attributes that are there.

    A recording span with room takes them by `set_attributes`. Otherwise they go into the span's own dictionary: an
    ended span refuses attributes while `_on_ending` runs (SDK 1.40 to 1.45), and a span at its attribute limit
    evicts its oldest attribute, which is usually the model's name, for each new one.
    """
    own = held(span)
    is_recording = getattr(span, "is_recording", None)
    if is_recording is not None and is_recording():
        limit = getattr(getattr(span, "_attributes", None), "maxlen", None)
        if limit is None or len(span.attributes) + len(new) <= limit:
            span.set_attributes(new)
            return
    if own is not None:
        own.update(new)
    else:
        span._attributes = {**(span.attributes or {}), **new}
