# SPDX-License-Identifier: Apache-2.0
"""The store of a fleet, exact: each call reserves on the server in one round trip, and settles off its path."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from spancost.control.budgets.outage import Outage, Unstored
from spancost.control.budgets.remote import Denied, RemoteAccounts, Wanted
from spancost.control.budgets.script_client import ScriptClient, StoreError
from spancost.control.budgets.stores import Outcome, Refusal, Reservation
from spancost.control.budgets.worker import Worker
from spancost.core.budget.ledger import Ask, Balance
from spancost.core.budget.periods import Part

_CLOSE_SECONDS = 2.0


class SharedStore:
    """See `Store`. Never over a limit among all processes that use the server, as long as it can be reached."""

    waits = True

    def __init__(self, client: ScriptClient, prefix: str, clock: Callable[[], int] = time.time_ns) -> None:
        self.remote = RemoteAccounts(client, prefix, clock)
        self.client = client
        self.outage = Outage(clock)
        self.counts: Counter[str] = Counter()
        self.worker = Worker(StoreError, self._probe, tick=self._tick)

    def reserve(self, parts: Sequence[Part], hold_ns: int) -> Outcome:
        """See `Store`."""
        name = self.remote.new_id()
        try:
            done = self.remote.reserve([Wanted(part, part.amount, part.amount) for part in parts], hold_ns, name)
        except StoreError as error:
            return self.without_store(parts, hold_ns, name if error.was_sent else None)
        if isinstance(done, Denied):
            return Refusal(*done)
        self.outage.saw(done.balances)
        return Reservation(done.asks, done.balances, name)

    def settle(self, reservation: Reservation, amounts: Sequence[int]) -> None:
        """See `Store`. It is done soon, by a thread."""
        handle, kept = reservation.handle, tuple(amounts)
        if isinstance(handle, Unstored):
            self.outage.settle(handle, kept)
            self._charge(reservation.asks, kept)
        else:
            assert isinstance(handle, str)
            self.worker.put(partial(self.remote.settle, handle, reservation.asks, kept))

    def charge(self, parts: Sequence[Part]) -> None:
        """See `Store`."""
        self._charge(self.remote.asks(parts), tuple([part.amount for part in parts]))

    def balances(self) -> list[Balance]:
        """See `Store`; OSError when the server cannot be reached."""
        try:
            return self.remote.balances()
        except StoreError as error:
            raise OSError(f"the store of budgets cannot be read ({error})") from None

    def counters(self) -> dict[str, int]:
        """See `Store`."""
        return {
            "late": self.remote.late,
            "store_failures": self.client.failures,
            "settlements_dropped": self.worker.dropped,
            **self.outage.counts,
        }

    def flush(self, seconds: float = 2.0) -> bool:
        """Wait until everything is settled on the server; False when that takes longer than *seconds*."""
        return self.worker.flush(seconds)

    def after_fork(self) -> None:
        """See `Store`. What the parent has reserved the parent settles."""
        self.client.after_fork()
        self.remote.after_fork()
        self.outage.after_fork()
        self.worker.restart()

    def close(self) -> None:
        """See `Store`."""
        self.worker.close(_CLOSE_SECONDS)
        self.client.close()

    def without_store(self, parts: Sequence[Part], hold_ns: int, name: str | None) -> Outcome:
        """Decide as the budgets say, and give back the reservation *name*, which may have reached the server."""
        asks = self.remote.asks(parts)
        if name is not None:
            self.worker.put(partial(self._give_back, name, asks))
        return self.outage.reserve(parts, asks, hold_ns)

    def _give_back(self, name: str, asks: tuple[Ask, ...]) -> None:
        late = self.remote.late
        self.remote.settle(name, asks, [0] * len(asks))
        self.remote.late = late  # it never reached the server, most of the time

    def _charge(self, asks: tuple[Ask, ...], amounts: tuple[int, ...]) -> None:
        if any(amounts):
            self.worker.put(partial(self.remote.settle, "", asks, amounts))

    def _probe(self) -> bool:
        if not self.client.probe():
            return False
        self.outage.is_over()
        return True

    def _tick(self) -> bool:
        return not self.client.is_open or self._probe()
