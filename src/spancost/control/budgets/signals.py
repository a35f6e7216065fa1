# SPDX-License-Identifier: Apache-2.0
"""What budgets tell: an event at each share and each refusal, gauges of what is used, a counter of refused calls."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter

from spancost.control.budgets.budgets import Budgets, Crossing
from spancost.core import semconv
from spancost.core.budget.limit import readable
from spancost.core.money import usd_float
from spancost.otel.events import emit_event

SCOPE = "spancost"
EVENT = "llm.budget"
USED, LIMIT, REFUSED = "llm.budget.used.usd", "llm.budget.limit.usd", "llm.budget.refused_requests"


def tell(crossing: Crossing) -> None:
    """Emit the event of a share that was used for the first time in its period, or of a refused call."""
    balance, limit = crossing.balance, crossing.limit
    found: dict[str, str | float] = {
        semconv.LLM_BUDGET_ID: limit.id,
        semconv.LLM_BUDGET_KEY: readable(crossing.key),
        semconv.LLM_BUDGET_ACTION: crossing.kind,
        semconv.LLM_BUDGET_SHARE: float(crossing.share),
        semconv.LLM_BUDGET_USED_USD: usd_float(balance.settled + balance.reserved),
        semconv.LLM_BUDGET_LIMIT_USD: usd_float(limit.femto),
    }
    emit_event(EVENT, found, severity="ERROR" if crossing.kind == "refused" else "WARN")


class BudgetMetrics:
    """The instruments of one set of budgets; they report nothing once another set is in force.

    Of a budget with many keys the one that used most is reported, so that there is one series a budget. With a store
    that processes share, it is the one of the last call of this process.
    """

    def __init__(self, budgets: Budgets, meter_provider: MeterProvider | None = None) -> None:
        self.is_on = True
        self._budgets = budgets
        meter = get_meter(SCOPE, meter_provider=meter_provider)
        meter.create_observable_gauge(USED, [self._used], "{USD}", "Settled and reserved in the current window.")
        meter.create_observable_gauge(LIMIT, [self._limits], "{USD}", "Limit of the budget in its window.")
        meter.create_observable_counter(REFUSED, [self._refused], "{request}", "Calls that the budget refused.")

    def _used(self, options: CallbackOptions) -> Iterable[Observation]:
        if self.is_on:
            used = self._budgets.most_used()
            for limit in self._budgets.limits:  # 0 when its window is over: a gauge that ends is kept at its last value
                yield Observation(usd_float(used.get(limit.id, 0)), {semconv.LLM_BUDGET_ID: limit.id})

    def _limits(self, options: CallbackOptions) -> Iterable[Observation]:
        if self.is_on:
            for limit in self._budgets.limits:
                yield Observation(usd_float(limit.femto), {semconv.LLM_BUDGET_ID: limit.id})

    def _refused(self, options: CallbackOptions) -> Iterable[Observation]:
        if self.is_on:
            for limit in self._budgets.limits:
                yield Observation(self._budgets.refused[limit.id], {semconv.LLM_BUDGET_ID: limit.id})
