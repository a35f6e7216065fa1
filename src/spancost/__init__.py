# SPDX-License-Identifier: Apache-2.0
"""A correct, versioned dollar cost on every LLM call in an OpenTelemetry trace, and totals on every span above it.

The public names are loaded when they are first used, so that `import spancost` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spancost.config.price import Cost, price
    from spancost.config.settings import Settings, SettingsError
    from spancost.control.budgets.actions import register_budget_action
    from spancost.control.budgets.api import budget_status, enforce_budgets, reserve
    from spancost.control.budgets.exceeded import BudgetExceeded
    from spancost.otel.attribution import attribution
    from spancost.otel.outcome import record_outcome
    from spancost.otel.processor import LLMCostProcessor
    from spancost.otel.sampling import record_all

__version__ = "0.1.0"

__all__ = [
    "BudgetExceeded",
    "Cost",
    "LLMCostProcessor",
    "Settings",
    "SettingsError",
    "__version__",
    "attribution",
    "budget_status",
    "enforce_budgets",
    "price",
    "record_all",
    "record_outcome",
    "register_budget_action",
    "reserve",
]

_HOMES = {
    "BudgetExceeded": "spancost.control.budgets.exceeded",
    "Cost": "spancost.config.price",
    "LLMCostProcessor": "spancost.otel.processor",
    "Settings": "spancost.config.settings",
    "SettingsError": "spancost.config.settings",
    "attribution": "spancost.otel.attribution",
    "budget_status": "spancost.control.budgets.api",
    "enforce_budgets": "spancost.control.budgets.api",
    "price": "spancost.config.price",
    "record_all": "spancost.otel.sampling",
    "record_outcome": "spancost.otel.outcome",
    "register_budget_action": "spancost.control.budgets.actions",
    "reserve": "spancost.control.budgets.api",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
