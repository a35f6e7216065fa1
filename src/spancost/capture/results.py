# SPDX-License-Identifier: Apache-2.0
"""Calls the guards after a call with its record, which is made of its span: the guard and the span agree."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, StatusCode

from spancost.capture.attributes import Attributes, of_host
from spancost.capture.diagnostics import Counts
from spancost.capture.gate import ERROR_TYPE
from spancost.control.guards import CallRequest, CallResult, Guards
from spancost.core.dialect.dialects import Dialects
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.ledger.reading_pricer import Prices
from spancost.core.record import CallRecord
from spancost.core.span import Span as CoreSpan
from spancost.otel import attribution
from spancost.otel.processor.wrap_end import call_after_end
from spancost.otel.registry import PROCESS

_ONE_SPAN = LedgerOptions(roll_up=False, one_process=True, records=True, open_spans=1, closed_spans=1, recent_calls=1)


class SentCall(NamedTuple):
    """A call of which guards are to hear: its request, when it was sent, and the attributes that its answer gave.

    context: what was current when it was sent, for a span that the sampler dropped. is_lost: it may have been billed.
    error: its type when the call failed.
    """

    request: CallRequest
    started_ns: int
    attributes: Attributes
    context: Context
    is_lost: bool = False
    error: str | None = None


class Results:
    """Calls the guards of one capture after each call. Nothing here raises.

    A span that a processor has finished says what the call costs. Where there is none, the span is priced here by the
    same ledger, alone.
    """

    def __init__(
        self,
        guards: Guards,
        dialects: Dialects,
        pricer: Prices,
        counts: Counts,
        resource: Callable[[], Any] = lambda: None,
    ) -> None:
        self._guards = guards
        self._dialects = dialects
        self._pricer = pricer
        self._counts = counts
        self._resource = resource

    def hand_over(self, sent: SentCall, span: Span | None, *, is_ours: bool) -> None:
        """Call the guards with the record of *span*: now when it has ended (*is_ours*), else when it ends.

        A span that the sampler dropped reaches no processor, so its call is counted here. None: the call is not
        counted.
        """
        is_counted, record = (False, None) if span is None else self.count_unsampled(sent, span)
        if is_counted:
            self._call(CallResult(sent.request, record, sent.is_lost))
            return
        if not self._guards.hears_results:
            return
        if span is None:
            self._call(CallResult(sent.request, None, sent.is_lost))
        elif is_ours or not call_after_end(span, lambda ended: self._hand_over_ended(sent, ended)):
            self._hand_over_ended(sent, span)

    def count_unsampled(self, sent: SentCall, span: Span) -> tuple[bool, CallRecord | None]:
        """Have the call of *span* counted if the sampler dropped it; return whether it did, and the call's record."""
        try:
            if not PROCESS.has_members or getattr(span, "attributes", None) is not None:
                return False, None
            return True, PROCESS.count(_core_span(sent, span, self._resource()))
        except Exception as error:
            self._counts.fault("count", error)
            return False, None

    def _hand_over_ended(self, sent: SentCall, span: Span) -> None:
        try:
            record = self._record(sent, span)
        except Exception as error:
            self._counts.fault("record", error)
            record = None
        self._call(CallResult(sent.request, record, sent.is_lost))

    def _call(self, result: CallResult) -> None:
        admission = self._guards.admission
        if admission is not None:
            try:
                admission.settle(result)
            except Exception as error:
                self._counts.fault("settle", error)
        for (guard,) in self._guards.after:
            try:
                guard(result)
            except Exception as error:
                self._counts.fault("guard", error)

    def _record(self, sent: SentCall, span: Span) -> CallRecord | None:
        return Ledger(self._dialects, self._pricer, _ONE_SPAN).process_uncached(_core_span(sent, span)).record


def _core_span(sent: SentCall, span: Any, resource: Any = None) -> CoreSpan:
    """Return *span* as the core sees it; one that was sampled out has no attributes but those of the answer."""
    context, parent = span.get_span_context(), getattr(span, "parent", None)
    scope, resource = getattr(span, "instrumentation_scope", None), getattr(span, "resource", resource)
    known = getattr(span, "attributes", None)
    is_error = known is not None and span.status.status_code is StatusCode.ERROR
    parent_id = None if parent is None else parent.span_id
    if known is None:
        known = {**attribution.tags(sent.context), **of_host(sent.request.host), **sent.attributes}
        if sent.error is not None:
            known[ERROR_TYPE], is_error = sent.error, True
        above = trace.get_current_span(sent.context).get_span_context()
        parent_id = above.span_id if above.is_valid else None
    return CoreSpan(
        context.trace_id,
        context.span_id,
        parent_id,
        parent is None or parent.is_remote,
        getattr(span, "start_time", None) or sent.started_ns,
        getattr(span, "end_time", None) or time.time_ns(),
        scope.name if scope else "",
        (scope.version or "") if scope else "",
        getattr(span, "name", ""),
        dict(known),
        is_error,
        None if resource is None else dict(resource.attributes),
        "python",
    )
