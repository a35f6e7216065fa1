# SPDX-License-Identifier: Apache-2.0
"""The exception of a call that a budget does not admit."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from spancost.control.guards import CallStopped
from spancost.core import semconv
from spancost.core.money import usd_decimal, usd_float, usd_text

LIMIT_REACHED, PRICE_UNKNOWN, STORE_UNREACHABLE = "limit_reached", "price_unknown", "store_unreachable"
_SENTENCES = {
    PRICE_UNKNOWN: "the price of the call is unknown, which this budget refuses",
    STORE_UNREACHABLE: "the store of the budget cannot be reached, and the budget blocks calls then",
}


class BudgetExceeded(CallStopped):
    """A call was not sent, because a budget has too little left for it. Sending it again does not help before
    `resets_at`.

    Attributes:
        budget: the id of the budget. key: the values it is for, "" when it is one for all calls.
        used_usd: what is settled and reserved, exactly. limit_usd: the limit.
        needed_usd: the estimate of the call.
        resets_at: when the window ends (UTC); None when it never does.
        reason: "limit_reached", "price_unknown" or "store_unreachable".
        is_retryable: False.
    """

    is_retryable = False

    def __init__(
        self,
        budget: str,
        key: str,
        used_femto: int,
        limit_femto: int,
        needed_femto: int,
        resets_ns: int | None,
        reason: str = LIMIT_REACHED,
    ) -> None:
        self._parts = (budget, key, used_femto, limit_femto, needed_femto, resets_ns, reason)
        self.budget = budget
        self.key = key
        self.reason = reason
        self.used_femto = used_femto
        self.limit_femto = limit_femto
        self.needed_femto = needed_femto
        self.resets_at = None if resets_ns is None else datetime.fromtimestamp(resets_ns // 10**9, timezone.utc)
        self.span_attributes = {
            semconv.LLM_BUDGET_ID: budget,
            semconv.LLM_BUDGET_KEY: key,
            semconv.LLM_BUDGET_ACTION: "refused",
            semconv.LLM_BUDGET_REASON: reason,
            semconv.LLM_BUDGET_USED_USD: usd_float(used_femto),
            semconv.LLM_BUDGET_LIMIT_USD: usd_float(limit_femto),
            semconv.LLM_BUDGET_NEEDED_USD: usd_float(needed_femto),
        }
        if (resets := self._resets_text()) is not None:
            self.span_attributes[semconv.LLM_BUDGET_RESETS_AT] = resets
        super().__init__(self._sentence())

    @property
    def used_usd(self) -> Decimal:
        """What is settled and reserved."""
        return usd_decimal(self.used_femto)

    @property
    def limit_usd(self) -> Decimal:
        """The limit."""
        return usd_decimal(self.limit_femto)

    @property
    def needed_usd(self) -> Decimal:
        """The estimate of the call."""
        return usd_decimal(self.needed_femto)

    def body(self) -> dict[str, Any]:
        """Return what a server answers with status 429: an error as the providers write it, with exact amounts."""
        return {
            "error": {
                "type": "budget_exceeded",
                "code": self.reason,
                "message": str(self),
                "budget": self.budget,
                "key": self.key,
                "used_usd": usd_text(self.used_femto),
                "limit_usd": usd_text(self.limit_femto),
                "needed_usd": usd_text(self.needed_femto),
                "resets_at": self._resets_text(),
            }
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return BudgetExceeded, self._parts

    def _resets_text(self) -> str | None:
        return None if self.resets_at is None else f"{self.resets_at:%Y-%m-%dT%H:%M:%SZ}"

    def _sentence(self) -> str:
        whose = f" of {self.key}" if self.key else ""
        found = _SENTENCES.get(self.reason) or (
            f"{usd_text(self.used_femto)} of {usd_text(self.limit_femto)} USD are used, and the call needs up to"
            f" {usd_text(self.needed_femto)} USD"
        )
        resets = "" if self.resets_at is None else f"; it resets at {self._resets_text()}"
        return f"budget {self.budget}{whose}: {found}{resets}"
