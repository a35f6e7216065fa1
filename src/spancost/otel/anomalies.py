# SPDX-License-Identifier: Apache-2.0
"""Detectors in the process: an anomaly becomes an event, a count, attributes of the root and a log line."""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry import metrics, trace

from spancost.config import detectors
from spancost.config.settings import Settings
from spancost.control.guards import CallRequest, CallStopped, before_call
from spancost.core import semconv
from spancost.core.detect.anomaly import Anomaly, Episode
from spancost.core.detect.detectors import FEATURE, Detectors
from spancost.core.detect.rules import DetectorError, RuleSet
from spancost.core.money import usd_float
from spancost.core.record import CallEvent, CallRecord
from spancost.core.span import AttributeValue

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import Counter, MeterProvider

    from spancost.otel.processor.diagnostics import ErrorCounter

EVENT = "llm.anomaly"
COUNTER = "llm.anomalies"
BLOCKED = "blocked"
TRACES = 1024
"""Traces whose anomalies are kept until their root ends, at most."""
CAUSES = 256
"""Rules and features whose anomalies are logged, at most; further ones are counted."""

Listener: TypeAlias = "Callable[[Anomaly], object]"


class AnomalyStopped(CallStopped):
    """Keeps a call of a trace with an anomaly from being sent (`at_anomaly: block`). anomaly: what was found."""

    def __init__(self, anomaly: Anomaly) -> None:
        super().__init__(f"the call is not sent, its trace has an anomaly ({anomaly.rule}): {anomaly.text}")
        self.anomaly = anomaly
        self.span_attributes = {semconv.LLM_ANOMALY_RULE: anomaly.rule, semconv.LLM_ANOMALY_ACTION: BLOCKED}


class AnomalyWatch:
    """The detectors of one processor, and what follows from an anomaly. Nothing here raises but `guard`.

    `observe` is called with the lock of the ledger held; `tell` without it, as it calls into the host. traces: the
    episodes of traces whose root has not ended. waiting: anomalies that `tell` is to hand on. found: their number.
    is_wanted: whether records are to be made for this alone.
    """

    def __init__(
        self,
        rules: RuleSet,
        errors: ErrorCounter,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self._rules = rules
        self._errors = errors
        self._meter_provider = meter_provider
        self._logger_provider = logger_provider
        self._counter: Counter | None = None
        self._causes: set[tuple[str, str]] = set()
        self.listeners: tuple[Listener, ...] = ()
        self.is_wanted = True
        self.found = 0
        self.restart()

    @property
    def counts(self) -> Mapping[str, int]:
        """Anomalies so far, and what the detectors evicted."""
        return {"anomalies": self.found, "detectors_evicted": self.detectors.evicted}

    def block(self) -> None:
        """Have the guards of the process stop calls of traces with an anomaly, until `end`."""
        self.end = before_call(self.guard)  # type: ignore[method-assign]

    def end(self) -> None:
        """Stop no call any more."""

    def restart(self) -> None:
        """Forget every call: in a forked child."""
        self.detectors = Detectors(self._rules)
        self.traces: dict[int, list[Episode]] = {}
        self._blocked: dict[int, Episode] = {}
        self.waiting: deque[tuple[Anomaly, CallRecord]] = deque()

    def observe(self, event: CallEvent) -> None:
        """Take a record. A correction changes nothing: what was seen of a call stays seen."""
        if isinstance(event, CallRecord):
            self._take(self.detectors.observe, event)

    def fail(self, record: CallRecord) -> None:
        """Take an attempt that failed before anything was billed."""
        self._take(self.detectors.fail, record)

    def _take(self, look: Callable[[CallRecord], list[Episode]], record: CallRecord) -> None:
        try:
            for episode in look(record):
                self.found += 1
                self.waiting.append((episode.anomaly(), record))
                if episode.trace_id is not None:
                    self._keep(episode.trace_id, episode)
                    if getattr(getattr(self._rules.of(record.tags.get(FEATURE)), episode.rule), "blocks", False):
                        self._blocked.setdefault(episode.trace_id, episode)
        except Exception as error:
            self._errors.record("detectors", error)

    def _keep(self, trace_id: int, episode: Episode) -> None:
        if trace_id not in self.traces and len(self.traces) >= TRACES:
            oldest = next(iter(self.traces))
            self.traces.pop(oldest, None)
            self._blocked.pop(oldest, None)
        self.traces.setdefault(trace_id, []).append(episode)

    def on_root(self, trace_id: int) -> dict[str, AttributeValue]:
        """Return what the root of a trace says of its anomalies; it is forgotten."""
        episodes = self.traces.pop(trace_id, None)
        self._blocked.pop(trace_id, None)
        if not episodes:
            return {}
        return {
            semconv.LLM_ANOMALIES: tuple(sorted({episode.rule for episode in episodes})),
            semconv.LLM_ANOMALY_COST_USD: usd_float(max(episode.cost_femto for episode in episodes)),
        }

    def tell(self) -> None:
        """Hand waiting anomalies on: to events, the counter, the log and the listeners."""
        while self.waiting:
            try:
                anomaly, record = self.waiting.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                self._tell(anomaly, record)
            except Exception as error:
                self._errors.record("anomaly", error)

    def _tell(self, anomaly: Anomaly, record: CallRecord) -> None:
        from spancost.otel.events import context_of_span, emit_event

        feature = record.tags.get(FEATURE)
        emit_event(
            EVENT,
            event_attributes(anomaly, feature),
            context_of_span(record.trace_id, record.span_id),
            timestamp_ns=anomaly.last_ns,
            severity="WARN",
            logger_provider=self._logger_provider,
        )
        self._count(anomaly.rule, feature)
        cause = (anomaly.rule, feature or record.service or "")
        if cause not in self._causes and len(self._causes) < CAUSES:
            self._causes.add(cause)
            self._errors.say_once("anomaly", f"{anomaly.rule}: {anomaly.text}")
        for listener in self.listeners:
            try:
                listener(anomaly)
            except Exception as error:
                self._errors.record("listener", error)

    def _count(self, rule: str, feature: str | None) -> None:
        # A synchronous counter: anomalies are rare, and its 12 µs are not on the path of a call.
        if self._counter is None:
            provider = self._meter_provider or metrics.get_meter_provider()
            self._counter = provider.get_meter("spancost").create_counter(
                COUNTER, unit="{anomaly}", description="Anomalies of spend, by the rule that was broken."
            )
        attributes = {semconv.LLM_ANOMALY_RULE: rule}
        self._counter.add(1, attributes if feature is None else {**attributes, FEATURE: feature})

    def guard(self, _: CallRequest) -> None:
        """Stop the next call of a trace with an anomaly of a rule that blocks; AnomalyStopped says which."""
        if self._blocked:
            episode = self._blocked.get(trace.get_current_span().get_span_context().trace_id)
            if episode is not None:
                raise AnomalyStopped(episode.anomaly())


def new_watch(
    settings: Settings,
    errors: ErrorCounter,
    meter_provider: MeterProvider | None,
    logger_provider: LoggerProvider | None,
) -> AnomalyWatch | None:
    """Return the detectors that *settings* ask for; wrong rules are logged, and the bundled ones are used."""
    if settings.detectors == "off" or not settings.enabled:
        return None
    try:
        rules = detectors.rules(None if settings.detectors in ("on", "auto") else settings.detectors)
    except DetectorError as error:
        errors.say(logging.ERROR, "spancost: %s; the bundled rules of detectors are used", error)
        rules = detectors.default_rules()
    watch = AnomalyWatch(rules, errors, meter_provider, logger_provider)
    watch.is_wanted = settings.detectors != "auto" or logger_provider is not None or _has_logger_provider()
    if settings.at_anomaly == "block":
        watch.is_wanted = True
        watch.block()
    return watch


def _has_logger_provider() -> bool:
    """Return whether the program has set up a logger provider by now."""
    if "opentelemetry.sdk._logs" not in sys.modules:
        return False
    from spancost.otel.events import has_logger_provider

    return has_logger_provider()


def event_attributes(anomaly: Anomaly, feature: str | None) -> Mapping[str, AttributeValue]:
    """Return the attributes of the event of an anomaly."""
    found: dict[str, AttributeValue] = {
        semconv.LLM_ANOMALY_RULE: anomaly.rule,
        semconv.LLM_ANOMALY_TEXT: anomaly.text,
        semconv.LLM_ANOMALY_COST_USD: usd_float(anomaly.cost_femto),
        semconv.LLM_ANOMALY_THRESHOLD: anomaly.threshold,
        semconv.LLM_ANOMALY_SPAN_IDS: tuple(f"{span_id:016x}" for span_id in anomaly.span_ids),
    }
    if anomaly.session_id is not None:
        found[semconv.LLM_ANOMALY_SESSION_ID] = anomaly.session_id
    if feature is not None:
        found[FEATURE] = feature
    return found
