# SPDX-License-Identifier: Apache-2.0
"""The store of a fleet with leases: a process reserves a slice of a budget and spends it without asking again.

Together the processes never exceed a limit. While slices are out, calls of other processes may be refused although less
is spent: by the slices that are out at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import NamedTuple

from spancost.control.budgets.outage import Unstored
from spancost.control.budgets.remote import Denied, Grant, Wanted
from spancost.control.budgets.script_client import ScriptClient, StoreError
from spancost.control.budgets.shared import SharedStore
from spancost.control.budgets.stores import Outcome, Refusal, Reservation
from spancost.core.budget.ledger import Ask, Balance
from spancost.core.budget.periods import Part

LEASE_SECONDS = 60.0
"""How long a slice of a process that was killed stays reserved; then it counts as spent."""
IDLE_SECONDS = 10.0
"""A slice that nobody used for this long is given back."""


class _Lease:
    """A slice of an account. granted: of the server. spent: settled here and not told yet. reserved: by open calls.

    unsure: a request whose answer was lost, by its id and the spend that it told. Sent again with that id, it has its
    effect once; until then nothing is drawn.
    """

    __slots__ = (
        "ask",
        "granted",
        "is_busy",
        "is_over",
        "name",
        "renewed_at",
        "reserved",
        "settled",
        "spent",
        "unsure",
        "used_at",
    )

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.name = ""
        self.granted = 0
        self.spent = 0
        self.reserved = 0
        self.settled = 0  # on the server and by others, as last seen
        self.used_at = self.renewed_at = time.monotonic()
        self.is_busy = False
        self.is_over = False
        self.unsure: tuple[str, int] | None = None

    def has(self, amount: int, may_cross: bool) -> bool:
        left = self.granted - self.spent - self.reserved
        return not self.is_busy and not self.is_over and (left > 0 if may_cross else left >= amount)

    def balance(self) -> Balance:
        return Balance(self.ask.key, self.settled + self.spent, self.reserved)


class _Drawn(NamedTuple):
    """The handle of a reservation: for each part its lease, None for those that were decided without the store."""

    leases: tuple[_Lease | None, ...]
    amounts: tuple[int, ...]
    unstored: Reservation | None
    places: tuple[int, ...]


class LeasedStore(SharedStore):
    """See `Store`.

    share: the part of a limit that a process leases beyond what a call needs. lease_ns: how long without a renewal.
    idle_seconds: after how long a slice that nobody uses is given back.
    """

    waits = False

    def __init__(
        self,
        client: ScriptClient,
        prefix: str,
        clock: Callable[[], int] = time.time_ns,
        *,
        share: Fraction = Fraction(1, 100),
        lease_ns: int = round(LEASE_SECONDS * 1e9),
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        super().__init__(client, prefix, clock)
        self._share = share
        self._lease_ns = lease_ns
        self._idle_seconds = idle_seconds
        self._leases: dict[str, _Lease] = {}
        self._lock = threading.RLock()
        self._refilling = threading.Lock()
        self.worker.tick_seconds = min(5.0, lease_ns / 3e9)

    def reserve(self, parts: Sequence[Part], hold_ns: int) -> Outcome:
        """See `Store`."""
        asks = self.remote.asks(parts)
        leases, short = self._draw(parts, asks)
        if not short:
            return self._drawn(parts, asks, leases, None, ())
        with self._refilling:  # another call may have refilled them meanwhile
            more, short = self._draw(parts, asks, short)
            for place, lease in more.items():
                leases[place] = lease
            if not short:
                return self._drawn(parts, asks, leases, None, ())
            return self._refill(parts, asks, leases, short, hold_ns)

    def settle(self, reservation: Reservation, amounts: Sequence[int]) -> None:
        """See `Store`."""
        handle = reservation.handle
        assert isinstance(handle, _Drawn)
        owed: list[int] = []
        with self._lock:
            for place, lease in enumerate(handle.leases):
                if lease is None:
                    continue
                lease.reserved -= handle.amounts[place]
                if lease.is_over:
                    owed.append(place)
                else:
                    lease.spent += amounts[place]
        for place in owed:
            self._charge((reservation.asks[place],), (amounts[place],))
        if handle.unstored is not None and isinstance(handle.unstored.handle, Unstored):
            kept = [amounts[place] for place in handle.places]
            self.outage.settle(handle.unstored.handle, kept)
            self._charge(handle.unstored.asks, tuple(kept))

    def flush(self, seconds: float = 2.0) -> bool:
        """Tell the server what is spent, and wait for it."""
        self.worker.put(partial(self._renew_all, returns=False, always=True))
        return super().flush(seconds)

    def close(self) -> None:
        """See `Store`. What open calls have reserved counts as spent."""
        self.worker.put(partial(self._renew_all, returns=True, always=True))
        super().close()

    def after_fork(self) -> None:
        """See `Store`. The leases stay with the parent."""
        super().after_fork()
        self._lock = threading.RLock()
        self._refilling = threading.Lock()
        self._leases = {}

    def _draw(
        self, parts: Sequence[Part], asks: tuple[Ask, ...], places: Sequence[int] | None = None
    ) -> tuple[dict[int, _Lease], list[int]]:
        """Reserve from leases in hand; return these by place, and the places that have too little in hand."""
        found: dict[int, _Lease] = {}
        short: list[int] = []
        with self._lock:
            for place in range(len(parts)) if places is None else places:
                lease = self._leases.get(asks[place].key)
                if lease is not None and lease.has(parts[place].amount, parts[place].may_cross):
                    lease.reserved += parts[place].amount
                    lease.used_at = time.monotonic()
                    found[place] = lease
                else:
                    short.append(place)
        return found, short

    def _refill(
        self, parts: Sequence[Part], asks: tuple[Ask, ...], leases: dict[int, _Lease], short: list[int], hold_ns: int
    ) -> Outcome:
        name = self.remote.new_id()
        wanted: list[Wanted] = []
        try:
            for place in short:
                self._make_sure(self._leases.get(asks[place].key))
        except StoreError:
            return self._without_store(parts, asks, leases, short, hold_ns)
        with self._lock:
            for place in short:
                part, lease = parts[place], self._leases.get(asks[place].key)
                if lease is None:
                    lease = self._leases[asks[place].key] = _Lease(asks[place])
                lease.is_busy = True
                need = lease.reserved + part.amount
                wanted.append(Wanted(part, need + int(part.limit * self._share), need, lease.name, lease.spent))
        try:
            done = self.remote.reserve(wanted, self._lease_ns, name)
        except StoreError as error:
            if error.was_sent:
                self._doubt(asks, short, wanted, name)
            else:
                self._unbusy(asks, short)
            return self._without_store(parts, asks, leases, short, hold_ns)
        if isinstance(done, Denied):
            self._unbusy(asks, short)
            self._undo(parts, leases)
            return Refusal(short[done.place], done.balance, done.resets_ns)
        self._granted(parts, asks, leases, short, done, wanted)
        self.worker.start()
        return self._drawn(parts, asks, leases, None, ())

    def _without_store(
        self, parts: Sequence[Part], asks: tuple[Ask, ...], leases: dict[int, _Lease], short: list[int], hold_ns: int
    ) -> Outcome:
        """Decide by the policies on the parts that have too little in hand."""
        self.worker.start()
        outcome = self.outage.reserve([parts[p] for p in short], tuple([asks[p] for p in short]), hold_ns)
        if isinstance(outcome, Refusal):
            self._undo(parts, leases)
            return outcome._replace(place=short[outcome.place])
        return self._drawn(parts, asks, leases, outcome, tuple(short))

    def _doubt(self, asks: tuple[Ask, ...], places: list[int], wanted: list[Wanted], name: str) -> None:
        with self._lock:
            for place, each in zip(places, wanted, strict=True):
                self._leases[asks[place].key].unsure = (name, each.spent)

    def _make_sure(self, lease: _Lease | None) -> None:
        """Send a request again whose answer was lost; StoreError when the server fails."""
        if lease is None or lease.unsure is None:
            return
        name, told = lease.unsure
        ask = lease.ask._replace(amount=max(0, lease.granted - told))
        granted = self.remote.renew(ask, self._lease_ns, name, lease.name, told)
        with self._lock:
            lease.name, lease.granted, lease.renewed_at = name, granted, time.monotonic()
            lease.spent -= told
            lease.settled += told
            lease.unsure, lease.is_busy, lease.is_over = None, False, False

    def _granted(
        self,
        parts: Sequence[Part],
        asks: tuple[Ask, ...],
        leases: dict[int, _Lease],
        short: list[int],
        grant: Grant,
        wanted: list[Wanted],
    ) -> None:
        with self._lock:
            self.outage.saw(grant.balances)
            for place, amount, balance, each in zip(short, grant.amounts, grant.balances, wanted, strict=True):
                lease = self._leases[asks[place].key]
                lease.name, lease.granted = grant.id, amount
                lease.spent -= each.spent
                lease.settled = balance.settled + max(0, balance.reserved - amount)
                lease.reserved += parts[place].amount
                lease.used_at = lease.renewed_at = time.monotonic()
                lease.is_busy = lease.is_over = False
                leases[place] = lease

    def _drawn(
        self,
        parts: Sequence[Part],
        asks: tuple[Ask, ...],
        leases: dict[int, _Lease],
        unstored: Reservation | None,
        places: tuple[int, ...],
    ) -> Reservation:
        drawn = tuple([leases.get(place) for place in range(len(parts))])
        balances = tuple(
            [Balance(a.key, 0, 0) if lease is None else lease.balance() for a, lease in zip(asks, drawn, strict=True)]
        )
        return Reservation(asks, balances, _Drawn(drawn, tuple([part.amount for part in parts]), unstored, places))

    def _undo(self, parts: Sequence[Part], leases: dict[int, _Lease]) -> None:
        with self._lock:
            for place, lease in leases.items():
                lease.reserved -= parts[place].amount

    def _unbusy(self, asks: tuple[Ask, ...], places: list[int]) -> None:
        with self._lock:
            for place in places:
                lease = self._leases.get(asks[place].key)
                if lease is not None:
                    lease.is_busy = False
                    if not lease.name and not lease.reserved:
                        del self._leases[asks[place].key]

    def _tick(self) -> bool:
        if not super()._tick():
            return False
        self._renew_all(returns=False, always=False)
        return True

    def _renew_all(self, *, returns: bool, always: bool) -> None:
        """Tell the server what was spent of each lease; give back those that are idle, or all (*returns*)."""
        for lease in list(self._leases.values()):
            with self._refilling:  # for one lease at a time: calls wait for it
                self._make_sure(lease)
                if lease.name:
                    self._renew(lease, returns=returns, always=always)

    def _renew(self, lease: _Lease, *, returns: bool, always: bool) -> None:
        now = time.monotonic()
        with self._lock:
            is_unused = now - lease.used_at > self._idle_seconds or lease.ask.expires_ns <= self.remote.now_ns()
            is_idle = is_unused and not lease.reserved
            is_fresh = (now - lease.renewed_at) * 3e9 < self._lease_ns
            if is_fresh and not (always or returns or is_idle or lease.spent or lease.is_over):
                return
            spent = lease.spent
            if returns or is_idle or lease.is_over:
                spent += lease.reserved
                lease.is_over = True
            keep = max(0, lease.granted - lease.spent)
            lease.is_busy = True
        name = self.remote.new_id()
        try:
            if lease.is_over:
                self.remote.settle(lease.name, (lease.ask,), (spent,))
            else:
                ask = lease.ask._replace(amount=keep)
                granted = self.remote.renew(ask, self._lease_ns, name, lease.name, spent)
        except StoreError as error:
            with self._lock:
                if not error.was_sent:
                    lease.is_busy = lease.is_over = False
                elif not lease.is_over:  # a slice that is given back stays so: it is settled once by its id
                    lease.unsure = (name, spent)
            raise
        with self._lock:
            lease.is_busy = False
            if lease.is_over:
                self._leases.pop(lease.ask.key, None)
            else:
                lease.name, lease.granted, lease.renewed_at = name, granted, now
                lease.spent -= spent
                lease.settled += spent
