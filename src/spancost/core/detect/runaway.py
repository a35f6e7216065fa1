# SPDX-License-Identifier: Apache-2.0
"""Runaway: a trace makes more calls, costs more, or costs more in a minute than it may."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode, usd_short
from spancost.core.detect.history import MILLI, History, bound
from spancost.core.detect.observation import Observation
from spancost.core.detect.rule import Rules
from spancost.core.detect.trace import MINUTE_NS, Trace
from spancost.core.money import usd_text

RULE = "runaway"


def count(trace: Trace, call: Observation, rules: Rules) -> Episode | None:
    """Count a call of *trace*; return the episode that begins with an alarm."""
    calls = trace.calls = trace.calls + 1
    before = trace.cost_femto
    cost = trace.cost_femto = before + call.cost_femto
    since = call.end_ns - trace.minute_ns
    if since >= MINUTE_NS:
        trace.turn(since, before)
    elif since < 0:
        trace.elsewhere_femto += call.cost_femto
    if calls <= trace.quiet_calls and cost <= trace.quiet_femto and trace.rules is rules:
        return None
    return count_closely(trace, call, rules)


def count_closely(trace: Trace, call: Observation, rules: Rules) -> Episode | None:
    """Look at a call that may alarm, and say until when none of the trace can."""
    calls, cost, minute = trace.calls, trace.cost_femto, trace.cost_femto - trace.elsewhere_femto
    if calls > trace.next_calls or cost > trace.next_femto:
        grow(trace, minute)
    rule = rules.runaway
    trace.rules = rules
    trace.quiet_calls = min(trace.next_calls, rule.calls)
    minute += trace.minute_femto_before
    trace.quiet_femto = min(trace.next_femto, rule.cost_femto, cost + rule.minute_femto - minute)
    if calls > rule.calls or cost > rule.cost_femto or minute > rule.minute_femto:
        return look(trace, call, rules)
    return None


def grow(trace: Trace, minute_femto: int) -> None:
    """Move the trace to the classes of size that it has reached; in the running minute it cost *minute_femto*."""
    feature = trace.feature
    if trace.calls > trace.next_calls:
        trace.calls_class = feature.calls.reach(trace.calls_class, trace.calls)
        trace.next_calls = bound(trace.calls_class)
    if trace.cost_femto > trace.next_femto:
        trace.cost_class = feature.cost.reach(trace.cost_class, trace.cost_femto // MILLI)
        trace.next_femto = (bound(trace.cost_class) + 1) * MILLI - 1
    reached = minute_femto // MILLI
    if reached > bound(trace.minute_class):
        trace.minute_class = feature.minute.reach(trace.minute_class, reached)


def look(trace: Trace, call: Observation, rules: Rules) -> Episode | None:
    """Compare a trace above a floor with the other traces of its feature."""
    rule = rules.runaway
    episode = trace.runaway
    if episode is not None:
        episode.add(call)
        return None
    if not rule.enabled:
        return None
    feature, times = trace.feature, rule.times
    known = feature.traces > rule.history_traces

    def most(floor: int, history: History, own: int, unit: int) -> int:
        return max(floor, history.usual_most(feature.traces, own) * unit * times) if known else floor

    calls = most(rule.calls, feature.calls, trace.calls_class, 1)
    cost = most(rule.cost_femto, feature.cost, trace.cost_class, MILLI)
    minute = most(rule.minute_femto, feature.minute, trace.minute_class, MILLI)
    last_minute = trace.last_minute_femto(call.end_ns)
    if trace.cost_femto > cost:
        threshold, facts = usd_text(cost), {"measure": "its cost", "bound": usd_short(cost)}
    elif last_minute > minute and trace.calls >= rule.minute_calls:
        measure = f"{usd_short(last_minute)} in the last minute"
        threshold, facts = usd_text(minute), {"measure": measure, "bound": usd_short(minute)}
    elif trace.calls > calls:
        threshold, facts = str(calls), {"measure": "their number", "bound": str(calls)}
    else:
        return None
    episode = Episode(RULE, rule.text, threshold, rules.limits.evidence)
    episode.add(call)
    episode.calls, episode.cost_femto, episode.first_ns = trace.calls, trace.cost_femto, trace.first_ns
    episode.facts = facts
    trace.runaway = episode
    return episode
