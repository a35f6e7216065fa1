# SPDX-License-Identifier: Apache-2.0
"""Cache lost: a context that was read from the provider's cache is sent in full, call after call."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import Rules
from spancost.core.detect.stream import Stream

RULE = "cache_lost"


def cache_lost(stream: Stream, call: Observation, rules: Rules) -> Episode | None:
    """Look at a call that continues *stream*; return the episode that begins with an alarm.

    What could have been read is the context of the call before, if that was not longer ago than the cache lives. Single
    calls without the cache are normal: after a pause, at a change of the prompt's beginning.
    """
    rule = rules.cache_lost
    possible = min(stream.last.input, call.input)
    if possible < rule.min_input_tokens:
        return None
    if call.start_ns - stream.last.end_ns > (rule.long_ttl_ns if stream.long_ttl else rule.ttl_ns):
        end(stream)
        return None
    read = call.cache_read * 1000
    if read > possible * rule.cold_permille:
        if stream.cold:
            end(stream)
        stream.warm = stream.warm + 1 if read >= possible * rule.warm_permille else 0
        return None
    if stream.warm < rule.warm_calls:
        stream.warm = 0
        return None
    stream.cold += 1
    episode = stream.episodes.get(RULE)
    if episode is not None:
        episode.add(call)
        return None
    if stream.cold < rule.calls:
        return None
    episode = Episode(RULE, rule.text, str(rule.calls), rules.limits.evidence)
    for seen in stream.lately(stream.cold - 1):
        episode.add(seen)
    episode.add(call)
    if episode.cost_femto < rule.min_cost_femto:
        return None
    episode.facts = {"model": call.model or "an unknown model"}
    return stream.begin(episode)


def end(stream: Stream) -> None:
    """Begin anew: the cache is read again, or nobody can expect it to be."""
    if stream.cold:
        stream.cold = stream.warm = 0
    stream.end_episode(RULE)
