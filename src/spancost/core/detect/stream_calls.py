# SPDX-License-Identifier: Apache-2.0
"""Applies the rules about a context to a call that continues it. Most calls pass all of them by their sums alone."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.cache_lost import cache_lost
from spancost.core.detect.context_creep import look_for_creep
from spancost.core.detect.observation import Observation
from spancost.core.detect.retry_storm import retry_storm
from spancost.core.detect.rule import Rules
from spancost.core.detect.stream import KEPT, Stream
from spancost.core.detect.tool_loop import tool_loop


def look_at_stream(stream: Stream, call: Observation, rules: Rules, begun: list[Episode]) -> None:
    """Take a call that continues *stream*; episodes that begin are added to *begun*."""
    last = stream.last
    size, before = call.input, last.input
    if size != before and not stream.repeats:
        stream.rises = stream.rises + 1 if size > before else 0
    elif rules.retry_storm.enabled and (found := retry_storm(stream, call, rules)) is not None:
        begun.append(found)
    loops = rules.tool_loop
    if loops.enabled:
        alarm = stream.loop.add(size - before, call.output, call.start_ns - last.start_ns, loops)
        if (alarm is not None or stream.episodes) and (found := tool_loop(stream, call, alarm, rules)) is not None:
            begun.append(found)
    again = before if before < size else size
    cached = call.cache_read
    lost = rules.cache_lost
    if again >= lost.min_input_tokens and lost.enabled:
        is_read = cached * 1000 >= again * lost.warm_permille
        if is_read and not stream.cold and call.start_ns - last.end_ns <= lost.ttl_ns:
            stream.warm += 1
        elif (cached or stream.warm or stream.cold) and (found := cache_lost(stream, call, rules)) is not None:
            begun.append(found)
    stream.input += size
    stream.output += call.output
    stream.cached += cached
    stream.written += call.cache_write
    stream.again += again
    stream.again_cached += cached if cached < again else again
    cost = stream.cost_femto = stream.cost_femto + call.cost_femto
    creep = rules.context_creep
    if (
        cost >= creep.reread_femto
        and size >= creep.min_input_tokens
        and (found := look_for_creep(stream, call, rules)) is not None
    ):
        begun.append(found)
    stream.last = call
    recent, calls = stream.recent, stream.calls
    stream.calls = calls + 1
    if calls < KEPT:
        recent.append(call)
    else:
        recent[calls % KEPT] = call
