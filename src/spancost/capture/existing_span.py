# SPDX-License-Identifier: Apache-2.0
"""Whether the span that is current when a request is sent is that call's already, made by another instrumentation."""

from __future__ import annotations

import threading
from typing import Any

from opentelemetry.trace import Span

from spancost.core.dialect.dialects import Dialects
from spancost.core.generational import GenerationalCache
from spancost.core.reading import CALL
from spancost.core.span import Span as SeenSpan

EMBEDDINGS = "embeddings"
_CLAIMS_KEPT = 8192


class SpanAdoption:
    """Spans of other instrumentations that carry what was captured; each is given to one call at a time."""

    def __init__(self, dialects: Dialects) -> None:
        self.dialects = dialects
        # A stream's finalizer may come here while its own thread holds the lock: the garbage collector runs anywhere.
        self._lock = threading.RLock()
        self._claimed: GenerationalCache[int, bool] = GenerationalCache(_CLAIMS_KEPT)

    def renew_lock(self) -> None:
        """Take a free lock: in a forked child, where another thread may hold the old one."""
        self._lock = threading.RLock()

    def claim(self, span: Span, operation: str | None) -> Span | None:
        """Return *span* when it stands for a call of this kind, reports no usage yet and no other call has it.

        Embeddings made while a chat's span is current are another call than the chat.
        """
        known = getattr(span, "attributes", None)
        if not known or not span.is_recording():
            return None
        if self.dialects.markers.isdisjoint(known) or not self._is_open_call(span, known, operation):
            return None
        span_id = span.get_span_context().span_id
        with self._lock:
            if self._claimed.get(span_id):
                return None
            self._claimed.set(span_id, True)
        return span

    def release(self, span: Span) -> None:
        """Let the next call have *span*."""
        with self._lock:
            self._claimed.set(span.get_span_context().span_id, False)

    def _is_open_call(self, span: Any, known: Any, operation: str | None) -> bool:
        context, scope = span.get_span_context(), getattr(span, "instrumentation_scope", None)
        reading = self.dialects.read(
            SeenSpan(
                context.trace_id,
                context.span_id,
                span.parent.span_id if span.parent else None,
                False,
                span.start_time or 0,
                span.start_time or 0,
                scope.name if scope else "",
                (scope.version or "") if scope else "",
                span.name,
                dict(known),
            )
        )
        if reading is None or reading.kind != CALL or reading.usage:
            return False
        return (reading.operation == EMBEDDINGS) == (operation == EMBEDDINGS)
