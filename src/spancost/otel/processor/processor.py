# SPDX-License-Identifier: Apache-2.0
"""`LLMCostProcessor`: prices every LLM span as it ends and gives each span above it the totals."""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from spancost.config import attribute_sets
from spancost.config.pricers import SpanLedger, new_ledger
from spancost.config.settings import Settings, load
from spancost.config.tags import attribute_of, metric_attributes
from spancost.core.detect.anomaly import Anomaly
from spancost.core.record import CallRecord
from spancost.core.span import Span as CoreSpan
from spancost.otel import baggage
from spancost.otel.anomalies import new_watch
from spancost.otel.processor import strategy as strategies
from spancost.otel.processor.attribution import tag
from spancost.otel.processor.call_events import CallEvents, Listener
from spancost.otel.processor.diagnostics import ErrorCounter
from spancost.otel.processor.finisher import SpanFinisher
from spancost.otel.processor.sdk_access import context_of
from spancost.otel.processor.selector import DISABLED, StrategySelector
from spancost.otel.processor.wrap_end import wrap_end
from spancost.otel.registry import PROCESS

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from typing_extensions import Unpack

    from spancost.config.settings import Arguments
    from spancost.otel.metrics import SpendMetrics

SHUTDOWN_SECONDS = 5.0
"""How long `shutdown` waits for listeners."""


class LLMCostProcessor(SpanProcessor):
    """Writes `llm.*` on LLM spans and the spans above them, before any exporter sees them.

    `provider.add_span_processor(LLMCostProcessor())` is all it takes, before or after the exporters. Nothing it does
    raises into the application. Keyword arguments are those of `Settings`; they win over *settings*, which take the
    place of the environment and the file. *on_call* are listeners (see `subscribe`), *on_anomaly* those of anomalies.
    Metrics and events go to *meter_provider* and *logger_provider*, or the global ones. `stats` counts what happened.
    """

    is_own = True
    """Whether the program set it up; False for the one of zero code (`otel/processor/zero_code.py`)."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        ledger: SpanLedger | None = None,
        on_call: Iterable[Listener] = (),
        on_anomaly: Iterable[Callable[[Anomaly], object]] = (),
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        **arguments: Unpack[Arguments],
    ) -> None:
        self.settings = load(arguments, base=settings)
        self._errors = ErrorCounter()
        self._selector = StrategySelector(self.settings.strategy, self._errors)
        self._events = CallEvents(self._errors)
        self._ledger = new_ledger(self.settings) if ledger is None else ledger
        required = tuple(attribute_of(tag) for tag in self.settings.required_tags)
        self._metrics = self._new_metrics(meter_provider) if self.settings.metrics else None
        self._anomalies = new_watch(self.settings, self._errors, meter_provider, logger_provider)
        self._finisher = SpanFinisher(
            self._ledger,
            required,
            self._errors,
            self._events,
            self._metrics,
            self._anomalies,
            attribute_sets.selection(self.settings.attributes),
        )
        self._propagator: baggage.AttributionPropagator | None = None
        self._is_hooked = False
        if self._anomalies is not None and (listeners := tuple(on_anomaly)):
            self._anomalies.listeners, self._anomalies.is_wanted = listeners, True
        self._ledger.makes_records = self._makes_records()
        for listener in on_call:
            self.subscribe(listener)
        if not self.settings.enabled:
            self.disable()
            return
        if self.settings.events == "calls":
            from spancost.otel.call_log import emit_call

            self.subscribe(partial(emit_call, logger_provider=logger_provider))
        if self.settings.baggage != "off":
            self._propagator = baggage.install(self.settings)
        PROCESS.join(self)
        if hasattr(os, "register_at_fork"):
            restart = weakref.WeakMethod(self.restart)
            os.register_at_fork(after_in_child=lambda: (method := restart()) and method())

    @property
    def strategy(self) -> str:
        """How attributes get onto ending spans: "" until the first span starts, "disabled" after `disable`."""
        return self._selector.strategy

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with the `CallRecord` of each counted call; return a function that ends that.

        A `Correction` says that a record handed out before is not counted any more. Listeners are called in order, in
        a thread of their own: they cannot block the application, and what they raise is counted and logged once. What
        finds the queue full is dropped and counted (`records_dropped`). `force_flush` waits for them.
        """
        end = self._events.subscribe(listener)
        self._ledger.makes_records = True

        def unsubscribe() -> None:
            end()
            self._ledger.makes_records = self._makes_records()

        return unsubscribe

    def _makes_records(self) -> bool:
        has_metrics = self._metrics is not None and self._metrics.is_on
        is_wanted = self._anomalies is not None and self._anomalies.is_wanted
        return self._events.has_listeners or has_metrics or is_wanted

    def _new_metrics(self, meter_provider: MeterProvider | None) -> SpendMetrics:
        from spancost.otel.metrics import SpendMetrics

        tags = metric_attributes(self.settings.metric_tags)
        return SpendMetrics(tags, self._errors, meter_provider, has_histogram=self.settings.metric_histogram)

    def restart(self) -> None:
        """Begin with an empty ledger, a free lock and no waiting records: in a forked child."""
        self._events.restart()
        self._finisher.restart()
        if self._is_hooked:
            self._hook()

    def disable(self) -> None:
        """Do nothing from now on; a tracer provider keeps its processors for good."""
        PROCESS.leave(self)
        if self._anomalies is not None:
            self._anomalies.end()
        self._selector.settle(DISABLED)
        self._is_hooked = False
        self.on_start = self._on_ending = self.on_end = _do_nothing  # type: ignore[method-assign]

    def yield_to(self, own: LLMCostProcessor) -> None:
        """Do nothing: a processor that the program set up keeps its spans."""

    def tags_in_use(self) -> None:
        """Look at the context of spans that start from now on."""
        self._rest()

    def outcome_recorded(self, span_id: int, order: int, text: str) -> None:
        """Keep the outcome that was recorded on an open span."""
        self._finisher.record_outcome(span_id, order, text)

    def count(self, span: CoreSpan) -> CallRecord | None:
        """Count the call of a span that the sampler dropped; return its record, None when it is not counted."""
        return self._finisher.count(span)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tag *span* with the attribution in force; choose the strategy at the first span."""
        try:
            if not self._selector.strategy:
                self._choose()
            if self._selector.wraps:
                wrap_end(span, self._before_end)
            if PROCESS.uses_tags:
                tag(span, parent_context)
        except Exception as error:
            self._errors.record("on_start", error)

    def _on_ending(self, span: Span) -> None:
        if self._selector.is_trying:
            self._settle(strategies.HOOK)
        if self._selector.strategy == strategies.HOOK:
            self._hook()
            self._rest()
        self._finisher.finish(span)

    def _hook(self) -> None:
        self._is_hooked = True
        self._on_ending, on_end = self._finisher.hooks(self._end_late)  # type: ignore[method-assign,assignment]
        if type(self).on_end is LLMCostProcessor.on_end:
            self.on_end = on_end  # type: ignore[method-assign,assignment]

    def on_ending(self, span: Span) -> None:
        """Do what `_on_ending` does, for SDKs that give the hook its public name; a span is finished once."""
        self._on_ending(span)

    def _before_end(self, span: Span, end_ns: int) -> None:
        if self._selector.strategy != DISABLED:
            self._finisher.finish(span, end_ns, "end")

    def on_end(self, span: ReadableSpan) -> None:
        """Finish what nothing finished before. In `auto`, a hook that is not called makes spans be wrapped."""
        self._end_late(span)

    def _end_late(self, span: ReadableSpan) -> None:
        selector = self._selector
        try:
            if context_of(span) is self._finisher.finished and not selector.is_trying:
                return
        except AttributeError:
            self._errors.say(logging.DEBUG, "spancost: this SDK keeps contexts of spans in another place")
        if selector.is_trying:
            self._settle(strategies.WRAP)
        if self._finisher.finish(span, 0, "on_end") and selector.may_change:
            self._settle(strategies.WRAP)
            self._errors.say_once("on_end", "the hook for ending spans was not called; spans are wrapped from now on")

    def _choose(self) -> None:
        self._selector.choose()
        self._rest()
        if self._selector.strategy == strategies.ON_END:
            self._on_ending = _do_nothing  # type: ignore[method-assign]

    def _settle(self, strategy: str) -> None:
        self._selector.settle(strategy)
        self._rest()

    def _rest(self) -> None:
        """Do nothing when spans start, for as long as there is nothing to do."""
        if self._selector.strategy == DISABLED:
            return
        if PROCESS.uses_tags or not self._selector.is_idle_at_start:
            vars(self).pop("on_start", None)
        else:
            self.on_start = _start_nothing  # type: ignore[method-assign]

    @property
    def stats(self) -> Mapping[str, int]:
        """Counts since the start of the process (or its fork): see docs/processor.md for each."""
        return {
            **self._ledger.counters,
            **self._finisher.counts,
            "records_dropped": self._events.dropped,
            **({} if self._metrics is None else {"metrics_folded": self._metrics.table.folded}),
            **({} if self._anomalies is None else self._anomalies.counts),
            "tags_refused": PROCESS.tags_refused,
            "events_failed": PROCESS.events_failed,
            "outcomes_dropped": PROCESS.outcomes_dropped + self._finisher.outcomes.dropped,
            **({} if self._propagator is None else self._propagator.counts),
            **self._errors.counts,
        }

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait for listeners. Return True: a falsy result would stop later processors from flushing."""
        self._events.flush(timeout_millis / 1000)
        self._errors.say(logging.DEBUG, "spancost: %s", self.stats)
        return True

    def shutdown(self) -> None:
        """Deliver what waits for listeners and log the counters.

        Spans that end afterwards are still priced, as the SDK still delivers them.
        """
        self._events.stop(SHUTDOWN_SECONDS)
        self._errors.say(logging.DEBUG, "spancost: %s", self.stats)


def _start_nothing(span: Span, parent_context: Context | None = None) -> None:
    """Stand in for `on_start` while there is nothing to do."""


def _do_nothing(*_: object, **__: object) -> None:
    """Stand in for a callback that is to do nothing."""
