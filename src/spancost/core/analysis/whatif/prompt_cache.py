# SPDX-License-Identifier: Apache-2.0
"""What a provider's prompt cache would have read and written, from the sizes and times of the calls of a session.

A prompt that follows another one in a session begins with that one: this is how conversations and agents grow. So the
part that can be read is the previous prompt, while it lives. A much shorter prompt was compacted and shares nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from spancost.core.analysis.whatif.knowledge import CacheRule

_COMPACTED = 2
"""A prompt below one in this many of the one before is a new prompt."""
_NS = 1_000_000_000


class Split(NamedTuple):
    """Tokens of one prompt that the cache reads and writes. The rest is ordinary input."""

    read: int
    written: int


NOTHING = Split(0, 0)


class SessionCache:
    """The cache of one session: what it holds, and until when."""

    def __init__(self, rule: CacheRule, is_ideal: bool = False) -> None:
        """*is_ideal*: nothing expires and no prompt is too short."""
        self._rule = rule
        self._minimum = 0 if is_ideal else rule.minimum
        self._ideal = is_ideal
        self._held = 0
        self._until_ns = 0

    def next(self, tokens: int, at_ns: int) -> Split:
        """Return what is read and written for the next prompt of the session, of *tokens* tokens at *at_ns*."""
        rule = self._rule
        alive = self._ideal or at_ns <= self._until_ns
        reusable = self._held if alive and self._held <= tokens * _COMPACTED else 0
        read = min(reusable, tokens) // rule.step * rule.step
        if read < self._minimum:
            read = 0
        stored = tokens if tokens >= self._minimum else 0
        self._held = stored
        self._until_ns = at_ns + rule.life_seconds * _NS
        return Split(read, max(stored - read, 0) if rule.writes else 0)
