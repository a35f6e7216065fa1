# SPDX-License-Identifier: Apache-2.0
"""The data of the budgets on the overview: limit, used, reserved, end of the window, the day a budget is used up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from spancost.core.budget.estimate import HighestOf
from spancost.core.budget.ledger import Balance
from spancost.core.budget.limit import Limit
from spancost.core.budget.windows import ROLLING, TRACE
from spancost.core.money import usd_text
from spancost.reports.budget_use import State, Use, columns_of, state
from spancost.reports.periods import instant_text
from spancost.reports.selection import Selection
from spancost.reports.spend import range_of
from spancost.store.calls import Engine
from spancost.store.held import with_columns

NO_BUDGETS: dict[str, Any] = {"at": None, "budgets": [], "fault": None}
_SECOND_NS = 10**9


class Budgets(NamedTuple):
    """The budgets that the page shows.

    highest: the rates at which calls without a price count. balances: asks the store that processes share, None when
    there is none; OSError when it cannot be reached.
    """

    limits: Sequence[Limit]
    highest: HighestOf
    balances: Callable[[], Sequence[Balance]] | None = None


def budgets_panel(engine: Engine, selection: Selection, budgets: Budgets, now_ns: int | None = None) -> dict[str, Any]:
    """Return the state of each budget after the last call of the selected time range, or at *now_ns* without a range.

    Conditions of the selection do not count: a budget has its own.
    """
    if not budgets.limits:
        return NO_BUDGETS
    found = range_of(engine, Selection(since_ns=selection.since_ns, until_ns=selection.until_ns))
    if found is None:
        return NO_BUDGETS
    at_ns = found[1] if now_ns is None or selection.until_ns is not None else max(found[1], now_ns)
    reserved, fault = _reserved(budgets)
    made = (
        state(with_columns(engine, columns_of(limit)), limit, at_ns, budgets.highest, selection.since_ns)
        for limit in budgets.limits
    )
    return {"at": instant_text(at_ns), "budgets": [_budget(each, reserved) for each in made], "fault": fault}


def _reserved(budgets: Budgets) -> tuple[dict[str, int], str | None]:
    """Return what is reserved by key of the shared store, and why that is not known."""
    if budgets.balances is None:
        return {}, None
    try:
        return {balance.key: balance.reserved for balance in budgets.balances()}, None
    except (OSError, ValueError) as error:
        return {}, f"The store of the budgets does not tell what is reserved: {error}"


def _budget(found: State, reserved: dict[str, int]) -> dict[str, Any]:
    limit, period = found.limit, found.period
    rolling = limit.window.kind == ROLLING
    return {
        "id": limit.id,
        "limit_usd": f"{found.limit_usd:f}",
        "window": limit.window.kind,
        "rolling_seconds": limit.window.length_ns // _SECOND_NS if rolling else None,
        "zone": str(limit.window.zone),
        "ends": None if rolling or period.end_ns is None else instant_text(period.end_ns),
        "per": list(limit.per),
        "match": [f"{key}={'|'.join(patterns)}" for key, patterns in limit.match.items()],
        "at_limit": limit.at_limit,
        "values": found.values,
        "exhausted": found.exhausted,
        "why_unknown": found.why_unknown,
        "rows": [_row(found, use, reserved) for use in found.rows],
    }


def _row(found: State, use: Use, reserved: dict[str, int]) -> dict[str, Any]:
    name = found.period.name
    held = reserved.get(f"{use.account}:{name}" if name else use.account)
    return {
        "key": use.key,
        "trace_id": use.within if found.limit.window.kind == TRACE else None,
        "calls": use.calls,
        "unpriced": use.unpriced_calls,
        "used_usd": f"{use.used_usd:f}",
        "assumed_usd": f"{use.assumed_usd:f}" if use.assumed_usd else None,
        "reserved_usd": None if held is None else usd_text(held),
        "share": float(use.used_usd / found.limit_usd),
        "runs_out": None if use.runs_out is None else use.runs_out.isoformat(),
    }
