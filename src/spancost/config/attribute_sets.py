# SPDX-License-Identifier: Apache-2.0
"""The setting `attributes`: which attributes of a call are written on its span, by names of sets and of attributes.

The Collector's `llm_cost` has the same setting (`collector/llmcostprocessor/config.go`), with the same sets.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from spancost.core import semconv
from spancost.core.ledger.writes import CONTRACT_MARK

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
    return None if FULL in names else Selection(_expand(names), is_standard=STANDARD in names)


class Selection:
    """Removes attributes of calls that are not to be written.

    names: those to write. is_standard: also those that the set `standard` writes where the span does not state them.
    """

    def __init__(self, names: frozenset[str], *, is_standard: bool) -> None:
        stated_by = {key: other for key, other in semconv.STATED_BY.items() if is_standard and key not in names}
        implied = {key: value for key, value in semconv.IMPLIED.items() if is_standard and key not in names}
        kept = names | stated_by.keys() | implied.keys()
        self._left_out = tuple(key for key in semconv.FULL_ATTRIBUTES if key not in kept)
        self._parts = PARTS if is_standard else ()
        self._stated_by, self._implied = tuple(stated_by.items()), tuple(implied.items())

    def apply(self, writes: MutableMapping[str, Any], attributes: Mapping[str, Any]) -> None:
        """Remove from *writes* what is left out on a span with *attributes*."""
        for key in self._left_out:
            writes.pop(key, None)
        for key in self._parts:
            if writes.get(key) == 0:
                del writes[key]
        if self._implied and CONTRACT_MARK not in str(writes.get(semconv.LLM_PRICING_VERSION, "")):
            for key, value in self._implied:
                if writes.get(key) == value:
                    del writes[key]
        for key, other in self._stated_by:
            if key in writes and writes[key] == attributes.get(other):
                del writes[key]


def _expand(names: Sequence[str]) -> frozenset[str]:
    return frozenset(key for name in names for key in SETS.get(name, (name,)))
