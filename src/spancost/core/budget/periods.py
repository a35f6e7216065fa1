# SPDX-License-Identifier: Apache-2.0
"""What a call asks of each budget, and the period that the budget's window is in, remembered until it ends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from spancost.core.budget.ledger import Ask
from spancost.core.budget.windows import IDLE_NS, SESSION, TRACE, Period, Window, period_at

FOR_EVER_NS = 2**63 - 1
_new_ask = partial(tuple.__new__, Ask)  # a third of the time of Ask(...)
BRIEF = frozenset({TRACE, SESSION})
"""Windows of which there are many, each for a short time."""
_KEPT = 256
_ACCOUNTS_KEPT = 4_096


class Part(NamedTuple):
    """One budget of a reservation before its period is known: the store tells the time.

    account: the id of the budget and its values. amount, limit, may_cross, enforced: see `Ask`, in femto-dollars.
    on_failure: what is done when the store cannot be reached.
    """

    account: str
    window: Window
    amount: int
    limit: int
    may_cross: bool = False
    enforced: bool = True
    on_failure: str = "local"


class _Current(NamedTuple):
    """The period that an account is in, [start_ns, end_ns), with what an ask says of it."""

    window: Window
    start_ns: int
    end_ns: int
    key: str
    first_slot: int
    slot: int
    expires_ns: int


class Periods:
    """Periods of windows and of accounts, each remembered until it ends; safe to use from threads."""

    def __init__(self) -> None:
        self._current: dict[Window, Period] = {}
        self._accounts: dict[str, _Current] = {}

    def at(self, window: Window, now_ns: int) -> Period:
        """Return the period of *window* at *now_ns*."""
        period = self._current.get(window)
        if period is None or now_ns < period.start_ns or (period.end_ns is not None and now_ns >= period.end_ns):
            if len(self._current) >= _KEPT:
                self._current.clear()
            period = self._current[window] = period_at(window, now_ns)
        return period

    def asks(self, parts: Sequence[Part], now_ns: int) -> tuple[Ask, ...]:
        """Return what *parts* ask at *now_ns*; the key of each is its account and the name of the period."""
        asks: list[Ask] = []
        known = self._accounts
        for account, window, amount, limit, may_cross, enforced, _ in parts:
            if window.kind in BRIEF:
                asks.append(_new_ask((account, amount, limit, may_cross, 0, 0, now_ns + IDLE_NS, enforced, True)))
                continue
            current = known.get(account)
            if current is None or not current[1] <= now_ns < current[2] or current[0] is not window:
                current = self._period_of(account, window, now_ns)
            _, _, _, key, first_slot, slot, ends_ns = current
            asks.append(_new_ask((key, amount, limit, may_cross, first_slot, slot, ends_ns, enforced, False)))
        return tuple(asks)

    def _period_of(self, account: str, window: Window, now_ns: int) -> _Current:
        period = self.at(window, now_ns)
        key = f"{account}:{period.name}" if period.name else account
        end_ns = FOR_EVER_NS if period.end_ns is None else period.end_ns
        current = _Current(
            window, period.start_ns, end_ns, key, period.first_slot, period.slot, expires_ns(window, period, now_ns)
        )
        if len(self._accounts) >= _ACCOUNTS_KEPT:
            self._accounts.clear()
        self._accounts[account] = current
        return current


def expires_ns(window: Window, period: Period, now_ns: int) -> int:
    """Return when an account of *period* is not needed any more."""
    if window.kind in BRIEF:
        return now_ns + IDLE_NS
    if period.end_ns is None:
        return FOR_EVER_NS
    return period.end_ns + window.length_ns
