# SPDX-License-Identifier: Apache-2.0
"""What each call is compared with before any rule looks at it: the few numbers of the rules that every call needs."""

from __future__ import annotations

from typing import Final

from spancost.core.detect.history import NEXT_CALLS, NEXT_FEMTO
from spancost.core.detect.logarithm import units
from spancost.core.detect.loop_points import OUTPUT_NEAR
from spancost.core.detect.rule import Rules

_NEVER: Final = 1 << 200


class Bounds:
    """The bounds of one set of rules; those of a rule that is off are never reached.

    growth_ratio, output_ratio: by how much repeats of a pattern may differ, in units; small_output: up to which any two
    outputs are alike. cached_input: context from which on the cache is looked at. trace_calls, trace_femto: up to which
    nothing can happen to a trace in its first minute.
    """

    __slots__ = (
        "cached_input", "growth_ratio", "output_ratio", "reread_femto", "reread_input", "retries", "small_output",
        "trace_calls", "trace_femto", "ttl_ns", "warm_permille", "weighs_loops",
    )  # fmt: skip

    def __init__(self, rules: Rules) -> None:
        self.retries = rules.retry_storm.enabled
        loops = rules.tool_loop
        self.weighs_loops = loops.enabled
        self.growth_ratio, self.output_ratio = loops.growth_ratio, loops.output_ratio
        self.small_output = units(loops.small_output_tokens + OUTPUT_NEAR)
        cache = rules.cache_lost
        self.cached_input = cache.min_input_tokens if cache.enabled else _NEVER
        self.warm_permille, self.ttl_ns = cache.warm_permille, cache.ttl_ns
        creep = rules.context_creep
        self.reread_femto, self.reread_input = creep.reread_femto, creep.min_input_tokens
        trace = rules.runaway
        self.trace_calls = min(NEXT_CALLS, trace.calls)
        self.trace_femto = min(NEXT_FEMTO, trace.cost_femto, trace.minute_femto)
