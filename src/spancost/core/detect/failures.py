# SPDX-License-Identifier: Apache-2.0
"""Retry storm of attempts that fail: nothing is billed, but the application is stuck, and uses up its rate limit."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import Rules

RULE = "retry_storm"


class FailedRun:
    """Attempts of one session at one model that failed one after another."""

    __slots__ = ("attempts", "calls", "end_ns", "episode", "model")

    def __init__(self, model: str | None) -> None:
        self.model = model
        self.calls = 0
        self.end_ns = 0
        self.attempts: list[Observation] = []
        self.episode: Episode | None = None

    def goes_on(self, call: Observation, within_ns: int) -> bool:
        """Return whether an attempt follows the last one."""
        return call.model == self.model and call.start_ns - self.end_ns <= within_ns

    def add(self, call: Observation, error: str | None, rules: Rules) -> Episode | None:
        """Take an attempt; return the episode that begins with an alarm.

        An attempt that overlaps with the last one is its outer span, or another call at the same time: it is left out.
        """
        if call.start_ns < self.end_ns:
            return None
        rule = rules.retry_storm
        self.calls += 1
        self.end_ns = call.end_ns
        if self.episode is not None:
            self.episode.add(call)
            return None
        self.attempts.append(call)
        if self.calls < rule.failures or not rule.enabled:
            del self.attempts[: -rules.limits.evidence]
            return None
        self.episode = Episode(RULE, rule.failures_text, str(rule.failures), rules.limits.evidence)
        for attempt in self.attempts:
            self.episode.add(attempt)
        self.episode.facts = {"model": call.model or "an unknown model", "error": error or "no reason"}
        self.attempts = []
        return self.episode
