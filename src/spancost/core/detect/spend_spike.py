# SPDX-License-Identifier: Apache-2.0
"""Spend spike: a feature spends much more than at this hour, or on this weekday, of past weeks."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode, usd_short
from spancost.core.detect.feature import Feature
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import Rules
from spancost.core.detect.seasonal import HOUR_NS, Seasonal
from spancost.core.money import usd_text

RULE = "spend_spike"
_KEYS = {168: "spend_spike/hour", 7: "spend_spike/day"}


def spend_spike(feature: Feature, seasonal: Seasonal, call: Observation, rules: Rules) -> Episode | None:
    """Look at a call in its hour or day; return the episode that begins with an alarm."""
    slot = call.start_ns // seasonal.slot_ns
    key = _KEYS[seasonal.slots]
    if slot > seasonal.slot:
        seasonal.turn(slot, call.start_ns, feature.number - 1, feature.cost_femto - call.cost_femto, rules.spend_spike)
        feature.episodes.pop(key, None)
    elif slot < seasonal.slot:
        return None  # late: its slot is closed
    if feature.cost_femto <= seasonal.quiet_femto or not rules.spend_spike.enabled:
        return None
    episode = feature.episodes.get(key)
    if episode is not None:
        episode.add(call)
        return None
    episode = Episode(RULE, rules.spend_spike.text, usd_text(seasonal.limit_femto), rules.limits.evidence)
    episode.add(call)
    episode.calls = feature.number - seasonal.calls_before
    episode.cost_femto = feature.cost_femto - seasonal.femto_before
    episode.first_ns = seasonal.first_ns
    is_hour = seasonal.slot_ns == HOUR_NS
    episode.facts = {
        "feature": feature.name,
        "period": "in this hour" if is_hour else "today",
        "slot": "hour" if is_hour else "weekday",
        "usual": usd_short(seasonal.usual),
    }
    feature.episodes[key] = episode
    return episode
