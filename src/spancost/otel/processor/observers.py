# SPDX-License-Identifier: Apache-2.0
"""What a finisher of spans asks of those that observe calls: metrics and detectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from typing import Protocol

from opentelemetry.trace import SpanContext

from spancost.core.ledger.span_plan import PlannedCall
from spancost.core.record import CallEvent, CallRecord
from spancost.core.span import Attributes, AttributeValue


class Metrics(Protocol):
    """What a finisher asks of metrics (see `otel/metrics.py`). They count with the call, so that no queue loses one."""

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
    """What a finisher asks of detectors (see `otel/anomalies.py`).

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
