# SPDX-License-Identifier: Apache-2.0
"""Retry storm: the same request again and again, more often than a client retries on its own."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import RetryStorm, Rules
from spancost.core.detect.stream import Stream

RULE = "retry_storm"
_RISES = 2
"""Times in a row that a context must have grown to be taken for a conversation, not for a list of items."""
_SMALL = 20
"""Tokens below which outputs of one size are no sign of one request."""


def retry_storm(stream: Stream, call: Observation, rules: Rules) -> Episode | None:
    """Look at a call of the size of the last one, or at the end of repeats; return the episode that begins.

    Requests of the same size may be different ones: images of one size, items of a list. They count as repeats only in
    a context that has grown before, after an error, or with outputs of the same size.
    """
    rule = rules.retry_storm
    last = stream.last
    is_repeat = call.input == last.input and call.input and (call.output or call.error)
    if not is_repeat or call.start_ns - last.end_ns > rule.within_ns:
        stream.repeats = stream.similar = 0
        stream.end_episode(RULE)
        return None
    stream.repeats += 1
    if stream.rises >= _RISES or call.error or last.error or alike(call.output, last.output):
        stream.similar += 1
    episode = stream.episodes.get(RULE)
    if episode is not None:
        episode.add(call)
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
    for number, seen in enumerate(stream.lately(stream.repeats)):
        episode.add(seen)
        if number == 0 and len(stream.recent) + 1 >= calls:
            episode.cost_femto = 0  # the first request was wanted
    episode.add(call)
    if episode.cost_femto < rule.min_cost_femto:
        return None
    episode.facts = {"model": call.model or "an unknown model"}
    return stream.begin(episode)


def alike(output: int, before: int) -> bool:
    """Return whether two outputs have about the same size."""
    return output >= _SMALL and abs(output - before) * 20 <= max(output, before) + 40
