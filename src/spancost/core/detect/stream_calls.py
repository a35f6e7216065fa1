# SPDX-License-Identifier: Apache-2.0
"""Applies the rules about a context to a call that continues it. Most calls pass all of them by a comparison each."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.bounds import Bounds
from spancost.core.detect.cache_lost import cache_lost
from spancost.core.detect.context_creep import look_for_creep
from spancost.core.detect.observation import Observation
from spancost.core.detect.retry_storm import retry_storm
from spancost.core.detect.rule import Rules
from spancost.core.detect.stream import KEPT, Stream
from spancost.core.detect.tool_loop import tool_loop


def look_at_stream(stream: Stream, call: Observation, bounds: Bounds, rules: Rules, begun: list[Episode]) -> None:
    """Take a call that continues *stream*; episodes that begin are added to *begun*."""
    last, calls = stream.last, stream.calls
    size, before = call.input, last.input
    again, cached = before, call.cache_read
    if size <= before:
        again = size
        stream.fell += before - size
    if size == before or stream.repeats:
        if bounds.retries and (found := retry_storm(stream, call, rules)) is not None:
            begun.append(found)
        stream.flat_calls += 1
    elif size < before:
        stream.flat_calls = calls + 1
    if cached > again:
        stream.beyond += cached - again
    if (
        bounds.weighs_loops
        and (stream.loop.add(size - before, call.output, call.start_ns - last.start_ns, bounds) or stream.episodes)
        and (found := tool_loop(stream, call, rules)) is not None
    ):
        begun.append(found)
    if again >= bounds.cached_input:
        if (
            cached * 1000 >= again * bounds.warm_permille
            and not stream.cold
            and call.start_ns - last.end_ns <= bounds.ttl_ns
        ):
            stream.warm += 1
        elif (cached or stream.warm or stream.cold) and (found := cache_lost(stream, call, rules)) is not None:
            begun.append(found)
    cost = stream.cost_femto = stream.cost_femto + call.cost_femto
    if (
        cost >= bounds.reread_femto
        and size >= bounds.reread_input
        and (found := look_for_creep(stream, call, rules)) is not None
    ):
        begun.append(found)
    if calls < KEPT:
        stream.recent.append(call)
    else:
        place = calls % KEPT
        if not place:
            stream.add_up(stream.recent[KEPT - calls + stream.added :])  # they are overwritten from now on
        stream.recent[place] = call
    stream.last = call
    stream.calls = calls + 1
