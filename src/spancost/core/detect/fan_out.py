# SPDX-License-Identifier: Apache-2.0
"""Fan-out: many calls at once under one span."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import Rules
from spancost.core.detect.trace import Siblings, Trace

RULE = "fan_out"


def siblings_of(trace: Trace, parent_id: int, start_ns: int, limit: int) -> Siblings:
    """Return what is kept of the calls under a span; there are at most *limit* such spans of a trace."""
    fan = trace.fan
    if fan is None:
        fan = trace.fan = {}
    found = fan.get(parent_id)
    if found is None:
        if len(fan) >= limit:
            del fan[next(iter(fan))]
        found = fan[parent_id] = Siblings(start_ns)
    return found


def fan_out(trace: Trace, call: Observation, parent_id: int, rules: Rules) -> Episode | None:
    """Look at a call that overlaps with another one of *trace*; return the episode that begins with an alarm.

    Calls one after another under one span are an agent at work; only those that run at the same time count here.
    """
    siblings = siblings_of(trace, parent_id, call.start_ns, rules.limits.parents)
    siblings.calls += 1
    siblings.cost_femto += call.cost_femto
    siblings.first_ns = min(siblings.first_ns, call.start_ns)
    evidence = rules.limits.evidence
    if len(siblings.span_ids) < evidence // 2:
        siblings.span_ids.append(call.span_id)
    rule = rules.fan_out
    if siblings.calls & (siblings.calls - 1) == 0:
        trace.fan_class = trace.feature.fan.reach(trace.fan_class, siblings.calls)
    if siblings.calls < rule.calls or siblings.cost_femto < rule.cost_femto or not rule.enabled:
        return None
    episode = trace.fan_out
    if episode is not None:
        if episode.facts["parent"] == str(parent_id):
            episode.add(call)
        return None
    most = rule.calls
    if trace.feature.traces > rule.history_traces:
        most = max(most, trace.feature.fan.usual_most(trace.feature.traces, trace.fan_class) * rule.times)
    if siblings.calls < most:
        return None
    episode = Episode(RULE, rule.text, str(most), evidence)
    episode.begin(call, siblings.span_ids)
    episode.calls, episode.cost_femto, episode.first_ns = siblings.calls, siblings.cost_femto, siblings.first_ns
    episode.facts = {"parent": str(parent_id)}
    trace.fan_out = episode
    return episode
