# SPDX-License-Identifier: Apache-2.0
"""Shares of a feature or a service: calls without a cost, spend without a feature, input read from the cache."""

from __future__ import annotations

from math import isqrt

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.feature import Feature, Service
from spancost.core.detect.model_changed import decimal
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import Rules

UNPRICED = "unpriced_share"
UNTAGGED = "untagged_share"
CACHE = "cache_lost"


def unpriced_share(feature: Feature, call: Observation, reason: str | None, rules: Rules) -> Episode | None:
    """Look at an unpriced call; return the episode that begins with an alarm, which ends when the share has halved."""
    rule = rules.unpriced_share
    calls = feature.number - feature.unpriced_window
    if calls > rule.window_calls:
        feature.unpriced_window += calls // 2
        feature.unpriced //= 2
        calls -= calls // 2
    feature.unpriced += 1
    episode = feature.episodes.get(UNPRICED)
    if episode is not None:
        if feature.unpriced * 2000 < calls * rule.calls_permille:
            del feature.episodes[UNPRICED]
        else:
            episode.add(call)
        return None
    if not rule.enabled or feature.unpriced < rule.calls or feature.unpriced * 1000 < calls * rule.calls_permille:
        return None
    episode = Episode(UNPRICED, rule.text, decimal(rule.calls_permille), rules.limits.evidence)
    episode.add(call)
    episode.calls = feature.unpriced
    episode.facts = {
        "share": percent(feature.unpriced, calls),
        "feature": feature.name,
        "window": str(calls),
        "model": call.model or "an unknown model",
        "reason": reason or "no reason",
    }
    feature.episodes[UNPRICED] = episode
    return episode


def untagged_share(service: Service, feature: Feature, call: Observation, rules: Rules) -> Episode | None:
    """Look at a call without a feature, which *feature* has counted; return the episode that begins with an alarm."""
    episode = service.episode
    if episode is not None:
        episode.add(call)
        return None
    calls, femto = service.gone_calls + feature.number, service.gone_femto + feature.cost_femto
    if calls == 1:
        service.first_ns = call.start_ns
    rule = rules.untagged_share
    if len(service.span_ids) < rules.limits.evidence // 2:
        service.span_ids.append(call.span_id)
    if calls < rule.calls or femto < rule.cost_femto or not rule.enabled:
        return None
    spent = femto + service.tagged_femto
    if not service.tagged_femto or femto * 1000 < spent * rule.cost_permille:
        return None
    episode = Episode(UNTAGGED, rule.text, decimal(rule.cost_permille), rules.limits.evidence)
    episode.begin(call, service.span_ids)
    episode.calls, episode.cost_femto = calls, femto
    episode.first_ns = service.first_ns
    episode.facts = {"share": percent(femto, spent), "service": service.name}
    service.episode = episode
    return episode


def cached_share(feature: Feature, call: Observation, rules: Rules) -> Episode | None:
    """Close a window of calls; return an episode when its cached share is far below that of the windows before."""
    rule = rules.cache_lost
    tokens = feature.input - feature.window.input
    share = (feature.cached - feature.window.cached) * 1000 // tokens if tokens else 0
    known = feature.shares
    found: Episode | None = None
    if len(known) >= rule.windows and rule.enabled:
        mean = sum(known) // len(known)
        deviation = isqrt(sum((each - mean) ** 2 for each in known) // len(known))
        if share < mean - 3 * deviation and share * 1000 < mean * (1000 - rule.drop_permille):
            found = Episode(CACHE, rule.feature_text, decimal(mean * (1000 - rule.drop_permille) // 1000), 1)
            found.add(call)
            found.calls = feature.number - feature.window.number
            found.cost_femto = feature.cost_femto - feature.window.cost_femto
            found.first_ns = feature.window.start_ns
            found.facts = {
                "feature": feature.name,
                "share": percent(share, 1000),
                "usual": percent(mean, 1000),
            }
            known.clear()  # what is usual from now on is learnt anew
    known.append(share)
    if len(known) > 2 * rule.windows:
        del known[0]
    feature.begin_window(call.end_ns, rule.window_calls)
    return found


def percent(part: int, whole: int) -> str:
    """Return a share for people, in whole percent."""
    return f"{part * 100 // whole if whole else 0} %"
