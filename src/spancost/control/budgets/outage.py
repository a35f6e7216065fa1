# SPDX-License-Identifier: Apache-2.0
"""What decides while the store of a fleet cannot be reached: each budget's `on_store_failure`."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from spancost.control.budgets.stores import MemoryStore, Outcome, Refusal, Reservation
from spancost.core.budget.ledger import Ask, Balance
from spancost.core.budget.periods import Part

ALLOW, BLOCK, LOCAL = "allow", "block", "local"
_SEEN_KEPT = 10_000


class Unstored(NamedTuple):
    """The handle of a reservation that was decided without the store. local: of the parts in *places*, if any."""

    local: Reservation | None
    places: tuple[int, ...]


class Outage:
    """Decides without the store. `local` goes on in this process from what was last seen of an account.

    counts: decisions by policy.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._lock = threading.RLock()
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._local: MemoryStore | None = None
        self._begun: set[str] = set()

    def saw(self, balances: Sequence[Balance]) -> None:
        """Remember what is used of accounts."""
        for key, settled, reserved, _ in balances:
            self._seen[key] = settled + reserved
        while len(self._seen) > _SEEN_KEPT:
            self._seen.popitem(last=False)

    def is_over(self) -> None:
        """Forget what was decided locally: the store answers again, and is told of the spend."""
        with self._lock:
            self._local = None
            self._begun = set()

    def reserve(self, parts: Sequence[Part], asks: tuple[Ask, ...], hold_ns: int) -> Outcome:
        """Decide on *parts* as their policies say."""
        for place, part in enumerate(parts):
            if part.on_failure == BLOCK and part.enforced:
                self.counts["without_store_block"] += 1
                return Refusal(place, Balance(asks[place].key, 0, 0), None, is_unreachable=True)
        places = tuple([place for place, part in enumerate(parts) if part.on_failure == LOCAL])
        self.counts["without_store_local" if places else "without_store_allow"] += 1
        if not places:
            return Reservation(asks, tuple([Balance(ask.key, 0, 0) for ask in asks]), Unstored(None, ()))
        with self._lock:
            local = self._local
            if local is None:
                local = self._local = MemoryStore(self._clock)
            self._begin(local, [parts[place] for place in places], [asks[place] for place in places])
        done = local.reserve([parts[place] for place in places], hold_ns)
        if isinstance(done, Refusal):
            return done._replace(place=places[done.place])
        known = dict(zip(places, done.balances, strict=True))
        balances = tuple([known.get(place) or Balance(ask.key, 0, 0) for place, ask in enumerate(asks)])
        return Reservation(asks, balances, Unstored(done, places))

    def settle(self, handle: Unstored, amounts: Sequence[int]) -> None:
        """Settle the local part of a reservation."""
        with self._lock:
            local = self._local
        if local is not None and handle.local is not None:
            local.settle(handle.local, [amounts[place] for place in handle.places])

    def after_fork(self) -> None:
        """Go on in a forked child."""
        self._lock = threading.RLock()
        self._local = None
        self._begun = set()

    def _begin(self, local: MemoryStore, parts: Sequence[Part], asks: Sequence[Ask]) -> None:
        """Let accounts begin at what was last seen of them."""
        for part, ask in zip(parts, asks, strict=True):
            if ask.key not in self._begun:
                self._begun.add(ask.key)
                if (seen := self._seen.get(ask.key, 0)) > 0:
                    local.charge([part._replace(amount=seen)])
