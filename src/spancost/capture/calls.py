# SPDX-License-Identifier: Apache-2.0
"""One captured call from its request to the last byte of its answer; what every driver shares, sync and async."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from opentelemetry import context, trace
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from opentelemetry.trace import NonRecordingSpan, Span, SpanKind, Status, StatusCode, Tracer

from spancost.capture import attributes
from spancost.capture.bounds import SIZE, size_of
from spancost.capture.decoding import Decoder
from spancost.capture.diagnostics import Counts
from spancost.capture.existing_span import SpanAdoption
from spancost.capture.gate import ERROR_TYPE, SPAN_NAME, Entered, Gate, was_sent
from spancost.capture.kinds import FOUND_AT_END, UNKNOWN, has_usage, holds_batch, is_watched
from spancost.capture.request import CHARACTERS, facts_of
from spancost.capture.results import Results, SentCall
from spancost.capture.seen import Seen
from spancost.capture.suppression import Suppression, is_suppressed
from spancost.control.guards import PROCESS, CallStopped, Guards
from spancost.core import semconv
from spancost.core.ledger.reading_pricer import Prices
from spancost.core.wire import reading as outcomes
from spancost.core.wire.match import Target, Wires
from spancost.core.wire.reader import UsageReader
from spancost.core.wire.reading import AdditionalUsage, WireReading

_PIECE = 64 << 10

Headers: TypeAlias = "Iterable[tuple[str, str] | tuple[bytes, bytes]]"
"""The headers of an answer as a library has them; looked at once."""


class Capture:
    """What all drivers share: wires, tracer, pricer, counters, and the providers that configuration names for hosts.

    estimates: tokens of a stream that the provider did not report are estimated by the length of the text.
    resource: returns the resource of spans that the sampler dropped, which have none.
    is_on: False lets every request pass, for replaced methods that others hold on to after `uninstrument()`.
    """

    def __init__(
        self,
        wires: Wires,
        tracer: Tracer,
        pricer: Prices,
        claims: SpanAdoption,
        *,
        providers: Mapping[str, str] | None = None,
        guards: Guards = PROCESS,
        estimates: bool = False,
        resource: Callable[[], Any] = lambda: None,
    ) -> None:
        self.wires = wires
        self.tracer = tracer
        self.claims = claims
        self.counts = Counts()
        self.guards = guards
        self.gate = Gate(guards, tracer, claims, self.counts)
        self.results = Results(guards, claims.dialects, pricer, self.counts, resource)
        self._providers = {host.lower(): provider for host, provider in (providers or {}).items()}
        self._named = {*self._providers, *(host.rpartition(":")[0] for host in self._providers)}
        self.estimates = estimates
        self.seen = Seen()
        self.is_on = True

    def is_unknown(self, host: str) -> bool:
        """Tell whether *host* (without a port) is nobody's whom we know."""
        return host not in self._named and self.wires.provider(host) is None

    def target(self, method: str, host: str, path: str, model: str | None = None) -> Target | None:
        """Return where a request goes when it is a model call, else None. Never raises."""
        try:
            if not self.is_on or is_suppressed.get() or not is_http_instrumentation_enabled():
                return None
            provider = self._providers.get(host)
            if provider is None and not self.wires.may_match(method, host, path):
                return None
            target = self.wires.match(method, host, path, model=model, provider=provider)
            return target if target is not None and is_watched(target, method) else None
        except Exception as error:
            self.counts.fault("match", error)
            return None

    def facts(self, body: bytes | None) -> dict[str, Any]:
        """Return the facts of a request's body; with `estimates` also how many characters it has, as CHARACTERS."""
        found = facts_of(body)
        admission = self.guards.admission
        if self.estimates or (admission is not None and admission.cuts):
            found[CHARACTERS] = self.wires.text.characters(body)
        if admission is not None and body:
            found[SIZE] = size_of(body)
        return found

    @property
    def reads_whole_requests(self) -> bool:
        """Whether the size of a request matters, so that a body that is not in bytes yet is put into them."""
        return self.estimates or self.guards.admission is not None

    def begin(
        self, target: Target, host: str, facts: Mapping[str, Any], *, may_change: bool = False
    ) -> CapturedCall | None:
        """Return a call that starts now; a `CallStopped` of a guard goes through, nothing else is raised.

        may_change: whether the driver puts the call's `change` into the request.
        """
        entered = self.gate.enter(target, host, facts, may_change)
        try:
            return CapturedCall(self, target, entered, facts)
        except Exception as error:
            self.counts.fault("begin", error)
            self.gate.leave(entered.asked)
            return None


class CapturedCall:
    """A call in flight. Every method may be called in any order and more than once, and none raises."""

    def __init__(self, capture: Capture, target: Target, entered: Entered, facts: Mapping[str, Any]) -> None:
        self._capture = capture
        self._target = target
        self._asked, self.change = entered
        self._facts = facts if self.change is None else {**facts, "model": self._asked.model}
        self._meter = capture.gate.meter(self._asked)
        self._estimates = capture.estimates or self._meter is not None
        self.stop: CallStopped | None = None
        self._started_ns = time.time_ns()
        self._clock = time.perf_counter()
        self._first: float | None = None
        self._is_stream = facts.get("stream") is True
        self._status = 0
        self._headers: Headers | None = None
        self._is_decoded = False
        self._reader: UsageReader | None = None
        self._decoder: Decoder | None = None
        self._is_over = False
        self._parent = context.get_current()
        self._outer: Span | None = None
        self._span: Span | None = None
        self._is_batch = holds_batch(target)
        self._batch_calls = 0
        if self._is_batch:
            return
        self._outer = capture.claims.claim(trace.get_current_span(self._parent), target.operation)
        # A poll is a call of its own only when it brings usage, which is known at its end.
        if self._outer is None and target.kind not in FOUND_AT_END:
            self._span = self._start(self._parent)

    def _start(self, parent: context.Context) -> Span:
        return self._capture.tracer.start_span(
            SPAN_NAME,
            context=parent,
            kind=SpanKind.CLIENT,
            attributes=attributes.of_host(self._asked.host),
            start_time=self._started_ns,
        )

    def sending(self) -> Suppression:
        """Return a context in which the call's span is current and requests within this request are not captured."""
        return Suppression(self._span)

    def answered(self, status: int, headers: Headers, *, is_decoded: bool = False) -> None:
        """Note status and headers of the answer; is_decoded: its bytes come without content encoding."""
        self._status = status
        self._headers = headers
        self._is_decoded = is_decoded

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body; the call is over when they hold its last event."""
        if self._is_over:
            return
        if self._first is None:
            self._first = time.perf_counter()
        try:
            reader = self._reader or self._open()
            if reader is None:
                return
            decoded = data if self._decoder is None else self._decoder.decode(data)
            if self._is_batch:
                self._feed_batch(reader, decoded)
            elif reader.feed(decoded):
                self.finish()
            elif self._meter is not None and self._is_stream and self.stop is None:
                self.stop = self._meter(reader.output_tokens)
        except Exception as error:
            self._capture.counts.fault("feed", error)

    def _feed_batch(self, reader: UsageReader, data: bytes) -> None:
        # A file that was read as a whole is looked at in pieces, so that few of its calls are held at a time.
        for at in range(0, len(data), _PIECE):
            reader.feed(data[at : at + _PIECE])
            self._write_batch(reader)

    def _write_batch(self, reader: UsageReader) -> None:
        """Make the spans of the calls that were read of a batch; one that was counted before has none."""
        for call in reader.take_calls():
            place, self._batch_calls = self._batch_calls, self._batch_calls + 1
            if not self._capture.seen.is_new_call(self._asked.host, self._target, place, call):
                self._capture.counts.add("batch_calls_read_again")
                continue
            self._capture.counts.add(f"calls_{call.reading.outcome}")
            found = attributes.of_reading(call.reading)
            span = self._start(self._parent)
            span.set_attributes(found)
            span.end()
            self._capture.results.hand_over(self._further(found, self._parent), span, is_ours=True)

    def _further(self, found: attributes.Attributes, parent: context.Context) -> SentCall:
        """Return what is counted of the request beside the call itself."""
        return SentCall(self._asked._replace(number=0), self._started_ns, found, parent)

    def _open(self) -> UsageReader | None:
        """Begin to read the answer, which is after its first bytes were handed on; None when there is no answer yet."""
        pairs, self._headers = self._headers, None
        if pairs is None:
            return None
        headers = {_text(name).lower(): _text(value) for name, value in pairs}
        kind = headers.get("content-type", "")
        self._is_stream = self._is_stream or "stream" in kind or "ndjson" in kind
        encoding = "" if self._is_decoded else headers.get("content-encoding", "")
        self._decoder = Decoder(encoding) if encoding else None
        self._reader = UsageReader(
            self._capture.wires,
            self._target,
            status=self._status,
            headers=headers,
            request=self._capture.seen.with_job_model(self._facts, self._target),
            counts_text=self._estimates,
        )
        return self._reader

    def fail(self, error: BaseException) -> None:
        """Note that sending or reading raised *error*; what was read until then counts."""
        self._end(error)

    def finish(self) -> None:
        """Note that the answer was read, was closed, or is never going to be read."""
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        try:
            self._conclude(error)
        except Exception as fault:
            self._capture.counts.fault("end", fault)
            if self._span is not None:
                self._span.end()

    def _conclude(self, error: BaseException | None) -> None:
        reading = self._reading()
        if self._is_batch:
            if self._reader is not None:
                self._write_batch(self._reader)
                self._capture.seen.note_job(reading)
            return
        if self._target.kind == UNKNOWN and not has_usage(reading):
            if self._outer is not None:
                self._capture.claims.release(self._outer)
            return  # no model call
        self._capture.counts.add(f"calls_{reading.outcome}")
        if reading.estimate:
            self._capture.counts.add("estimated")
        found = attributes.of_reading(reading)
        found[semconv.LLM_STREAMING] = self._is_stream
        for each in (self.change, self.stop):
            found.update({} if each is None else each.span_attributes)
        if self._is_stream and self._first is not None:
            found[semconv.LLM_TIME_TO_FIRST_TOKEN_SECONDS] = self._first - self._clock
        trouble = type(error).__qualname__ if error is not None else None
        if trouble is None and self._status >= 400:
            trouble = str(self._status)
        if trouble is None and reading.outcome == outcomes.ERROR_IN_200:
            trouble = reading.outcome
        carrier = self._write(reading, found, trouble)
        if reading.outcome == outcomes.NO_USAGE and self._is_stream and not self._facts.get("asks_usage"):
            self._capture.counts.warn_of_usage(self._asked.host, bool(reading.estimate))
        is_lost = error is not None and not self._status and was_sent(error)
        sent = SentCall(self._asked, self._started_ns, found, self._parent, is_lost, trouble)
        self._capture.results.hand_over(sent, carrier, is_ours=carrier is not self._outer)

    def _reading(self) -> WireReading:
        reader = self._reader or self._open()
        if reader is not None:
            reading = reader.finish()
            if not (self._estimates and self._is_stream):
                return reading
            return reader.estimate(reading, self._facts.get(CHARACTERS))
        return WireReading(
            outcomes.ERROR, self._target.provider, self._target.operation, {}, False, request_model=self._asked.model
        )

    def _write(self, reading: WireReading, found: attributes.Attributes, trouble: str | None) -> Span | None:
        """Put *found* on the span of the call and return that span; None when the call has none."""
        outer, span = self._outer, self._span
        is_new = self._capture.seen.is_new_response(self._asked.host, reading)
        if self._target.kind == outcomes.RETRIEVAL and not is_new:
            self._capture.counts.add("responses_read_again")
            if outer is not None:
                self._capture.claims.release(outer)
            return None
        if outer is not None and not reading.usage:
            # An attempt that used nothing leaves the outer span to the next one, and to its own instrumentation.
            self._capture.claims.release(outer)
            return None
        if span is None and (outer is None or not outer.is_recording()):
            if not has_usage(reading):
                return None
            span = self._start(self._parent)
        target = span or outer
        assert target is not None
        target.set_attributes(found)
        for number, further in enumerate(reading.additional_usage):
            # A stored response repeats its passes each time it is read; their spans have no id of their own.
            if further.inside or self._capture.seen.is_new_pass(self._asked.host, number, reading):
                self._write_pass(further, reading, target)
        if span is not None:
            if trouble is not None:
                span.set_attribute(ERROR_TYPE, trouble)
                span.set_status(Status(StatusCode.ERROR, trouble))
            span.end()
        return target

    def _write_pass(self, further: AdditionalUsage, reading: WireReading, target: Span) -> None:
        """Make the span of a pass: below *target*, an aggregate then, when its totals hold it, else beside it."""
        parent = self._parent
        if further.inside:
            parent = trace.set_span_in_context(target)
        elif target is self._outer and (above := getattr(target, "parent", None)) is not None:
            parent = trace.set_span_in_context(NonRecordingSpan(above))
        span = self._start(parent)
        found = attributes.of_additional(further, reading)
        span.set_attributes(found)
        span.end()
        if further.inside:
            self._capture.results.count_unsampled(self._further(found, parent), span)
        else:
            self._capture.results.hand_over(self._further(found, parent), span, is_ours=True)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
