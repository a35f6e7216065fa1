# SPDX-License-Identifier: Apache-2.0
"""Watches a stream and stops it where its cost would exceed what is left of a budget (`cut_at_limit`)."""

from __future__ import annotations

from spancost.control.budgets.budgets import Budgets, Held
from spancost.control.budgets.exceeded import BudgetExceeded
from spancost.control.budgets.stores import Refusal, Reservation
from spancost.core import semconv
from spancost.core.budget.limit import readable, value_key

_PARTS = 8
"""What a stream needs beyond its reservation is reserved in parts of an eighth of it."""


class StreamMeter:
    """The stream of one call. covered: what it may cost without asking, the least of its budgets."""

    def __init__(self, budgets: Budgets, held: Held) -> None:
        self._budgets = budgets
        self._held = held
        self.further: list[Reservation] = []
        cut = [place for place, limit in enumerate(held.limits) if limit.cut_at_limit]
        balances, parts = held.reservation.balances, held.parts
        # A call that may cross was admitted with less left than it may cost.
        self._covered = min(
            min(
                parts[place].amount,
                parts[place].limit - balances[place].settled - balances[place].reserved + parts[place].amount,
            )
            for place in cut
        )
        self._step = max(1, max(part.amount for part in parts) // _PARTS)
        self._cut = cut

    def __call__(self, output_tokens: int) -> BudgetExceeded | None:
        """Return what stops the stream, None while its cost is covered."""
        cost = self._budgets.cost_femto(self._held, output_tokens)
        while cost > self._covered:
            parts = [
                self._held.parts[place]._replace(amount=max(self._step, cost - self._covered), may_cross=False)
                for place in self._cut
            ]
            done = self._budgets.store.reserve(parts, self._budgets.hold_ns)
            if isinstance(done, Refusal):
                return self._stopped(done, cost)
            self.further.append(done)
            self._covered += parts[0].amount
        return None

    def _stopped(self, refusal: Refusal, cost: int) -> BudgetExceeded:
        place = self._cut[refusal.place]
        limit = self._held.limits[place]
        key = readable(value_key(limit, self._held.facts) or "")
        # What this call has reserved is not what others used.
        own = self._held.parts[place].amount + sum(further.asks[refusal.place].amount for further in self.further)
        used = refusal.balance.settled + refusal.balance.reserved - own + min(cost, own)
        self._budgets.counts["cut"] += 1
        stop = BudgetExceeded(limit.id, key, used, limit.femto, cost, refusal.resets_ns)
        stop.span_attributes = {**stop.span_attributes, semconv.LLM_BUDGET_ACTION: "cut"}
        return stop
