# SPDX-License-Identifier: Apache-2.0
"""Counts the calls of a feature. Most calls change sums only; the rules look at those that may alarm."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.feature import Feature
from spancost.core.detect.model_changed import model_changed, other_model
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import Rules
from spancost.core.detect.seasonal import HOUR_NS
from spancost.core.detect.shares import cached_share
from spancost.core.detect.spend_spike import spend_spike


def look_at_feature(feature: Feature, call: Observation, rules: Rules, begun: list[Episode]) -> None:
    """Count a call of a feature and apply the rules about features; episodes that begin are added to *begun*."""
    number = feature.number = feature.number + 1
    spent = feature.cost_femto = feature.cost_femto + call.cost_femto
    feature.cached += call.cache_read
    feature.input += call.input
    feature.output += call.output
    if (
        spent > feature.quiet_femto
        or not 0 <= call.start_ns - feature.hour_ns < HOUR_NS
        or number >= feature.window_end
        or call.model != feature.model
    ):
        look_closely(feature, call, rules, begun)


def look_closely(feature: Feature, call: Observation, rules: Rules, begun: list[Episode]) -> None:
    """Look at a call that may alarm, and say until when none can."""
    cost, tokens = call.cost_femto, call.input + call.output
    hour, day = feature.hour, feature.day
    all_tokens = feature.input + feature.output
    add(feature, feature.number - 1, feature.cost_femto - cost, all_tokens - tokens)
    feature.seen = feature.number, feature.cost_femto, all_tokens
    if call.model != feature.model:
        other_model(feature, call)
    use = feature.use
    use.calls += 1
    use.cost_femto += cost
    use.tokens += tokens
    if use.others and (found := model_changed(feature, call, rules)) is not None:
        begun.append(found)
    for seasonal in (hour, day):
        if (found := spend_spike(feature, seasonal, call, rules)) is not None:
            begun.append(found)
    if feature.number >= feature.window_end and (found := cached_share(feature, call, rules)) is not None:
        begun.append(found)
    feature.hour_ns = hour.slot * HOUR_NS
    left = min(hour.limit_femto - hour.cost_femto, day.limit_femto - day.cost_femto)
    feature.quiet_femto = (
        feature.cost_femto + left if left >= 0 and use.others < rules.model_changed.history_calls else -1
    )


def add(feature: Feature, number: int, cost_femto: int, tokens: int) -> None:
    """Add the calls up to *number* to the model, the hour and the day that they all belong to.

    cost_femto, tokens: of all calls of the feature up to it.
    """
    seen_number, seen_femto, seen_tokens = feature.seen
    calls, cost = number - seen_number, cost_femto - seen_femto
    if not calls:
        return
    use, hour, day = feature.use, feature.hour, feature.day
    use.calls += calls
    use.cost_femto += cost
    use.tokens += tokens - seen_tokens
    hour.calls += calls
    hour.cost_femto += cost
    day.calls += calls
    day.cost_femto += cost
