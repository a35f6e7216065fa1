# SPDX-License-Identifier: Apache-2.0
"""Context creep: most of the money goes into tokens that were sent before, and nothing compacts the context."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode, usd_short
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import Rules
from spancost.core.detect.stream import KEPT, Stream
from spancost.core.money import usd_text

RULE = "context_creep"
_INPUT_WEIGHT = 100


def look_for_creep(stream: Stream, call: Observation, rules: Rules) -> Episode | None:
    """Compare what *stream* paid for what it had sent before with the bounds; return the episode that begins.

    A record has one cost for all of a call. The part that was read again is estimated by weights of the tokens, which
    are about the same for all providers; a compaction begins another stream.
    """
    rule = rules.context_creep
    saved = _INPUT_WEIGHT - rule.cached_weight
    stream.add_up([*stream.lately(stream.calls - stream.added), call])
    weight = (
        stream.input * _INPUT_WEIGHT
        - stream.cached * saved
        + stream.written * (rule.written_weight - _INPUT_WEIGHT)
        + stream.output * rule.output_weight
    )
    again = stream.input - call.input - stream.fell  # of each call what the one before had too
    reread = again * _INPUT_WEIGHT - (stream.cached - stream.beyond) * saved
    reread_femto = stream.cost_femto * reread // max(1, weight)
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
    for seen in stream.lately(KEPT):
        episode.add(seen)
    episode.add(call)
    episode.calls, episode.cost_femto, episode.first_ns = stream.calls + 1, stream.cost_femto, stream.first_ns
    episode.facts = {
        "reread": usd_short(reread_femto),
        "input": str(call.input),
        "model": call.model or "an unknown model",
    }
    return stream.begin(episode)
