# SPDX-License-Identifier: Apache-2.0
"""A reservation that application code makes for calls that nothing captures: `with spancost.reserve(...) as hold`."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from spancost.control.guards import CallResult
from spancost.core.money import FEMTO_PER_USD
from spancost.core.record import CallRecord

if TYPE_CHECKING:
    from spancost.control.budgets.budgets import Budgets, Held


class Hold:
    """What is reserved inside a block. Without `settle`, what was reserved is charged at the end of the block.

    An exception that leaves the block charges nothing; a cancellation charges the input.
    """

    def __init__(self, budgets: Budgets | None, held: Held | None) -> None:
        self._budgets = budgets
        self._held = held
        self._captured: int | None = None
        self._is_settled = held is None

    def settle(self, cost: CallRecord | Decimal | int | str) -> None:
        """Settle at what the work cost: a record, or an amount in USD (no float). Only the first time counts."""
        if self._is_settled or self._held is None or self._budgets is None:
            return
        self._is_settled = True
        if isinstance(cost, CallRecord):
            self._budgets.settle(self._held, cost)
        else:
            self._budgets.settle_at(self._held, round(Fraction(cost) * FEMTO_PER_USD))

    def add(self, result: CallResult) -> None:
        """Add a call that was captured inside the block."""
        if result.record is not None and result.record.cost_femto is not None:
            self._captured = (self._captured or 0) + result.record.cost_femto

    def end(self, error: BaseException | None) -> None:
        """Settle what the block did not settle."""
        if self._is_settled or self._held is None or self._budgets is None:
            return
        self._is_settled = True
        if self._captured is not None:
            self._budgets.settle_at(self._held, self._captured)
        elif error is None:
            self._budgets.settle_reserved(self._held)
        else:
            self._budgets.settle(self._held, None, is_lost=not isinstance(error, Exception))
