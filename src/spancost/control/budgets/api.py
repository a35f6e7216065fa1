# SPDX-License-Identifier: Apache-2.0
"""The public functions of budgets: put them in force, reserve by hand, ask what is used."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from spancost.config.budgets import load, of_lines
from spancost.config.settings import load as load_settings
from spancost.control.budgets import setup
from spancost.control.budgets.admission import BudgetAdmission, current_hold
from spancost.control.budgets.facts import context_of
from spancost.control.budgets.hold import Hold
from spancost.control.budgets.store_url import store_of
from spancost.core.budget.limit import CallFacts, parsed_key, readable
from spancost.core.money import usd_decimal


class BudgetStatus(NamedTuple):
    """What is used of one budget in its current window, exactly.

    expired_usd: the part of settled_usd that was reserved and never settled.
    """

    budget: str
    key: str
    period: str | None
    limit_usd: Decimal | None
    settled_usd: Decimal
    reserved_usd: Decimal
    expired_usd: Decimal


def enforce_budgets(source: str | os.PathLike[str] | Sequence[str], *, store: str | None = None) -> BudgetAdmission:
    """Put budgets in force for every captured call and every `reserve` of this process; they replace earlier ones.

    source: a file (a path), or lines such as `["trace:5", "workspace_id:20/day"]`. store: see the setting
    `budget_store`.
    BudgetError (a ValueError) names what is wrong.
    """
    settings = load_settings()
    limits = load(Path(source).expanduser()) if isinstance(source, (str, os.PathLike)) else of_lines(source, "source")
    made = setup.admission(limits, settings=settings, store=store_of(store or settings.budget_store))
    setup.put_in_force(made)
    return made


def budget_status() -> list[BudgetStatus]:
    """Return what is used of the budgets in force, one row for each key that was used; empty when none is in force.

    A store that processes share is told first what this process has settled; OSError when it cannot be read.
    """
    made = setup.in_force()
    if made is None:
        return []
    made.budgets.store.flush()
    found: list[BudgetStatus] = []
    for balance in made.budgets.store.balances():
        name = parsed_key(balance.key)
        limit = made.budgets.limit(name.budget)
        found.append(
            BudgetStatus(
                name.budget,
                readable(name.key),
                name.period or None,
                None if limit is None else usd_decimal(limit.femto),
                usd_decimal(balance.settled),
                usd_decimal(balance.reserved),
                usd_decimal(balance.expired),
            )
        )
    return found


class reserve:
    """Reserve the cost of a call that nothing captures: `with spancost.reserve(provider=…, model=…) as hold`.

    Entering raises `BudgetExceeded` when a budget has too little left. `hold.settle(cost)` takes what the call cost, as
    an amount in USD without floats or as a `CallRecord`; without it everything reserved is charged at the end. An
    exception charges nothing, a cancellation the input. Captured calls inside the block are charged to it, and reserve
    nothing themselves. It is an asynchronous context manager too.

    Attributes:
        provider, model, operation: as on spans.
        input_tokens: an upper estimate. max_output_tokens: the bound of the output; None for the budget's assumption.
        tags: `app.*` attributes, over those of `attribution`.
        session: the id of the session; that of the current span by default.
    """

    def __init__(
        self,
        *,
        provider: str,
        model: str,
        input_tokens: int,
        max_output_tokens: int | None = None,
        operation: str | None = None,
        tags: Mapping[str, str] | None = None,
        session: str | None = None,
    ) -> None:
        self._values = {"provider": provider, "model": model}
        if operation is not None:
            self._values["operation"] = operation
        self._tokens = (input_tokens, max_output_tokens)
        self._tags = tags or {}
        self._session = session

    def __enter__(self) -> Hold:
        made = setup.in_force()
        values = dict(self._values)
        trace_id, session = context_of(values)
        values.update(self._tags)
        self._hold: Hold | None = None
        if made is None:
            return Hold(None, None)
        held = made.budgets.reserve(CallFacts(values, trace_id, self._session or session, *self._tokens))
        self._hold = Hold(made.budgets, held)
        self._token = current_hold.set(self._hold)
        return self._hold

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._hold is not None:
            current_hold.reset(self._token)
            self._hold.end(error)

    async def __aenter__(self) -> Hold:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)
