# SPDX-License-Identifier: Apache-2.0
"""Budgets as the admission of captured calls: each call reserves before it is sent and settles after its answer."""

from __future__ import annotations

from contextvars import ContextVar

from spancost.control.budgets.actions import Action, ActOn, BudgetActions
from spancost.control.budgets.budgets import Budgets, Held
from spancost.control.budgets.exceeded import LIMIT_REACHED, BudgetExceeded
from spancost.control.budgets.facts import facts_of
from spancost.control.budgets.hold import Hold
from spancost.control.budgets.metered import StreamMeter
from spancost.control.guards import CallRequest, CallResult, Change
from spancost.core import semconv

current_hold: ContextVar[Hold | None] = ContextVar("spancost_budget_hold", default=None)
"""The reservation of the code that runs here: calls inside it are charged to it."""


class BudgetAdmission:
    """Admits captured calls by *budgets*. See `control.guards.Admission`."""

    def __init__(self, budgets: Budgets, actions: BudgetActions | None = None) -> None:
        self.budgets = budgets
        self.actions = actions or BudgetActions()
        self.cuts = any(limit.cut_at_limit for limit in budgets.limits)
        self._held: dict[int, Held | Hold] = {}
        self._meters: dict[int, StreamMeter] = {}

    @property
    def waits(self) -> bool:
        """Whether the store asks another process at each call."""
        return self.budgets.store.waits

    def admit(self, request: CallRequest, may_change: bool) -> Change | None:
        """Reserve what *request* may cost; BudgetExceeded when a budget has too little left and no action helps."""
        hold = current_hold.get()
        if hold is not None:
            self._held[request.number] = hold
            return None
        facts = facts_of(request)
        try:
            held = self.budgets.reserve(facts)
        except BudgetExceeded as refused:
            action = self.actions.of(self.budgets.limit(refused.budget))
            if action is None or not may_change or refused.reason != LIMIT_REACHED:
                raise
            held, change = self._changed(request, action, refused)
            if held is not None:
                self._held[request.number] = held
            return change
        if held is not None:
            self._held[request.number] = held
        return None

    def _changed(self, request: CallRequest, action: Action, refused: BudgetExceeded) -> tuple[Held | None, Change]:
        """Return what is reserved for *request* as *action* changes it, and the change; raise *refused* without one."""
        change = action(ActOn(request, refused))
        if change is None:
            raise refused
        changed = request._replace(
            model=change.model or request.model,
            output_bound=request.output_bound if change.output_bound is None else change.output_bound,
        )
        held = self.budgets.reserve(facts_of(changed))
        self.budgets.counts["changed"] += 1
        said: dict[str, str | int | float | bool] = {
            semconv.LLM_BUDGET_ID: refused.budget,
            semconv.LLM_BUDGET_KEY: refused.key,
            semconv.LLM_BUDGET_ACTION: "changed",
        }
        if change.model is not None and request.model is not None:
            said[semconv.LLM_BUDGET_REQUESTED_MODEL] = request.model
        if change.output_bound is not None:
            said[semconv.LLM_BUDGET_OUTPUT_BOUND] = change.output_bound
        return held, change._replace(span_attributes=said)

    def meter(self, request: CallRequest) -> StreamMeter | None:
        """Return what stops the stream of *request* at a limit that says so."""
        held = self._held.get(request.number)
        if not isinstance(held, Held) or not any(limit.cut_at_limit for limit in held.limits):
            return None
        made = self._meters[request.number] = StreamMeter(self.budgets, held)
        return made

    def settle(self, result: CallResult) -> None:
        """Settle the call of *result*; a further part of a call, for which nothing is reserved, is charged."""
        held = self._held.pop(result.request.number, None) if result.request.number else None
        if isinstance(held, Hold):
            held.add(result)
        elif held is not None:
            self.budgets.settle(held, result.record, is_lost=result.is_lost)
            meter = self._meters.pop(result.request.number, None)
            for further in () if meter is None else meter.further:
                self.budgets.store.settle(further, [0] * len(further.asks))
        elif result.record is not None and not result.request.number:
            self.budgets.charge(facts_of(result.request), result.record)

    def release(self, request: CallRequest) -> None:
        """Give back what is reserved for a call that is not watched."""
        held = self._held.pop(request.number, None)
        if held is not None and not isinstance(held, Hold):
            self.budgets.settle(held, None)

    def after_fork(self) -> None:
        """Go on in a forked child, whose parent settles the calls that are open."""
        self._held, self._meters = {}, {}
        self.budgets.after_fork()
