# SPDX-License-Identifier: Apache-2.0
"""The store that an address names."""

from __future__ import annotations

from spancost.config.budgets import BudgetError
from spancost.control.budgets.stores import MemoryStore, Store

FORMS = "memory, sqlite:FILE, valkey://HOST:PORT/DB or redis://HOST:PORT/DB"


def store_of(address: str | None) -> Store:
    """Return the store at *address* (None: of this process); BudgetError when it names none. Nothing is connected."""
    if address is None or address == "memory":
        return MemoryStore()
    raise BudgetError(f"budget_store: found {scheme_of(address)!r}; expected {FORMS}")


def scheme_of(address: str) -> str:
    """Return what may be shown of an address: never its password."""
    return address.partition(":")[0]
