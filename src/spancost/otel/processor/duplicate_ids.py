# SPDX-License-Identifier: Apache-2.0
"""Span ids that repeat: Python's `random.seed` makes the SDK give the same ids again (opentelemetry-python #4376).

Such spans are distinguished by their trace too. That starts when it is needed, because it costs every span time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spancost.otel.processor.sdk_access import SPAN_ID, TRACE_ID

ID_BITS = 64
SPAN_IDS = (1 << ID_BITS) - 1


def unique(context: Any, span_id: int | None) -> tuple[int, int | None]:
    """Return the id of the span of *context*, and *span_id* of its trace, as no other trace has them."""
    trace = context[TRACE_ID] << ID_BITS
    return trace | context[SPAN_ID], None if span_id is None else trace | span_id


def as_on_spans(nearest_open: Callable[[int], int | None], context: Any) -> Callable[[int], int | None]:
    """Return *nearest_open* of a ledger for ids as they stand on the spans of the trace of *context*."""

    def nearest(span_id: int) -> int | None:
        found = nearest_open(context[TRACE_ID] << ID_BITS | span_id)
        return None if found is None else found & SPAN_IDS

    return nearest
