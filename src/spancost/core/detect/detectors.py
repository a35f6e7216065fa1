# SPDX-License-Identifier: Apache-2.0
"""All detectors over one sequence of records: in process, in the Collector and over files."""

from __future__ import annotations

from collections.abc import Iterable

from spancost.core.call import UNPRICED
from spancost.core.detect.anomaly import Anomaly, Episode
from spancost.core.detect.failures import FailedRun
from spancost.core.detect.fan_out import fan_out
from spancost.core.detect.feature import Feature, Service
from spancost.core.detect.feature_calls import look_at_feature
from spancost.core.detect.observation import Observation
from spancost.core.detect.rules import RuleSet
from spancost.core.detect.runaway import count
from spancost.core.detect.shares import unpriced_share, untagged_share
from spancost.core.detect.stream import Session, Stream
from spancost.core.detect.stream_calls import look_at_stream
from spancost.core.detect.trace import Trace
from spancost.core.generational import GenerationalCache
from spancost.core.record import CallRecord

FEATURE = "app.feature"
HOUR_METER = "cache_write_1h_tokens"
_FIRST = 64
"""Calls without a feature that are looked at one by one; further ones are when the service names a feature."""


class Detectors:
    """State machines over the records of calls, handed in by the end of the call. Not thread-safe.

    Memory is bounded by the rules' limits: what was used longest ago is evicted; `evicted` counts it.
    """

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._limits = limits = rules.default.limits
        self._services = GenerationalCache[str | None, Service](limits.services)
        self._traces = GenerationalCache[int, Trace](limits.traces)
        self._failed = GenerationalCache[str, FailedRun](limits.sessions)
        self._sessions = GenerationalCache[str, "Session | Stream | Observation"](limits.sessions)
        self._has_failed = False

    @property
    def evicted(self) -> int:
        """How many sessions, traces and services were evicted."""
        return self._sessions.evicted + self._traces.evicted + self._services.evicted

    def observe(self, record: CallRecord) -> list[Episode]:
        """Take one call; return the episodes that begin with it. An episode goes on with the calls that follow."""
        call = Observation(record)
        service = self._services.new.get(record.service) or self._service(record.service)
        name = record.tags.get(FEATURE)
        feature = service.features.get(name) or service.feature(name, self._rules.of(name))
        rules = feature.rules
        trace = self._traces.new.get(record.trace_id) or self._trace(record.trace_id, feature, call)
        if self._has_failed:
            self._failed.pop(record.session_id)
        begun: list[Episode] = []
        session = self._sessions.new.get(record.session_id)
        if isinstance(session, Session):
            stream = session.stream(call, self._limits.streams)
        elif isinstance(session, Stream) and session.fits(call):
            stream = session
        else:
            stream = self._stream(record.session_id, call)
        if stream is not None:
            if call.cache_write and not stream.long_ttl and HOUR_METER in record.usage and record.usage[HOUR_METER]:
                stream.long_ttl = True
            look_at_stream(stream, call, feature.bounds, rules, begun)
        if (found := count(trace, call, rules)) is not None:
            begun.append(found)
        if (
            call.start_ns < trace.end_ns
            and (above := record.parent_id) is not None
            and (found := fan_out(trace, call, above, rules)) is not None
        ):
            begun.append(found)
        if call.end_ns > trace.end_ns:
            trace.end_ns = call.end_ns
        if begun:
            for episode in begun:
                episode.trace_id, episode.session_id = record.trace_id, record.session_id
        look_at_feature(feature, call, rules, begun)
        is_unpriced = not call.cost_femto and record.status == UNPRICED
        if is_unpriced and (found := unpriced_share(feature, call, record.reason, rules)) is not None:
            begun.append(found)
        if name is not None:
            service.tagged_femto += call.cost_femto
        elif (service.tagged_femto or feature.number <= _FIRST) and (
            found := untagged_share(service, feature, call, rules)
        ) is not None:
            begun.append(found)
        return begun

    def fail(self, record: CallRecord) -> list[Episode]:
        """Take an attempt that failed before anything was billed; return the episode that begins with it, if one does.

        Nothing but the retry storm looks at it, and a call of the session that is counted ends the run.
        """
        call = Observation(record)
        rules = self._rules.of(record.tags.get(FEATURE))
        run = self._failed.get(record.session_id)
        if run is None or not run.goes_on(call, rules.retry_storm.within_ns):
            run = FailedRun(call.model)
            self._has_failed = True
            self._failed.set(record.session_id, run)
        episode = run.add(call, record.error, rules)
        if episode is None:
            return []
        episode.trace_id, episode.session_id = record.trace_id, record.session_id
        return [episode]

    def _service(self, name: str | None) -> Service:
        found = self._services.get(name) or Service(name)
        self._services.set(name, found)
        return found

    def _trace(self, trace_id: int, feature: Feature, call: Observation) -> Trace:
        found = self._traces.get(trace_id)
        if found is None:
            found = Trace(feature, call.start_ns, call.end_ns)
            feature.traces += 1
        self._traces.set(trace_id, found)
        return found

    def _stream(self, session_id: str, call: Observation) -> Stream | None:
        """Return the context that *call* continues; None when it begins one.

        Many sessions have one call, of which nothing but the call is kept; most others have one context.
        """
        sessions = self._sessions
        session = sessions.new.get(session_id)
        if session is None:
            session = sessions.get(session_id)
            sessions.set(session_id, session or call)
            if session is None:
                return None
        if isinstance(session, Session):
            return session.stream(call, self._limits.streams)
        if isinstance(session, Observation):
            session = sessions.new[session_id] = Stream(session)
        if session.fits(call):
            return session
        session = sessions.new[session_id] = Session(session)
        return session.stream(call, self._limits.streams)


def detect(records: Iterable[CallRecord], rules: RuleSet, failed: Iterable[CallRecord] = ()) -> list[Anomaly]:
    """Return the anomalies of calls in hand, as they stand after the last call, by their first call.

    failed: attempts that failed before anything was billed.
    """
    detectors = Detectors(rules)
    begun: list[Episode] = []
    steps = [(_order(record), detectors.observe, record) for record in records]
    steps += [(_order(record), detectors.fail, record) for record in failed]
    for _, take, record in sorted(steps, key=lambda step: step[0]):
        begun += take(record)
    return sorted((episode.anomaly() for episode in begun), key=_place)


def _order(record: CallRecord) -> tuple[int, int, int, int]:
    return record.start_ns + record.duration_ns, record.start_ns, record.trace_id, record.span_id


def _place(anomaly: Anomaly) -> tuple[int, int, str]:
    return anomaly.first_ns, anomaly.last_ns, anomaly.rule
