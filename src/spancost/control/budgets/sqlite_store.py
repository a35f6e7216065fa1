# SPDX-License-Identifier: Apache-2.0
"""The store of the processes of one host: a file of SQLite, exact by its write lock. It needs no server."""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from spancost.config.budgets import BudgetError
from spancost.control.budgets.outage import Outage, Unstored
from spancost.control.budgets.stores import Outcome, Refusal, Reservation
from spancost.control.budgets.worker import Worker
from spancost.core.budget.ledger import Ask, Balance
from spancost.core.budget.periods import Part, Periods

LOGGER = logging.getLogger("spancost")
WAIT_SECONDS = 0.5
"""How long a call waits for the lock of the file; then `on_store_failure` decides."""
_CLOSE_SECONDS = 5.0
_RESERVED, _EXPIRED = "reserved", "expired"
# Amounts are text: SQLite's integers end at 9,223 USD in femto-dollars. Sums are made in Python.
_TABLES = """
CREATE TABLE IF NOT EXISTS amounts (
  account TEXT, part TEXT, femto TEXT, expires_ns INTEGER, PRIMARY KEY (account, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holds (
  name TEXT, account TEXT, part TEXT, femto TEXT, until_ns INTEGER, PRIMARY KEY (name, account)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS holds_until ON holds (until_ns);
"""


class SqliteStore:
    """See `Store`. All processes of a host that name one file share its budgets; the file is on a local disk."""

    waits = True

    def __init__(self, path: Path, clock: Callable[[], int] = time.time_ns) -> None:
        self._path = path
        self._clock = clock
        self._periods = Periods()
        self.outage = Outage(clock)
        self.counts: Counter[str] = Counter()
        self._lock = threading.RLock()
        self.worker = Worker(sqlite3.Error, lambda: True)
        try:
            self._database = self._opened()
            self._database.executescript(_TABLES)
        except sqlite3.Error as error:
            raise BudgetError(f"budget_store: {path} cannot be used ({error}); expected a file of SQLite") from None

    def reserve(self, parts: Sequence[Part], hold_ns: int) -> Outcome:
        """See `Store`."""
        now_ns = self._clock()
        asks = self._periods.asks(parts, now_ns)
        try:
            with self._writing():
                self._expire(now_ns)
                for place, ask in enumerate(asks):
                    balance = self._balance(ask.key, ask.first_slot)
                    used = balance.settled + balance.reserved
                    admitted = used < ask.limit if ask.may_cross else used + ask.amount <= ask.limit
                    if ask.enforced and not admitted:
                        return Refusal(place, balance, self._periods.at(parts[place].window, now_ns).end_ns)
                name = secrets.token_hex(8)
                for ask in asks:
                    self._hold(name, ask, now_ns + hold_ns)
                balances = tuple([self._balance(ask.key, ask.first_slot) for ask in asks])
        except sqlite3.Error as error:
            self._failed(error)
            return self.outage.reserve(parts, asks, hold_ns)
        self.outage.saw(balances)
        return Reservation(asks, balances, name)

    def settle(self, reservation: Reservation, amounts: Sequence[int]) -> None:
        """See `Store`. A thread goes on with it when the file stays locked."""
        handle, kept = reservation.handle, tuple(amounts)
        if isinstance(handle, Unstored):
            self.outage.settle(handle, kept)
            self._soon(partial(self._charge, reservation.asks, kept))
        else:
            self._soon(partial(self._settle, str(handle), reservation.asks, kept))

    def charge(self, parts: Sequence[Part]) -> None:
        """See `Store`."""
        amounts = [part.amount for part in parts]
        self._soon(partial(self._charge, self._periods.asks(parts, self._clock()), amounts))

    def balances(self) -> list[Balance]:
        """See `Store`; OSError when the file cannot be read."""
        try:
            with self._writing():
                self._expire(self._clock())
                found = self._database.execute("SELECT DISTINCT account FROM amounts").fetchall()
                return [self._balance(account, 0) for (account,) in found]
        except sqlite3.Error as error:
            raise OSError(f"{self._path} cannot be read ({error})") from None

    def counters(self) -> dict[str, int]:
        """See `Store`."""
        return {"late": 0, "store_failures": 0, **self.counts, **self.outage.counts}

    def after_fork(self) -> None:
        """See `Store`. A connection must not be used on both sides of a fork, nor closed by the child."""
        self._parents = self._database
        self._lock = threading.RLock()
        self._database = self._opened()
        self.outage.after_fork()
        self.worker.restart()

    def close(self) -> None:
        """See `Store`."""
        self.worker.close(_CLOSE_SECONDS)
        with self._lock:
            self._database.close()

    def flush(self, seconds: float = 2.0) -> bool:
        """Wait until everything is settled; False when that takes longer than *seconds*."""
        return self.worker.flush(seconds)

    def _opened(self) -> sqlite3.Connection:
        made = sqlite3.connect(self._path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        # A power failure may lose the last calls; a process that is killed loses nothing.
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("PRAGMA synchronous=OFF")
        return made

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _balance(self, account: str, first_slot: int) -> Balance:
        settled, others = 0, {_RESERVED: 0, _EXPIRED: 0}
        with closing(self._database.execute("SELECT part, femto FROM amounts WHERE account = ?", (account,))) as rows:
            for part, femto in rows:
                if part in others:
                    others[part] = int(femto)
                elif int(part) >= first_slot:
                    settled += int(femto)
        return Balance(account, settled, others[_RESERVED], others[_EXPIRED])

    def _add(self, account: str, part: str, femto: int, expires_ns: int | None = None) -> None:
        where = (account, part)
        found = self._database.execute("SELECT femto FROM amounts WHERE account = ? AND part = ?", where).fetchone()
        sum_femto = str(femto + (int(found[0]) if found else 0))
        if found is None:
            self._database.execute("INSERT INTO amounts VALUES (?, ?, ?, ?)", (*where, sum_femto, expires_ns))
        else:
            self._database.execute(
                "UPDATE amounts SET femto = ?, expires_ns = max(expires_ns, coalesce(?, 0)) "
                "WHERE account = ? AND part = ?",
                (sum_femto, expires_ns, *where),
            )

    def _soon(self, job: Callable[[], None]) -> None:
        """Run *job*, in a thread when it fails."""
        try:
            job()
        except sqlite3.Error as error:
            self._failed(error)
            self.worker.put(job)

    def _settle(self, name: str, asks: Sequence[Ask], amounts: Sequence[int]) -> None:
        with self._writing():
            self._expire(self._clock())
            for ask, amount in zip(asks, amounts, strict=True):
                self._release(name, ask, amount)

    def _hold(self, name: str, ask: Ask, until_ns: int) -> None:
        row = (name, ask.key, str(ask.slot), str(ask.amount), until_ns)
        self._database.execute("INSERT INTO holds VALUES (?, ?, ?, ?, ?)", row)
        self._add(ask.key, _RESERVED, ask.amount, max(ask.expires_ns, until_ns))

    def _release(self, name: str, ask: Ask, spent: int) -> None:
        where = (name, ask.key)
        found = self._database.execute("SELECT femto FROM holds WHERE name = ? AND account = ?", where).fetchone()
        if found is None:
            self.counts["late"] += 1
            return
        self._database.execute("DELETE FROM holds WHERE name = ? AND account = ?", where)
        self._add(ask.key, _RESERVED, -int(found[0]))
        self._add(ask.key, str(ask.slot), spent, ask.expires_ns)

    def _charge(self, asks: Sequence[Ask], amounts: Sequence[int]) -> None:
        with self._writing():
            for ask, amount in zip(asks, amounts, strict=True):
                self._add(ask.key, str(ask.slot), amount, ask.expires_ns)

    def _expire(self, now_ns: int) -> None:
        """Count reservations that were not settled in time as spent, and drop accounts of periods that are over."""
        held = self._database.execute("SELECT * FROM holds WHERE until_ns <= ?", (now_ns,)).fetchall()
        for name, account, part, femto, _ in held:
            self._database.execute("DELETE FROM holds WHERE name = ? AND account = ?", (name, account))
            self._add(account, _RESERVED, -int(femto))
            self._add(account, _EXPIRED, int(femto), now_ns)
            self._add(account, part, int(femto), now_ns)
        if now_ns - self._swept_ns > 60 * 10**9:
            self._swept_ns = now_ns
            ended = "SELECT account FROM amounts WHERE part = ? AND expires_ns <= ?"
            self._database.execute(f"DELETE FROM amounts WHERE account IN ({ended})", (_RESERVED, now_ns))

    _swept_ns = 0
    _parents: sqlite3.Connection | None = None

    def _failed(self, error: Exception) -> None:
        self.counts["store_failures"] += 1
        if self.counts["store_failures"] == 1:
            LOGGER.warning("spancost: the store of budgets failed (%s); on_store_failure decides", type(error).__name__)
