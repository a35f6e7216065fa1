# SPDX-License-Identifier: Apache-2.0
"""Retry storm: the same request again and again, more often than a client retries on its own."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.observation import Observation
from spancost.core.detect.rules import RetryStorm, Rules
from spancost.core.detect.stream import Stream

RULE = "retry_storm"


def retry_storm(stream: Stream, call: Observation, rules: Rules) -> Episode | None:
    """Look at a call that continues *stream*; return the episode that begins with an alarm.

    Requests of the same size may be different ones: images of one size, items of a list. They count as repeats only in
    a context that has grown before, after an error, or with outputs of the same size.
    """
    rule = rules.retry_storm
    if call.input != stream.input:
        stream.has_grown = True
        if stream.repeats:
            stream.repeats = stream.similar = 0
            stream.episodes.pop(RULE, None)
        return None
    if not call.input or not (call.output or call.error) or call.start_ns - stream.end_ns > rule.within_ns:
        stream.repeats = stream.similar = 0
        stream.episodes.pop(RULE, None)
        return None
    stream.repeats += 1
    if stream.has_grown or call.error or stream.was_error or alike(call.output, stream.output):
        stream.similar += 1
    episode = stream.episodes.get(RULE)
    if episode is not None:
        episode.add(call.seen())
        return None
    return begin(stream, call, rule, rules.limits.evidence)


def begin(stream: Stream, call: Observation, rule: RetryStorm, evidence: int) -> Episode | None:
    """Return the episode if there are repeats enough."""
    if stream.similar >= rule.repeats:
        threshold = rule.repeats
    elif stream.repeats >= rule.other_repeats:
        threshold = rule.other_repeats
    else:
        return None
    episode = Episode(RULE, rule.text, str(threshold), evidence)
    calls = stream.repeats + 1
    for number, seen in enumerate(stream.recent[max(0, len(stream.recent) + 1 - calls) :]):
        episode.add(seen)
        if number == 0 and len(stream.recent) + 1 >= calls:
            episode.cost_femto = 0  # the first request was wanted
    episode.add(call.seen())
    if episode.cost_femto < rule.min_cost_femto:
        return None
    episode.facts = {"model": call.model or "an unknown model"}
    stream.episodes[RULE] = episode
    return episode


def alike(output: int, before: int) -> bool:
    """Return whether two outputs have about the same size."""
    return abs(output - before) * 20 <= max(output, before) + 40
