# SPDX-License-Identifier: Apache-2.0
"""A bounded cache of two dictionaries (generations); the older one is evicted as a whole."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class GenerationalCache(Generic[K, V]):
    """A mapping that keeps at least the last *size* keys and at most twice as many.

    Every operation is O(1). `evicted` counts the entries dropped with their generation.
    """

    __slots__ = ("_turns", "evicted", "new", "old", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.new: dict[K, V] = {}
        self.old: dict[K, V] = {}
        self.evicted = 0
        self._turns = [True]  # a token for the rotating thread: unlike a lock it cannot stay held in a forked child

    def __contains__(self, key: K) -> bool:
        return key in self.new or key in self.old

    def __len__(self) -> int:
        return len(self.new) + sum(key not in self.new for key in self.old)

    def get(self, key: K) -> V | None:
        """Return the value of *key*, None when there is none."""
        value = self.new.get(key)
        return self.old.get(key) if value is None else value

    def set(self, key: K, value: V) -> None:
        """Store *value* under *key*; evict the older generation when the newer one is full."""
        new = self.new
        new[key] = value
        if len(new) >= self.size:
            self.turn()

    def turn(self) -> None:
        """Evict the older generation if the newer one is full, and start a new one. `set` calls this.

        Threads that find it full at the same time rotate it once.
        """
        try:
            turn = self._turns.pop()
        except IndexError:
            return
        try:
            new = self.new
            if len(new) >= self.size:
                old = self.old
                self.evicted += len(old) - len(old.keys() & new.keys())  # at once: other threads may still write
                self.old, self.new = new, {}
        finally:
            self._turns.append(turn)

    def pop(self, key: K) -> V | None:
        """Remove *key* and return its value, None when there is none."""
        old = self.old.pop(key, None) if self.old else None
        return self.new.pop(key, old)

    def clear(self) -> None:
        """Remove all entries; what holds one of the generations keeps it. Also mends what a fork cut short."""
        if self.new:
            self.new = {}
        if self.old:
            self.old = {}
        if not self._turns:
            self._turns = [True]
