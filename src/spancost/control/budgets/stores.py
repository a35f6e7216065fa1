# SPDX-License-Identifier: Apache-2.0
"""Where budgets are kept: the protocol of stores, and the store of one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol, TypeAlias

from spancost.core.budget.ledger import Ask, Balance, BudgetLedger, Refused
from spancost.core.budget.periods import Part, Periods


class Reservation(NamedTuple):
    """A reservation that a store admitted.

    asks: one a part, under the key of its period. balances: the accounts after it. handle: what the store finds it by.
    """

    asks: tuple[Ask, ...]
    balances: tuple[Balance, ...]
    handle: object


_new_reservation = partial(tuple.__new__, Reservation)  # a third of the time of Reservation(...)


class Refusal(NamedTuple):
    """A reservation that was not admitted. place: of the part that has too little left, with its account.

    resets_ns: when its period ends. is_unreachable: the store could not be asked, and the part says to block then.
    """

    place: int
    balance: Balance
    resets_ns: int | None
    is_unreachable: bool = False


Outcome: TypeAlias = "Reservation | Refusal"


class Store(Protocol):
    """What budgets ask of a store. Every method may be called from any thread. A lost connection raises nothing.

    waits: whether each reservation asks another process.
    """

    waits: bool

    def reserve(self, parts: Sequence[Part], hold_ns: int) -> Outcome:
        """Reserve the amount of every part for *hold_ns* in its current period, in all or in none."""

    def settle(self, reservation: Reservation, amounts: Sequence[int]) -> None:
        """Replace a reservation by what was spent, one amount a part. Done once; a second time is counted as late."""

    def charge(self, parts: Sequence[Part]) -> None:
        """Count spend that nothing was reserved for."""

    def balances(self) -> list[Balance]:
        """Return the accounts that the store holds, in femto-dollars."""

    def counters(self) -> dict[str, int]:
        """Return counts of what happened: settlements that came late, decisions without the store, …"""

    def flush(self, seconds: float = 2.0) -> bool:
        """Wait until everything is settled; False when that takes longer than *seconds*."""

    def after_fork(self) -> None:
        """Go on in a forked child."""

    def close(self) -> None:
        """Give back what is held. Nothing may be reserved afterwards."""


class MemoryStore:
    """The budgets of this process, exact among its threads. A forked child begins with what its parent has settled."""

    waits = False

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        # A stream's finalizer may come here while its own thread holds the lock: the garbage collector runs anywhere.
        self._lock = threading.RLock()
        self._ledger = BudgetLedger()
        self._periods = Periods()

    def reserve(self, parts: Sequence[Part], hold_ns: int) -> Outcome:
        """See `Store`."""
        now_ns = self._clock()
        asks = self._periods.asks(parts, now_ns)
        with self._lock:
            done = self._ledger.reserve(asks, hold_ns, now_ns)
        if isinstance(done, Refused):
            return Refusal(done.place, done.balance, self._periods.at(parts[done.place].window, now_ns).end_ns)
        number, balances = done
        return _new_reservation((asks, balances, number))

    def settle(self, reservation: Reservation, amounts: Sequence[int]) -> None:
        """See `Store`."""
        handle = reservation.handle
        assert isinstance(handle, int)
        with self._lock:
            self._ledger.settle(handle, amounts, self._clock())

    def charge(self, parts: Sequence[Part]) -> None:
        """See `Store`."""
        now_ns = self._clock()
        with self._lock:
            self._ledger.charge(self._periods.asks(parts, now_ns), now_ns)

    def balances(self) -> list[Balance]:
        """See `Store`."""
        with self._lock:
            return list(self._ledger.balances(self._clock()))

    def counters(self) -> dict[str, int]:
        """See `Store`."""
        return {"late": self._ledger.late, "evicted": self._ledger.evicted}

    def flush(self, seconds: float = 2.0) -> bool:
        """See `Store`."""
        return True

    def after_fork(self) -> None:
        """See `Store`."""
        self._lock = threading.RLock()
        self._ledger.forget_open()

    def close(self) -> None:
        """See `Store`."""
