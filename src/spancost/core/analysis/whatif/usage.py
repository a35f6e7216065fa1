# SPDX-License-Identifier: Apache-2.0
"""Changes of what a call used: fewer tokens, another tokenizer, another split between cached and ordinary input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from spancost.core.analysis.whatif.prompt_cache import Split
from spancost.core.call import Quantity

INPUT, OUTPUT = "input_tokens", "output_tokens"
CACHE_READ, CACHE_WRITE, REASONING = "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"
_CACHE = "cache_"
_TOKENS = "_tokens"
_OUTPUT_PARTS = (OUTPUT, REASONING)


class Range(NamedTuple):
    """Usage of a call in the cheapest, the expected and the most expensive case."""

    low: Mapping[str, Quantity]
    expected: Mapping[str, Quantity]
    high: Mapping[str, Quantity]

    def changed(self, change: Callable[[Mapping[str, Quantity]], Mapping[str, Quantity]]) -> Range:
        """Return the range with *change* applied to each case."""
        return Range(change(self.low), change(self.expected), change(self.high))


def scaled(usage: Mapping[str, Quantity], numerator: int, denominator: int = 1000) -> dict[str, Quantity]:
    """Return *usage* with every number of tokens times the quotient, rounded; other meters stay."""
    if numerator == denominator:
        return dict(usage)
    return {
        meter: (amount * numerator + denominator // 2) // denominator
        if meter.endswith(_TOKENS) and isinstance(amount, int)
        else amount
        for meter, amount in usage.items()
    }


def truncated(usage: Mapping[str, Quantity], most: int) -> dict[str, Quantity]:
    """Return *usage* with at most *most* input tokens; every part of the input keeps its share."""
    total = usage.get(INPUT)
    if not isinstance(total, int) or total <= most:
        return dict(usage)
    return {
        meter: amount * most // total
        if meter not in _OUTPUT_PARTS and not meter.startswith("output_") and meter.endswith(_TOKENS)
        and isinstance(amount, int)
        else amount
        for meter, amount in usage.items()
    }  # fmt: skip


def recached(usage: Mapping[str, Quantity], split: Split, writes: str) -> dict[str, Quantity]:
    """Return *usage* with the parts of *split* read from and written to the cache; *writes* is the lifetime written."""
    found = {meter: amount for meter, amount in usage.items() if not meter.startswith(_CACHE)}
    if split.read:
        found[CACHE_READ] = split.read
    if split.written and writes:
        found[CACHE_WRITE] = split.written
        found[f"cache_write_{writes}_tokens"] = split.written
    return found


def without_reasoning(usage: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """Return *usage* of a model that answers the same without reasoning."""
    reasoning, output = usage.get(REASONING, 0), usage.get(OUTPUT)
    if output is None or not reasoning:
        return dict(usage)
    found = {meter: amount for meter, amount in usage.items() if meter != REASONING}
    found[OUTPUT] = max(output - reasoning, 0)
    return found


def with_more_reasoning(usage: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """Return *usage* of a model that reasons twice as much."""
    reasoning, output = usage.get(REASONING, 0), usage.get(OUTPUT)
    if output is None or not reasoning:
        return dict(usage)
    return {**usage, OUTPUT: output + reasoning, REASONING: 2 * reasoning}
