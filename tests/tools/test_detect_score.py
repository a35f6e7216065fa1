# SPDX-License-Identifier: Apache-2.0
"""The detectors on made-up sessions: few alarms on those without a fault, and faults are found soon."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from spancost.config.detectors import default_rules
from spancost.core.detect.detectors import Detectors
from tools.detect.faults import injected, noise
from tools.detect.score import WANTED, alarms, delay
from tools.detect.sessions import made_up, records

EPISODES = 60
SESSIONS = made_up(24, seed=3)


def test_sessions_without_a_fault_raise_no_alarm_of_loops_retries_and_caches() -> None:
    """At most one in some 2,400 calls: made-up growth repeats itself by chance now and then."""
    found: Counter[str] = Counter()
    for name, turns in SESSIONS.items():
        found.update(rule for _, rule, _ in alarms(default_rules(), name, turns))
    assert found["tool_loop"] <= 1
    assert found["retry_storm"] == found["cache_lost"] == 0


@pytest.mark.parametrize(
    ("kind", "share", "least"),
    [
        *((kind, share, 0.95) for kind in ("retry", "cache", "loop1", "loop2", "loop3") for share in (0.0, 0.02)),
        *((kind, share, 0.95) for kind in ("again1", "again2", "again3") for share in (0.0, 0.02)),
        *((kind, 0.2, 0.8) for kind in ("retry", "cache", "loop1", "again1", "again2", "again3")),
    ],
)
def test_a_fault_is_found_within_five_calls(kind: str, share: float, least: float) -> None:
    chance = random.Random(f"{kind}{share}")
    rule = WANTED.get(kind, "tool_loop")
    delays = [
        delay(default_rules(), injected(SESSIONS, kind, noise(chance, share, "uniform"), chance), rule)
        for _ in range(EPISODES)
    ]
    assert sum(each is not None and each <= 5 for each in delays) >= least * EPISODES


def test_memory_is_bounded_and_what_is_evicted_is_counted() -> None:
    """More sessions and traces than are kept: at most twice the limit stays."""
    detectors = Detectors(default_rules())
    limits = default_rules().default.limits
    (turns,) = made_up(1, seed=5).values()
    calls = records("x", turns[:2])
    for number in range(3 * limits.sessions):
        for call in calls:
            detectors.observe(call._replace(trace_id=number + 1, session_id=f"s{number}", service=f"v{number % 200}"))
    assert len(detectors._sessions) <= 2 * limits.sessions
    assert len(detectors._traces) <= 2 * limits.traces
    assert len(detectors._services) <= 2 * limits.services
    assert detectors.evicted > 0
