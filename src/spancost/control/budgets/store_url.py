# SPDX-License-Identifier: Apache-2.0
"""The store that an address names."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from spancost.config.budgets import BudgetError
from spancost.control.budgets.stores import MemoryStore, Store

FORMS = "memory, sqlite:FILE, valkey://HOST:PORT/DB or redis://HOST:PORT/DB"


def store_of(address: str | None) -> Store:
    """Return the store at *address* (None: of this process); BudgetError when it names none. Nothing is connected."""
    if address is None or address == "memory":
        return MemoryStore()
    if scheme_of(address) in ("valkey", "valkeys", "redis", "rediss"):
        return _shared(address)
    if scheme_of(address) == "sqlite" and (path := address.removeprefix("sqlite:").removeprefix("//")):
        from spancost.control.budgets.sqlite_store import SqliteStore

        return SqliteStore(Path(path).expanduser())
    raise BudgetError(f"budget_store: found {scheme_of(address)!r}; expected {FORMS}")


def scheme_of(address: str) -> str:
    """Return what may be shown of an address: never its password."""
    return address.partition(":")[0]


def _shared(address: str) -> Store:
    # A client library is loaded by those who share budgets only.
    from spancost.control.budgets.leased import LEASE_SECONDS, LeasedStore
    from spancost.control.budgets.script_client import ScriptClient
    from spancost.control.budgets.shared import SharedStore

    options = dict(parse_qsl(urlsplit(address).query))
    unknown = sorted(options.keys() - {"mode", "slice", "prefix", "lease"})
    if unknown:
        raise BudgetError(f"budget_store: found the option {unknown[0]!r}; expected mode, slice, prefix or lease")
    mode, prefix = options.get("mode", "leased"), options.get("prefix", "spancost")
    if mode not in ("leased", "exact"):
        raise BudgetError(f"budget_store: found mode={mode}; expected leased or exact")
    if mode == "exact":
        return SharedStore(ScriptClient(address), prefix)
    try:
        share = Fraction(options.get("slice", "1%").rstrip("%")) / 100
        seconds = float(options.get("lease", LEASE_SECONDS))
    except ValueError:
        raise BudgetError("budget_store: found no number in slice or lease; expected slice=1% and lease=60") from None
    if not (0 < share <= 1 and 1 <= seconds <= 3_600):
        raise BudgetError("budget_store: found slice or lease out of range; expected up to 100% and 1 to 3600 seconds")
    return LeasedStore(ScriptClient(address), prefix, share=share, lease_ns=round(seconds * 1e9))
