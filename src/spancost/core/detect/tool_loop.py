# SPDX-License-Identifier: Apache-2.0
"""Tool loop: an agent goes round in circles; each round sends the whole context again."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import Rules
from spancost.core.detect.stream import Stream

RULE = "tool_loop"


def tool_loop(stream: Stream, call: Observation, rules: Rules) -> Episode | None:
    """Look at a call of a pattern that repeats, or after an episode began; return the episode that begins with it."""
    episode = stream.episodes.get(RULE)
    if episode is not None:
        if stream.loop.repeats(int(episode.facts["number"])):
            episode.add(call)
            return None
        stream.end_episode(RULE)
    alarm = stream.loop.weigh(rules.tool_loop)
    return None if alarm is None else begin(stream, call, alarm, rules)


def begin(stream: Stream, call: Observation, alarm: tuple[int, int], rules: Rules) -> Episode | None:
    """Return the episode of a pattern that alarms, given as its period and its repeats, if it costs enough."""
    rule, (period, repeats) = rules.tool_loop, alarm
    episode = Episode(RULE, rule.text, str(repeats), rules.limits.evidence)
    for seen in stream.lately(period + repeats - 1):
        episode.add(seen)
    episode.add(call)
    if episode.cost_femto < rule.min_cost_femto:
        return None
    episode.facts = {
        "number": str(period),
        "period": "1 call" if period == 1 else f"{period} calls",
        "growth": str(call.input - stream.lately(period)[0].input),
        "model": call.model or "an unknown model",
    }
    return stream.begin(episode)
