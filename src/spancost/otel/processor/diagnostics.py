# SPDX-License-Identifier: Apache-2.0
"""Whatever goes wrong inside our callbacks is counted each time and logged once for each cause; nothing is raised."""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("spancost")
MAX_CAUSES = 256
"""Causes remembered for the sake of logging once; further ones are counted and not logged."""


class ErrorCounter:
    """Counts faults by the callback they happened in; `counts` maps `errors_<where>` to a number."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._causes: set[tuple[str, str]] = set()

    def record(self, where: str, error: BaseException) -> None:
        """Count *error* under *where*; log it, with its traceback, when its kind is new there. Never raises."""
        self._count(where)
        self.say_once(where, f"{type(error).__name__} in {where}; the span is exported as it is", error)

    def say_once(self, where: str, message: str, error: BaseException | None = None) -> None:
        """Log *message* as a warning unless the same one was logged for *where* before. Never raises."""
        # An error's own text may quote an attribute value, and so a prompt: only kinds and places are logged.
        cause = (where, message)
        if cause in self._causes or len(self._causes) >= MAX_CAUSES:
            return
        self._causes.add(cause)
        self.say(logging.WARNING, "spancost: %s%s", message, _place(error))

    def say(self, level: int, message: str, *values: object) -> None:
        """Log *message*. Never raises: a handler of the host may, and then nothing more can be done."""
        try:
            LOGGER.log(level, message, *values)
        except Exception:
            self._count("logging")

    def _count(self, where: str) -> None:
        key = f"errors_{where}"
        self.counts[key] = self.counts.get(key, 0) + 1


def _place(error: BaseException | None) -> str:
    """Return " (file:line)" of where *error* was raised, "" without one."""
    trace = error.__traceback__ if error is not None else None
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
