# SPDX-License-Identifier: Apache-2.0
"""Attempts that failed and used nothing. They are no calls: nothing counts them but the detectors."""

from __future__ import annotations

from spancost.core.call import NOT_BILLED, Call
from spancost.core.ledger.options import Reads
from spancost.core.ledger.recorder import PricedCall, Recorder
from spancost.core.reading import CALL
from spancost.core.record import CallRecord
from spancost.core.semconv import LLM_COST_STATUS
from spancost.core.span import Span


def failed_record(span: Span, reads: Reads, recorder: Recorder) -> CallRecord | None:
    """Return the record of an attempt that failed before anything was billed; None when *span* is none."""
    if not span.is_error or LLM_COST_STATUS in span.attributes:
        return None
    reading = reads.read(span)
    if reading is None or reading.usage or reading.kind != CALL or reads.may_be_billed(span, reading):
        return None
    duration_ns = span.end_ns - span.start_ns
    model = reading.model or reading.request_model or ""
    call = Call(reading.provider or "", model, {}, span.start_ns, operation=reading.operation, duration_ns=duration_ns)
    return recorder.record(PricedCall(call, 0, 0), span, {LLM_COST_STATUS: NOT_BILLED})
