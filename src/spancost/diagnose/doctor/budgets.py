# SPDX-License-Identifier: Apache-2.0
"""Findings about budgets: whether they can be used, and who shares them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from spancost.config.budgets import BudgetError, load, of_lines
from spancost.config.settings import Settings
from spancost.diagnose.doctor.findings import FINE, NOTE, PROBLEM, Finding
from spancost.diagnose.format_count import format_count

BUDGETS = "Budgets"
_LIBRARIES = {"valkey": "valkey", "valkeys": "valkey", "redis": "redis", "rediss": "redis"}


def inspect_budgets(settings: Settings) -> Iterator[Finding]:
    """Yield the budgets of *settings*; nothing when there are none."""
    if settings.budgets is None and not settings.budget:
        return
    try:
        limits = of_lines(settings.budget, "SPANCOST_BUDGET")
        if settings.budgets is not None:
            limits = (*load(Path(settings.budgets).expanduser()), *limits)
    except BudgetError as error:
        fix = "Correct it: spancost budget check FILE. Until then no call is refused."
        yield Finding(BUDGETS, PROBLEM, f"No budget is in force: {error}", fix, {"budgets": settings.budgets})
        return
    names = [limit.id for limit in limits]
    store = settings.budget_store or "memory"
    scheme = store.partition(":")[0]  # an address may hold a password
    facts = {"budgets": names, "store": scheme}
    yield Finding(
        BUDGETS, FINE, f"{format_count(len(names), 'budget')}: {', '.join(names)}; store: {scheme}", "", facts
    )
    if scheme == "memory":
        text = "Each process has budgets of its own: several workers may each spend the limit."
        fix = (
            "With several workers, set SPANCOST_BUDGET_STORE: sqlite:FILE on one host, valkey://HOST:PORT/DB for more."
        )
        yield Finding(BUDGETS, NOTE, text, fix, facts)
    wanted = _LIBRARIES.get(scheme)
    if wanted is not None and not any(importlib.util.find_spec(name) for name in set(_LIBRARIES.values())):
        text = f"No budget is in force: found no client library for {scheme}."
        yield Finding(BUDGETS, PROBLEM, text, f"pip install 'spancost[{wanted}]'", facts)
