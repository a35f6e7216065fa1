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


class Periods:
    """Periods of windows by window; safe to use from threads."""

    def __init__(self) -> None:
        self._current: dict[Window, Period] = {}

    def at(self, window: Window, now_ns: int) -> Period:
        """Return the period of *window* at *now_ns*."""
        period = self._current.get(window)
        if period is None or now_ns < period.start_ns or (period.end_ns is not None and now_ns >= period.end_ns):
            if len(self._current) >= _KEPT:
                self._current.clear()
            period = self._current[window] = period_at(window, now_ns)
        return period

    def ask(self, part: Part, now_ns: int) -> Ask:
        """Return what *part* asks at *now_ns*; its key is the account and the name of the period."""
        account, window, amount, limit, may_cross, enforced, _ = part
        period = self.at(window, now_ns)
        name, _, _, first_slot, slot = period
        key = f"{account}:{name}" if name else account
        ends_ns = expires_ns(window, period, now_ns)
        return _new_ask((key, amount, limit, may_cross, first_slot, slot, ends_ns, enforced, window.kind in BRIEF))

    def asks(self, parts: Sequence[Part], now_ns: int) -> tuple[Ask, ...]:
        """Return what *parts* ask at *now_ns*."""
        return tuple([self.ask(part, now_ns) for part in parts])


def expires_ns(window: Window, period: Period, now_ns: int) -> int:
    """Return when an account of *period* is not needed any more."""
    if window.kind in BRIEF:
        return now_ns + IDLE_NS
    if period.end_ns is None:
        return FOR_EVER_NS
    return period.end_ns + window.length_ns
