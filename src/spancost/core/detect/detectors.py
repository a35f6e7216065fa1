# SPDX-License-Identifier: Apache-2.0
"""All detectors over one sequence of records: in process, in the Collector and over files."""

from __future__ import annotations

from collections.abc import Iterable

from spancost.core.detect.anomaly import Anomaly, Episode
from spancost.core.detect.cache_lost import cache_lost
from spancost.core.detect.observation import Observation
from spancost.core.detect.retry_storm import retry_storm
from spancost.core.detect.rules import Rules, RuleSet
from spancost.core.detect.stream import Session, Stream
from spancost.core.detect.tool_loop import tool_loop
from spancost.core.generational import GenerationalCache
from spancost.core.record import CallRecord

FEATURE = "app.feature"


class Detectors:
    """State machines over the records of calls, handed in by the end of the call. Not thread-safe.

    Memory is bounded: the sessions, traces and features used longest ago are evicted; `evicted` counts them.
    """

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._has_features = bool(rules.features)
        self._call = Observation()
        self._sessions = GenerationalCache[str, Session](rules.default.limits.sessions)

    @property
    def evicted(self) -> int:
        """How many sessions were evicted."""
        return self._sessions.evicted

    def observe(self, record: CallRecord) -> list[Episode]:
        """Take one call; return the episodes that begin with it. An episode goes on with the calls that follow."""
        rules = self._rules.of(record.tags.get(FEATURE)) if self._has_features else self._rules.default
        call = self._call
        call.read(record)
        sessions = self._sessions
        session = sessions.new.get(record.session_id)
        if session is None:
            session = sessions.get(record.session_id) or Session()
            sessions.set(record.session_id, session)
        stream = session.stream(call, rules.limits.streams)
        begun: list[Episode] = []
        if stream.start_ns:
            self._look_at_stream(stream, rules, begun)
        stream.end(call)
        for episode in begun:
            episode.trace_id, episode.session_id = record.trace_id, record.session_id
        return begun

    def _look_at_stream(self, stream: Stream, rules: Rules, begun: list[Episode]) -> None:
        call = self._call
        if rules.retry_storm.enabled and (episode := retry_storm(stream, call, rules)) is not None:
            begun.append(episode)
        if rules.tool_loop.enabled and (episode := tool_loop(stream, call, rules)) is not None:
            begun.append(episode)
        if rules.cache_lost.enabled and (episode := cache_lost(stream, call, rules)) is not None:
            begun.append(episode)


def detect(records: Iterable[CallRecord], rules: RuleSet) -> list[Anomaly]:
    """Return the anomalies of calls in hand, as they stand after the last call, by their first call."""
    detectors = Detectors(rules)
    begun: list[Episode] = []
    for record in sorted(records, key=_order):
        begun += detectors.observe(record)
    return sorted((episode.anomaly() for episode in begun), key=_place)


def _order(record: CallRecord) -> tuple[int, int, int, int]:
    return record.start_ns + record.duration_ns, record.start_ns, record.trace_id, record.span_id


def _place(anomaly: Anomaly) -> tuple[int, int, str]:
    return anomaly.first_ns, anomaly.last_ns, anomaly.rule
