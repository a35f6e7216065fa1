# SPDX-License-Identifier: Apache-2.0
"""What is done instead of refusing a call: another model, a smaller bound of the output."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from spancost.control.budgets.exceeded import BudgetExceeded
from spancost.control.guards import CallRequest, Change
from spancost.core.budget.limit import Limit


class ActOn(NamedTuple):
    """A call that a budget does not admit: its request (`model`, `output_bound`), and the refusal."""

    request: CallRequest
    refused: BudgetExceeded


Action: TypeAlias = "Callable[[ActOn], Change | None]"
"""Returns what to change in the request, None to refuse the call."""


class BudgetActions:
    """Actions by name."""

    def __init__(self) -> None:
        self._known: dict[str, Action] = {}

    def register(self, name: str, action: Action) -> None:
        """Have `at_limit: name` call *action*."""
        self._known[name] = action

    def forget(self, name: str) -> None:
        """Have `at_limit: name` refuse calls again."""
        self._known.pop(name, None)

    def of(self, limit: Limit | None) -> Action | None:
        """Return the action of *limit*, None when it has none."""
        if limit is None:
            return None
        if limit.degrade is not None:
            return lambda _: Change(*limit.degrade) if limit.degrade is not None else None
        return self._known.get(limit.at_limit)


PROCESS = BudgetActions()
"""The actions of this process."""
register_budget_action = PROCESS.register
