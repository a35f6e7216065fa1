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
    if (
        calls <= trace.quiet_calls
        and cost <= trace.quiet_femto
        and 0 <= call.end_ns - trace.minute_ns < MINUTE_NS
        and trace.rules is rules
    ):
        return None
    return count_closely(trace, call, before, rules)


def count_closely(trace: Trace, call: Observation, before_femto: int, rules: Rules) -> Episode | None:
    """Look at a call that may alarm, after *before_femto*, and say until when none of the trace can."""
    trace.minute_femto += before_femto - trace.seen_femto
    trace.seen_femto = trace.cost_femto
    minute_ns = call.end_ns - call.end_ns % MINUTE_NS
    if minute_ns == trace.minute_ns:
        trace.minute_femto += call.cost_femto
    elif minute_ns > trace.minute_ns:
        trace.minute_femto_before = trace.minute_femto if minute_ns == trace.minute_ns + MINUTE_NS else 0
        trace.minute_ns, trace.minute_femto = minute_ns, call.cost_femto
    if trace.calls > trace.next_calls or trace.cost_femto > trace.next_femto:
        grow(trace)
    rule = rules.runaway
    trace.rules = rules
    trace.quiet_calls = min(trace.next_calls, rule.calls)
    left = rule.minute_femto - trace.minute_femto - trace.minute_femto_before
    trace.quiet_femto = min(trace.next_femto, rule.cost_femto, trace.cost_femto + left)
    if (
        trace.calls > rule.calls
        or trace.cost_femto > rule.cost_femto
        or trace.minute_femto + trace.minute_femto_before > rule.minute_femto
    ):
        return look(trace, call, rules)
    return None


def grow(trace: Trace) -> None:
    """Move the trace to the classes of size that it has reached."""
    feature = trace.feature
    if trace.calls > trace.next_calls:
        trace.calls_class = feature.calls.reach(trace.calls_class, trace.calls)
        trace.next_calls = bound(trace.calls_class)
    if trace.cost_femto > trace.next_femto:
        trace.cost_class = feature.cost.reach(trace.cost_class, trace.cost_femto // MILLI)
        trace.next_femto = (bound(trace.cost_class) + 1) * MILLI - 1
    reached = trace.minute_femto // MILLI
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
