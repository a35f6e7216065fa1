# SPDX-License-Identifier: Apache-2.0
"""A bounded memory of what was seen lately: two generations of a dictionary, the older forgotten as a whole."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class GenerationalCache(Generic[K, V]):
    """A mapping that keeps at least the last *size* keys set and at most twice as many.

    Every operation is O(1). `evicted` counts the entries that were still held when their generation was dropped.
    """

    __slots__ = ("_turns", "evicted", "new", "old", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.new: dict[K, V] = {}
        self.old: dict[K, V] = {}
        self.evicted = 0
        self._turns = [True]  # taken out by the thread that turns: a lock would be held in a child after a fork

    def __contains__(self, key: K) -> bool:
        return key in self.new or key in self.old

    def __len__(self) -> int:
        return len(self.new) + sum(key not in self.new for key in self.old)

    def get(self, key: K) -> V | None:
        """Return the value of *key*, None when it is not held."""
        value = self.new.get(key)
        return self.old.get(key) if value is None else value

    def set(self, key: K, value: V) -> None:
        """Hold *value* under *key*; the older generation goes when the newer one is full."""
        new = self.new
        new[key] = value
        if len(new) >= self.size:
            self.turn()

    def turn(self) -> None:
        """Let the newer generation, if it is full, become the older one, which goes: `set` does so by itself.

        Threads that find it full at the same time turn it once.
        """
        try:
            turn = self._turns.pop()
        except IndexError:
            return
        try:
            new = self.new
            if len(new) >= self.size:
                old = list(self.old)  # a copy: another thread may still write
                self.evicted += sum(key not in new for key in old)
                self.old, self.new = new, {}
        finally:
            self._turns.append(turn)

    def pop(self, key: K) -> V | None:
        """Take *key* out and return its value, None when it is not held."""
        old = self.old.pop(key, None) if self.old else None
        return self.new.pop(key, old)

    def clear(self) -> None:
        """Forget everything."""
        self.new, self.old = {}, {}
