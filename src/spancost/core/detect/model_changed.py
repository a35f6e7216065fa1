# SPDX-License-Identifier: Apache-2.0
"""Model changed: a feature moved to a model that costs more for the same tokens."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.feature import Feature, ModelUse
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import Rules

RULE = "model_changed"
_MODELS = 8


def other_model(feature: Feature, call: Observation) -> None:
    """Make the model of *call* the one that the feature uses now, and add the calls before it to the other one."""
    tokens = feature.input + feature.output - call.input - call.output
    add_up(feature, feature.number - 1, feature.cost_femto - call.cost_femto, tokens)
    feature.model = call.model
    use = feature.models.get(call.model)
    if use is None:
        if len(feature.models) >= _MODELS:
            least = min(feature.models, key=lambda model: feature.models[model].calls)
            del feature.models[least]
        use = feature.models[call.model] = ModelUse(call.start_ns)
        use.others = feature.number - 1
    feature.use = use


def model_changed(feature: Feature, call: Observation, rules: Rules) -> Episode | None:
    """Look at a call of a model that the feature uses only lately; return the episode that begins with an alarm."""
    use, rule = feature.use, rules.model_changed
    add_up(feature, feature.number, feature.cost_femto, feature.input + feature.output)
    key = f"{RULE}/{call.model}"
    episode = feature.episodes.get(key)
    if episode is not None:
        episode.add(call)
        return None
    if len(use.span_ids) < rules.limits.evidence // 2:
        use.span_ids.append(call.span_id)
    since = feature.number - use.others
    if use.others < rule.history_calls or use.calls < rule.calls or use.calls * 1000 < rule.calls_permille * since:
        return None
    before, name = usual(feature, call.model)
    if not rule.enabled or before is None or not use.tokens or not before.tokens or not before.cost_femto:
        return None
    permille = use.cost_femto * before.tokens * 1000 // (before.cost_femto * use.tokens)
    if permille < rule.cost_permille:
        return None
    episode = Episode(RULE, rule.text, decimal(rule.cost_permille), rules.limits.evidence)
    episode.begin(call, use.span_ids)
    episode.calls, episode.cost_femto, episode.first_ns = use.calls, use.cost_femto, use.first_ns
    episode.facts = {
        "feature": feature.name,
        "before": name or "an unknown model",
        "model": call.model or "an unknown model",
        "multiple": decimal(permille // 10 * 10),
    }
    feature.episodes[key] = episode
    return episode


def add_up(feature: Feature, number: int, cost_femto: int, tokens: int) -> None:
    """Add the calls up to *number* since the last time to the model in use; the arguments are sums of the feature."""
    use, (added_number, added_femto, added_tokens) = feature.use, feature.added
    use.calls += number - added_number
    use.cost_femto += cost_femto - added_femto
    use.tokens += tokens - added_tokens
    feature.added = number, cost_femto, tokens


def usual(feature: Feature, model: str | None) -> tuple[ModelUse | None, str | None]:
    """Return the model that the feature used most, but for *model*."""
    best: ModelUse | None = None
    found: str | None = None
    for name, use in feature.models.items():
        if name != model and (best is None or use.calls > best.calls):
            best, found = use, name
    return best, found


def decimal(permille: int) -> str:
    """Return thousandths as a decimal number without trailing zeros."""
    whole, rest = divmod(permille, 1000)
    digits = f"{rest:03d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
