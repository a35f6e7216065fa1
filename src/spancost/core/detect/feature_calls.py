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
    since = call.start_ns - feature.hour_ns
    if since < 0:
        hour, day = feature.hour, feature.day
        hour.calls_before += 1
        hour.femto_before += call.cost_femto
        if call.start_ns < day.begin_ns:
            day.calls_before += 1
            day.femto_before += call.cost_femto
    if spent > feature.quiet_femto or since >= HOUR_NS or number >= feature.window_end or call.model != feature.model:
        look_closely(feature, call, rules, begun)


def look_closely(feature: Feature, call: Observation, rules: Rules, begun: list[Episode]) -> None:
    """Look at a call that may alarm, and say until when none can."""
    hour, day = feature.hour, feature.day
    if call.model != feature.model:
        other_model(feature, call)
    is_new = feature.use.others >= rules.model_changed.history_calls
    if is_new and (found := model_changed(feature, call, rules)) is not None:
        begun.append(found)
    for seasonal in (hour, day):
        if (found := spend_spike(feature, seasonal, call, rules)) is not None:
            begun.append(found)
    if feature.number >= feature.window_end and (found := cached_share(feature, call, rules)) is not None:
        begun.append(found)
    feature.hour_ns = hour.begin_ns
    feature.quiet_femto = -1 if is_new else min(hour.quiet_femto, day.quiet_femto)
