# SPDX-License-Identifier: Apache-2.0
"""Those that observe calls as they end: metrics, detectors and listeners."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from typing import Protocol

from opentelemetry.trace import SpanContext

from spancost.config.pricers import SpanLedger
from spancost.core.ledger.span_plan import PlannedCall
from spancost.core.record import CallEvent, CallRecord
from spancost.core.span import Attributes, AttributeValue, Span
from spancost.otel.processor.call_events import CallEvents


class Metrics(Protocol):
    """What observers ask of metrics (see `otel/metrics.py`). They count with the call, so that no queue loses one."""

    is_on: bool

    def begin(self) -> bool:
        """Begin to count if somebody reads; return whether that is decided."""

    def count(self, event: CallEvent, span: SpanContext | None = None, /) -> None:
        """Count a record or correction; never raises."""

    @property
    def add_planned(self) -> Callable[[PlannedCall, Attributes, object], bool] | None:
        """What counts a call by its plan, without its record; None when each call must be counted by its record."""

    def learn(self, planned: PlannedCall, attributes: Attributes, resource: object, record: CallRecord, /) -> None:
        """Remember how a call was counted, for the next one like it. Never raises."""

    def restart(self) -> None:
        """Forget what was counted: in a forked child."""


class Anomalies(Protocol):
    """What a finisher and observers ask of detectors (see `otel/anomalies.py`).

    is_wanted: whether each call is to have a record for them alone.
    """

    is_wanted: bool

    @property
    def traces(self) -> Sized:
        """Traces with anomalies whose root has not ended."""

    @property
    def waiting(self) -> Sized:
        """Anomalies that `tell` is to hand on."""

    def observe(self, event: CallEvent, /) -> None:
        """Take a record or correction; never raises."""

    def fail(self, record: CallRecord, /) -> None:
        """Take an attempt that failed before anything was billed; never raises."""

    def on_root(self, trace_id: int, /) -> Mapping[str, AttributeValue]:
        """Return what the root of a trace says of its anomalies."""

    def tell(self) -> None:
        """Hand waiting anomalies on, without the lock of the ledger; never raises."""

    def restart(self) -> None:
        """Forget every call: in a forked child."""


class Observers:
    """Hands records on, with the lock of *ledger* held. add_planned: `Metrics.add_planned`, where that may be used.

    awaits_metrics: whether `begin_metrics` is to be called as calls end. is_new: whether it never was.
    """

    def __init__(
        self, ledger: SpanLedger, events: CallEvents, metrics: Metrics | None, anomalies: Anomalies | None
    ) -> None:
        self.awaits_metrics = metrics is not None
        self.is_new = True
        self.metrics = metrics
        self.anomalies = anomalies
        self._add_planned: Callable[[PlannedCall, Attributes, object], bool] | None = None
        self._ledger = ledger
        self._events = events

    def restart(self) -> None:
        """Forget every call: in a forked child."""
        if self.metrics is not None:
            self.metrics.restart()
        if self.anomalies is not None:
            self.anomalies.restart()

    def begin_metrics(self) -> None:
        """Have records made from the first call on that ends after a meter provider was set up."""
        self.is_new = False
        if self.awaits_metrics and self.metrics is not None and self.metrics.begin():
            self.awaits_metrics = False
            self._ledger.makes_records = self._ledger.makes_records or self.metrics.is_on
            needs_records = self.anomalies is not None and self.anomalies.is_wanted
            self._add_planned = self.metrics.add_planned if self.metrics.is_on and not needs_records else None

    @property
    def add_planned(self) -> Callable[[PlannedCall, Attributes, object], bool] | None:
        """What counts a call by its plan, without its record; None when somebody is to have its record."""
        return None if self._events.has_listeners else self._add_planned

    def tell(self, event: CallEvent, context: SpanContext | None) -> None:
        """Hand a record or correction over."""
        if self.metrics is not None and self.metrics.is_on:
            self.metrics.count(event, context)
        if self.anomalies is not None and self._are_complete(self.anomalies):
            self.anomalies.observe(event)
        if self._events.has_listeners:
            self._events.put(event)

    def tell_failed(self, span: Span) -> None:
        """Hand the record of an attempt that failed, and was not billed, to detectors that see every call."""
        if self.anomalies is not None and self._are_complete(self.anomalies):
            failed = self._ledger.failed_record(span)
            if failed is not None:
                self.anomalies.fail(failed)

    def _are_complete(self, anomalies: Anomalies) -> bool:
        """Return whether each call has a record. Detectors that saw only some of them would be wrong."""
        if anomalies.is_wanted or self._events.has_listeners:
            return True
        return self.metrics is not None and self.metrics.is_on and self._add_planned is None
