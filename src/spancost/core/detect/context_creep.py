# SPDX-License-Identifier: Apache-2.0
"""Context creep: most of the money goes into tokens that were sent before, and nothing compacts the context."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode, usd_short
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import ContextCreep, Rules
from spancost.core.detect.stream import Stream
from spancost.core.money import usd_text

RULE = "context_creep"
_INPUT_WEIGHT = 100


def context_creep(stream: Stream, call: Observation, rules: Rules) -> Episode | None:
    """Add up what *stream* pays for what it has sent before; return the episode that begins with an alarm.

    A record has one cost for all of a call. The part that was read again is estimated by weights of the tokens, which
    are about the same for all providers; a compaction begins another stream.
    """
    rule = rules.context_creep
    before, cached = stream.last.input, call.cache_read
    again = before if before < call.input else call.input
    saved = _INPUT_WEIGHT - rule.cached_weight
    stream.weight += weight_of(call, rule) if stream.weight else weight_of(stream.last, rule) + weight_of(call, rule)
    stream.reread_weight += again * _INPUT_WEIGHT - (cached if cached < again else again) * saved
    stream.calls += 1
    stream.cost_femto += call.cost_femto
    if stream.cost_femto < rule.reread_femto or call.input < rule.min_input_tokens:
        return None
    return look(stream, call, rules)


def weight_of(call: Observation, rule: ContextCreep) -> int:
    """Return the weight of all tokens of a call."""
    return (
        call.input * _INPUT_WEIGHT
        - call.cache_read * (_INPUT_WEIGHT - rule.cached_weight)
        + call.cache_write * (rule.written_weight - _INPUT_WEIGHT)
        + call.output * rule.output_weight
    )


def look(stream: Stream, call: Observation, rules: Rules) -> Episode | None:
    """Compare what was paid for reading again with the bounds."""
    rule = rules.context_creep
    reread_femto = stream.cost_femto * stream.reread_weight // max(1, stream.weight)
    if reread_femto < rule.reread_femto:
        return None
    episode = stream.episodes.get(RULE)
    if episode is not None:
        episode.add(call)
        episode.facts["reread"], episode.facts["input"] = usd_short(reread_femto), str(call.input)
        return None
    if not rule.enabled or reread_femto * 1000 < stream.cost_femto * rule.reread_permille:
        return None
    episode = Episode(RULE, rule.text, usd_text(rule.reread_femto), rules.limits.evidence)
    for seen in stream.recent:
        episode.add(seen)
    episode.add(call)
    episode.calls, episode.cost_femto, episode.first_ns = stream.calls, stream.cost_femto, stream.first_ns
    episode.facts = {
        "reread": usd_short(reread_femto),
        "input": str(call.input),
        "model": call.model or "an unknown model",
    }
    return stream.begin(episode)
