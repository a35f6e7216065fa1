# SPDX-License-Identifier: Apache-2.0
"""What stands before a call is sent: the guards, the admission, and the span of a call that one of them stops."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from spancost.capture.attributes import of_host
from spancost.capture.bounds import BOUND, SIZE
from spancost.capture.diagnostics import Counts
from spancost.capture.existing_span import EMBEDDINGS, SpanAdoption
from spancost.capture.kinds import UNKNOWN
from spancost.capture.stop_boundary import raised
from spancost.control.guards import CallRequest, CallStopped, Change, Guards, Meter
from spancost.core import semconv
from spancost.core.wire.match import Target

ERROR_TYPE = "error.type"
SPAN_NAME = "llm.request"
_CALL = "call"
_numbers = itertools.count(1)


class Entered(NamedTuple):
    """A call that may be sent, and what is to be changed in its request."""

    asked: CallRequest
    change: Change | None


class Gate:
    """Asks the guards of one capture, then its admission. Only `CallStopped` is raised."""

    def __init__(self, guards: Guards, tracer: Tracer, claims: SpanAdoption, counts: Counts) -> None:
        self._guards = guards
        self._tracer = tracer
        self._claims = claims
        self._counts = counts

    @property
    def waits(self) -> bool:
        """Whether `enter` may wait for another process."""
        return self._guards.admission is not None and self._guards.admission.waits

    def enter(self, target: Target, host: str, facts: Mapping[str, Any], may_change: bool) -> Entered:
        """Return the request of a call and what is to be changed in it; a `CallStopped` goes through.

        What only fetches results, or the answers of a batch, was paid for before: it passes without admission. A
        request at an unknown path is seldom a call: no guard is asked.
        """
        asked = asked_of(target, host, facts)
        try:
            for (guard,) in () if target.kind == UNKNOWN else self._guards.before:
                try:
                    guard(asked)
                except CallStopped:
                    raise
                except Exception as error:
                    self._counts.fault("guard", error)
            admission = self._guards.admission
            if admission is None:
                return Entered(asked, None)
            if target.kind != _CALL or (target.shape is not None and target.shape.batch):
                return Entered(asked._replace(number=0), None)
            try:
                change = admission.admit(asked, may_change)
                if change is not None and change.model is not None:
                    asked = asked._replace(model=change.model)
                return Entered(asked, change)
            except CallStopped:
                raise
            except Exception as error:
                self._counts.fault("admission", error)
                return Entered(asked, None)
        except CallStopped as stop:
            self._counts.add("stopped")
            self._write(stop, asked)
            raise raised(stop) from None

    def meter(self, asked: CallRequest) -> Meter | None:
        """Return what watches the stream that answers a call."""
        admission = self._guards.admission
        return None if admission is None or not admission.cuts else admission.meter(asked)

    def leave(self, asked: CallRequest) -> None:
        """Take back the admission of a call that is not going to be watched."""
        if self._guards.admission is not None:
            try:
                self._guards.admission.release(asked)
            except Exception as error:
                self._counts.fault("admission", error)

    def _write(self, stop: CallStopped, asked: CallRequest) -> None:
        """Put what *stop* says on the span of the call: another instrumentation's, else one of ours."""
        if not stop.span_attributes:
            return
        try:
            outer = self._claims.claim(trace.get_current_span(), asked.operation)
            if outer is not None:
                self._claims.release(outer)
                outer.set_attributes(dict(stop.span_attributes))
                return
            span = self._tracer.start_span(SPAN_NAME, kind=SpanKind.CLIENT, attributes=of_host(asked.host))
            span.set_attributes(dict(stop.span_attributes))
            if asked.provider:
                span.set_attribute(semconv.LLM_PROVIDER, asked.provider)
            if asked.model:
                span.set_attribute(semconv.LLM_REQUEST_MODEL, asked.model)
            span.set_attribute(ERROR_TYPE, type(stop).__qualname__)
            span.set_status(Status(StatusCode.ERROR, str(stop)))
            span.end()
        except Exception as error:
            self._counts.fault("stopped_span", error)


def asked_of(target: Target, host: str, facts: Mapping[str, Any]) -> CallRequest:
    """Return the request that goes to *target* with the facts of its body."""
    size, encoded, images = facts.get(SIZE) or (0, 0, 0)
    return CallRequest(
        target.provider,
        target.path.get("model") or facts.get("model"),
        target.operation,
        host,
        size,
        encoded,
        images,
        0 if target.operation == EMBEDDINGS else facts.get(BOUND),
        next(_numbers),
    )


def was_sent(error: BaseException) -> bool:
    """Tell whether a request may have reached the provider before *error*: a connection that failed sends nothing."""
    return not any("Connect" in kind.__name__ or "Pool" in kind.__name__ for kind in type(error).__mro__)
