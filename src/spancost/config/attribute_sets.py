# SPDX-License-Identifier: Apache-2.0
"""The setting `attributes`: which attributes of a call are written on its span, by names of sets and of attributes.

The Collector's `llm_cost` has the same setting (`collector/llmcostprocessor/config.go`), with the same sets.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from spancost.core import semconv

FULL, STANDARD = "full", "standard"
SETS: Mapping[str, tuple[str, ...]] = {
    STANDARD: semconv.STANDARD_ATTRIBUTES,
    FULL: semconv.FULL_ATTRIBUTES,
    "lean": semconv.LEAN_ATTRIBUTES,
}
PARTS = (
    semconv.LLM_CACHED_INPUT_TOKENS,
    semconv.LLM_CACHE_WRITE_INPUT_TOKENS,
    semconv.LLM_REASONING_OUTPUT_TOKENS,
)
"""Parts of the tokens, which `standard` leaves out where they are 0."""


def check(names: Sequence[str]) -> None:
    """Raise ValueError when *names* holds what is neither a set nor an attribute, or lacks `llm.cost_status`."""
    for name in names:
        if name not in SETS and name not in semconv.FULL_ATTRIBUTES:
            expected = ", ".join((*SETS, *semconv.FULL_ATTRIBUTES))
            raise ValueError(f"found {name!r}; expected some of {expected}")
    if semconv.LLM_COST_STATUS not in _expand(names):
        raise ValueError(f"found no {semconv.LLM_COST_STATUS}; expected it: it says that the span is priced")


def selection(names: Sequence[str]) -> Selection | None:
    """Return what leaves out the attributes that *names* does not hold; None when it holds all."""
    return None if FULL in names else Selection(_expand(names), zero_parts=STANDARD not in names)


class Selection:
    """Removes attributes of calls that are not to be written."""

    def __init__(self, names: frozenset[str], *, zero_parts: bool) -> None:
        self._left_out = tuple(key for key in semconv.FULL_ATTRIBUTES if key not in names)
        self._parts = () if zero_parts else PARTS

    def apply(self, writes: MutableMapping[str, Any]) -> None:
        """Remove from *writes* what is left out."""
        for key in self._left_out:
            writes.pop(key, None)
        for key in self._parts:
            if writes.get(key) == 0:
                del writes[key]


def _expand(names: Sequence[str]) -> frozenset[str]:
    return frozenset(key for name in names for key in SETS.get(name, (name,)))
