# SPDX-License-Identifier: Apache-2.0
"""What happened to captured calls, counted; each kind of error is logged once. Nothing here raises."""

from __future__ import annotations

import logging
import threading
from collections import Counter

LOGGER = logging.getLogger("spancost")
_CAUSES_KEPT = 256


class Counts:
    """Counters by name, safe to use from any thread; `say_once` logs a sentence the first time."""

    def __init__(self) -> None:
        # A stream's finalizer may come here while its own thread holds the lock: the garbage collector runs anywhere.
        self._lock = threading.RLock()
        self._counts: Counter[str] = Counter()
        self._said: set[str] = set()

    def renew_lock(self) -> None:
        """Take a free lock: in a forked child, where another thread may hold the old one."""
        self._lock = threading.RLock()

    def add(self, name: str) -> None:
        """Count one more *name*."""
        with self._lock:
            self._counts[name] += 1

    def fault(self, where: str, error: BaseException) -> None:
        """Count an error of ours; its text is not logged, because it may quote what was read."""
        self.add(f"errors_{where}")
        self.say_once(f"{type(error).__name__} in capture ({where}); the call goes on as if nothing looked")

    def say_once(self, sentence: str) -> None:
        """Log *sentence* as a warning unless it was logged before."""
        with self._lock:
            if sentence in self._said or len(self._said) >= _CAUSES_KEPT:
                return
            self._said.add(sentence)
        try:
            LOGGER.warning("spancost: %s", sentence)
        except Exception:  # a handler of the host's may raise: nothing more can be done
            self.add("errors_logging")

    def warn_of_usage(self, host: str, is_estimated: bool) -> None:
        """Say once how to have a stream of *host* report its usage."""
        known = "an estimate" if is_estimated else "unknown"
        self.say_once(
            f"a stream of {host} reported no usage, so its cost is {known}; ask for it with"
            ' stream_options={"include_usage": True}, or let capture ask (include_usage=True)'
        )

    def snapshot(self) -> dict[str, int]:
        """Return all counters."""
        with self._lock:
            return dict(self._counts)
