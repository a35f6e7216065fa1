# SPDX-License-Identifier: Apache-2.0
"""Chooses the strategy of a processor: the one that is set, or one that is seen to work."""

from __future__ import annotations

import logging

from spancost.otel.processor import strategy as strategies
from spancost.otel.processor.diagnostics import ErrorCounter

DISABLED = "disabled"


class StrategySelector:
    """The strategy in force: "" until the first span starts.

    An SDK that has the hook says nothing of the wrappers between its provider and us, which may not forward it. So in
    `auto` spans are wrapped until the hook proves to be called (`is_trying`). wraps: wrap the end of spans that start.
    """

    def __init__(self, wanted: str, errors: ErrorCounter) -> None:
        self._wanted = wanted
        self._errors = errors
        self.strategy = ""
        self.wraps = False
        self.is_trying = False

    @property
    def may_change(self) -> bool:
        """Whether the hook is in use and may turn out not to be called."""
        return self._wanted == "auto" and self.strategy == strategies.HOOK

    @property
    def is_idle_at_start(self) -> bool:
        """Whether there is nothing to do when spans start."""
        return not self.wraps and not self.is_trying and self.strategy in (strategies.HOOK, strategies.ON_END)

    def choose(self) -> None:
        """Take the strategy that is set or works."""
        self.settle(strategies.best() if self._wanted == "auto" else self._wanted)
        if self.may_change:
            self.wraps = self.is_trying = True

    def settle(self, strategy: str) -> None:
        """Use *strategy* from now on."""
        self.is_trying = False
        self.wraps = strategy == strategies.WRAP
        self.strategy = strategy
        self._errors.say(logging.DEBUG, "spancost: strategy %s", strategy)
