# SPDX-License-Identifier: Apache-2.0
"""Puts budgets in force: from settings, from a file or from values, for all captured calls of the process."""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from spancost.config.budgets import of_settings
from spancost.config.output_bounds import output_bounds
from spancost.config.pricers import highest_of, prices
from spancost.config.settings import Settings, load
from spancost.control.budgets import actions
from spancost.control.budgets.admission import BudgetAdmission
from spancost.control.budgets.budgets import Budgets
from spancost.control.budgets.signals import BudgetMetrics, tell
from spancost.control.budgets.store_url import store_of
from spancost.control.budgets.stores import Store
from spancost.control.guards import PROCESS, Guards
from spancost.core.budget.limit import CallFacts, Limit

LOGGER = logging.getLogger("spancost")
_metrics: weakref.WeakKeyDictionary[Guards, BudgetMetrics] = weakref.WeakKeyDictionary()
_in_force: weakref.WeakSet[BudgetAdmission] = weakref.WeakSet()


def admission(
    limits: Sequence[Limit], *, settings: Settings | None = None, store: Store | None = None
) -> BudgetAdmission:
    """Return what admits calls by *limits*, at the prices of *settings*. It is not in force yet."""
    settings = load() if settings is None else settings
    pricer = prices(settings)
    facts_of = getattr(pricer, "facts_of", None)

    def context_of(facts: CallFacts) -> Mapping[str, str] | None:
        host = facts.values.get("host")
        context: dict[str, str] = {} if host is None else {"server_address": host}
        if facts_of is None:
            return context
        found: Mapping[str, str] | None = facts_of(context, facts.values, None)
        return found

    budgets = Budgets(
        limits,
        pricer.price,
        highest_of(settings),
        store=store,
        context_of=context_of,
        largest=output_bounds(pricer),
    )
    budgets.on_crossing = tell
    made = BudgetAdmission(budgets, actions.PROCESS)
    _in_force.add(made)
    return made


def from_settings(settings: Settings) -> BudgetAdmission | None:
    """Return what admits calls by the budgets of *settings*, None when they have none; BudgetError for wrong ones."""
    limits = of_settings(settings)
    return admission(limits, settings=settings, store=store_of(settings.budget_store)) if limits else None


def enforce(settings: Settings, guards: Guards = PROCESS) -> BudgetAdmission | None:
    """Put the budgets of *settings* in force, and return them. Wrong ones are logged, and then none is in force."""
    try:
        made = from_settings(settings)
    except Exception as error:  # a file may be wrong in any way
        LOGGER.error("spancost: budgets cannot be used, so no budget is in force: %s", error)
        return None
    if made is not None:
        put_in_force(made, guards)
    return made


def put_in_force(made: BudgetAdmission, guards: Guards = PROCESS) -> None:
    """Have every captured call admitted by *made* from now on."""
    before = _metrics.pop(guards, None)
    if before is not None:
        before.is_on = False
    _metrics[guards] = BudgetMetrics(made.budgets)
    guards.admission = made


def in_force(guards: Guards = PROCESS) -> BudgetAdmission | None:
    """Return what admits the calls of the process, None when no budget is in force."""
    found: Any = guards.admission
    return found if isinstance(found, BudgetAdmission) else None


def _after_fork() -> None:
    for made in list(_in_force):
        made.after_fork()


def _close() -> None:
    for made in list(_in_force):
        made.budgets.store.close()


# Settles what waits, and gives back the slices of a fleet's budgets.
atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
