# SPDX-License-Identifier: Apache-2.0
"""Reports what calls cost as OpenTelemetry metrics: observable counters that read a table of exact integers.

A synchronous counter takes 12 µs for each measurement (SDK 1.45), and repeats its parent's sum in a forked child.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from inspect import signature
from typing import Any, TypeAlias

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.trace import NonRecordingSpan, SpanContext

from spancost.core import semconv
from spancost.core.ledger.span_plan import PlannedCall
from spancost.core.ledger.spend_table import COST, REQUESTS, UNPRICED, SpendTable
from spancost.core.ledger.tallies import add_planned
from spancost.core.money import usd_float
from spancost.core.record import CallEvent, CallRecord
from spancost.core.span import Attributes
from spancost.otel.processor.diagnostics import ErrorCounter

SCOPE = "spancost"
COST_NAME = "llm.cost.usd"
TOKENS_NAME = "llm.tokens"
TOKEN_TYPE = semconv.LLM_TOKEN_TYPE
REQUESTS_NAME = "llm.requests"
UNPRICED_NAME = "llm.unpriced_requests"
HISTOGRAM_NAME = "llm.request.cost.usd"
BOUNDARIES = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Bounds in USD of the histogram: those of the SDK, 0 to 10,000, put every call into one bucket."""
FORK = "spancost.fork"
"""Attribute of the scope in a forked child: how many forks lie between it and the process that began to count."""

AddPlanned: TypeAlias = "Callable[[PlannedCall, Attributes, object], bool]"
_Callback: TypeAlias = "Callable[[CallbackOptions], Iterable[Observation]]"


class SpendMetrics:
    """The metrics of one processor. Nothing is counted before a meter provider is set up (`begin`).

    tags: the attributes of each series, by their names on spans. meter_provider: the global one when None.
    has_histogram: also record `llm.request.cost.usd`, with the call's own span as exemplar.
    """

    def __init__(
        self,
        tags: Sequence[str],
        errors: ErrorCounter,
        meter_provider: MeterProvider | None = None,
        *,
        has_histogram: bool = False,
    ) -> None:
        self.table = SpendTable(tags)
        self.is_on = False
        self._tags = tuple(tags)
        self._errors = errors
        self._provider = meter_provider
        self._has_histogram = has_histogram
        self._histogram: Any = None
        self._takes_context = False  # SDKs before 1.29 have no exemplars, and so no context

    def begin(self) -> bool:
        """Begin to count if a meter provider is set up; return whether it is. Never raises."""
        try:
            provider = metrics.get_meter_provider() if self._provider is None else self._provider
            if type(provider).__module__.startswith("opentelemetry.metrics"):
                return False  # the API's stand-in for a missing one
            instruments = _instruments_of(provider)
            if self._has_histogram:
                self._histogram = instruments.histogram()
                self._takes_context = "context" in signature(self._histogram.record).parameters
            instruments.join(self)
            self.is_on = True
        except Exception as error:
            self._errors.record("metrics", error)
        return True

    @property
    def add_planned(self) -> AddPlanned | None:
        """What counts a call by its plan, without its record; None when each call must be counted by its record."""
        return add_planned if self._histogram is None and self.table.takes_plans else None

    def learn(self, planned: PlannedCall, attributes: Attributes, resource: object, record: CallRecord) -> None:
        """Remember how a call was counted, so that the next one like it is counted by its plan. Never raises."""
        try:
            self.table.learn(planned, attributes, resource, record)
        except Exception as error:  # a tag that is no text may be no key either
            self._errors.record("metrics", error)

    def count(self, event: CallEvent, span: SpanContext | None = None) -> None:
        """Count a record, or take it out again. Callers hold a lock of their processor. Never raises."""
        try:
            if not isinstance(event, CallRecord):
                self.table.subtract(event.record)
                return
            self.table.add(event)
            if self._histogram is not None and event.cost_femto is not None:
                self._record(event, event.cost_femto, span)
        except Exception as error:
            self._errors.record("metrics", error)

    def _record(self, record: CallRecord, femto: int, span: SpanContext | None) -> None:
        if span is None or not self._takes_context:
            self._histogram.record(usd_float(femto), self.table.attributes_of(record))
            return
        # Without a context the exemplar would be the span that is current: the parent of the call, or none.
        context = trace.set_span_in_context(NonRecordingSpan(span), Context())
        self._histogram.record(usd_float(femto), self.table.attributes_of(record), context=context)

    def restart(self) -> None:
        """Forget what was counted: in a forked child."""
        self.table.clear()


class _Instruments:
    """The instruments of one meter provider, and the tables that they read.

    An instrument of an SDK remembers what it read last, to report differences. So a forked child, whose tables begin
    at 0, reads by instruments of its own; they are made before the fork, when no lock of the SDK can be left held.
    """

    def __init__(self, provider: MeterProvider) -> None:
        self._provider = weakref.ref(provider)
        self._lock = threading.Lock()
        self._members: list[weakref.ref[SpendMetrics]] = []
        self._retired: dict[tuple[str, ...], SpendTable] = {}
        self._fork = 0
        self._made = -1
        self._histograms: dict[int, Any] = {}
        self._make(0)

    def join(self, member: SpendMetrics) -> None:
        """Read the table of *member* from now on; when *member* is gone, what it counted stays."""
        key, table = member.table.attributes, member.table
        self._members.append(weakref.ref(member, lambda gone: self._retire(gone, key, table)))

    def _retire(self, gone: weakref.ref[SpendMetrics], key: tuple[str, ...], table: SpendTable) -> None:
        kept = self._retired.get(key)
        if kept is None:
            self._retired[key] = table
        else:
            table.move_into(kept)
        self._members.remove(gone)

    def tables(self) -> list[SpendTable]:
        """Return the tables to read."""
        alive = [member.table for reference in list(self._members) if (member := reference()) is not None]
        return [*alive, *list(self._retired.values())]

    def histogram(self) -> Any:
        """Return the histogram of costs, made when it is first asked for."""
        if 0 not in self._histograms:
            self._histograms[0] = _histogram(self._meter(0))
        return self._histograms[0]

    def _meter(self, fork: int) -> Any:
        from spancost import __version__

        provider = self._provider()
        assert provider is not None
        if not fork:
            return provider.get_meter(SCOPE, __version__)
        return provider.get_meter(SCOPE, __version__, None, {FORK: fork})

    def _make(self, fork: int) -> None:
        if self._made >= fork:
            return
        self._made = fork
        meter = self._meter(fork)
        for name, unit, read, description in (
            (COST_NAME, "{USD}", partial(self._read, COST), "Cost of LLM calls."),
            (REQUESTS_NAME, "{request}", partial(self._read, REQUESTS), "LLM calls."),
            (UNPRICED_NAME, "{request}", partial(self._read, UNPRICED), "LLM calls whose cost is unknown."),
            (TOKENS_NAME, "{token}", self._read_tokens, "Tokens of LLM calls; the types add up to the total."),
        ):
            meter.create_observable_counter(name, [self._callback(fork, read)], unit, description)

    def _callback(self, fork: int, read: Callable[[], list[Observation]]) -> _Callback:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            if fork != self._fork:
                return ()
            with self._lock:
                return read()

        return observe

    def _read(self, place: int) -> list[Observation]:
        convert = usd_float if place == COST else int
        return [
            Observation(convert(value), attributes)
            for table in self.tables()
            for value, attributes in table.read(place)
        ]

    def _read_tokens(self) -> list[Observation]:
        return [
            Observation(value, {**attributes, TOKEN_TYPE: name})
            for table in self.tables()
            for value, attributes, name in table.read_tokens()
        ]

    def before_fork(self) -> None:
        """Make the instruments of a child, if there is anything that its parent may have read."""
        if any(len(table) for table in self.tables()):
            self._make(self._fork + 1)

    def after_fork(self) -> None:
        """Begin at 0, with instruments that have read nothing, and without what retired processors counted."""
        self._lock = threading.Lock()
        self._retired.clear()
        if self._made > self._fork:
            self._fork = self._made


def _histogram(meter: Any) -> Any:
    try:
        return meter.create_histogram(
            HISTOGRAM_NAME,
            "{USD}",
            "Cost of one LLM call.",
            explicit_bucket_boundaries_advisory=BOUNDARIES,
        )
    except TypeError:  # SDKs before 1.30 have no advice: a view sets boundaries there
        return meter.create_histogram(HISTOGRAM_NAME, "{USD}", "Cost of one LLM call.")


_PROVIDERS: dict[int, tuple[weakref.ref[Any], _Instruments]] = {}
"""By identity: a provider may be equal to others and have no hash (logfire 5.4's proxy, 2026-11-30)."""
_PROVIDERS_LOCK = threading.RLock()


def _instruments_of(provider: MeterProvider) -> _Instruments:
    """Return the instruments of *provider*; a provider has one set, whatever the number of processors."""
    key = id(provider)
    with _PROVIDERS_LOCK:
        held = _PROVIDERS.get(key)
        if held is not None and held[0]() is provider:
            return held[1]
        made = _Instruments(provider)
        _PROVIDERS[key] = (weakref.ref(provider, lambda gone: _forget(key, gone)), made)
        return made


def _forget(key: int, gone: weakref.ref[Any]) -> None:
    """Drop a provider that is gone, unless another one has its place in memory already."""
    held = _PROVIDERS.get(key)
    if held is not None and held[0] is gone:
        del _PROVIDERS[key]


def _all_instruments() -> list[_Instruments]:
    return [made for _, made in list(_PROVIDERS.values())]


def _before_fork() -> None:
    for instruments in _all_instruments():
        try:
            instruments.before_fork()
        except Exception:  # a fork is the host's: the child then reports from 0 by the instruments there are
            continue


def _after_fork() -> None:
    global _PROVIDERS_LOCK
    _PROVIDERS_LOCK = threading.RLock()
    for instruments in _all_instruments():
        instruments.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
