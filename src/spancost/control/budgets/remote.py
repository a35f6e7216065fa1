# SPDX-License-Identifier: Apache-2.0
"""Accounts on a server: from what calls ask to the arguments of the scripts, and from their answers to balances."""

from __future__ import annotations

import itertools
import os
import secrets
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from spancost.control.budgets.script_client import ScriptClient, StoreError
from spancost.control.budgets.scripts import RESERVE, SETTLE
from spancost.core.budget.ledger import Ask, Balance
from spancost.core.budget.periods import FOR_EVER_NS, Part, Periods
from spancost.core.budget.windows import ROLLING
from spancost.core.money import FEMTO_PER_NANO

_MS = 10**6
_CLOCK_TRIES = 4
_MOST_NANO = 2**53 - 1
"""Lua's numbers are exact up to here: 9 million USD."""


class Wanted(NamedTuple):
    """What a part asks of the server: an amount, and the least that is of use.

    replaces: the id of an earlier reservation that gives way, "" for none. spent: of it, in femto-dollars.
    """

    part: Part
    amount: int
    least: int
    replaces: str = ""
    spent: int = 0


class Grant(NamedTuple):
    """A reservation on the server: its id, what each part asked, what it got, and the accounts after it."""

    id: str
    asks: tuple[Ask, ...]
    amounts: tuple[int, ...]
    balances: tuple[Balance, ...]


class Denied(NamedTuple):
    """A part that has too little left on the server. place: of the part. balance: its account. resets_ns: its end."""

    place: int
    balance: Balance
    resets_ns: int | None


class RemoteAccounts:
    """The accounts under *prefix* on a server. Amounts are femto-dollars; the server's clock tells the time."""

    def __init__(self, client: ScriptClient, prefix: str, clock: Callable[[], int] = time.time_ns) -> None:
        self.client = client
        self.late = 0
        self._prefix = prefix
        self._clock = clock
        self._offset_ns = 0
        self._periods = Periods()
        self.after_fork()

    def after_fork(self) -> None:
        """Take ids of this process's own."""
        self._names = f"{os.getpid():x}-{secrets.token_hex(6)}-"
        self._numbers = itertools.count(1)

    def now_ns(self) -> int:
        """Return the server's time as far as it is known."""
        return self._clock() + self._offset_ns

    def new_id(self) -> str:
        """Return an id that no other process uses."""
        return f"{self._names}{next(self._numbers):x}"

    def reserve(self, wanted: Sequence[Wanted], hold_ns: int, name: str) -> Grant | Denied:
        """Reserve for every part or for none, as the reservation *name*; StoreError when the server fails."""
        for _ in range(_CLOCK_TRIES):
            now_ns = self.now_ns()
            asks = self._periods.asks([each.part for each in wanted], now_ns)
            arguments = [name, str(hold_ns // _MS)]
            for each, ask in zip(wanted, asks, strict=True):
                arguments += self._arguments(each, ask, now_ns, hold_ns)
            answer = self.client.run(RESERVE, self._keys(asks), arguments)
            if answer[0] == "clock":
                self._offset_ns = int(answer[1]) * _MS - self._clock()
                continue
            if answer[0] == "no":
                place = int(answer[2])
                period = self._periods.at(wanted[place].part.window, now_ns)
                return Denied(place, _balance(asks[place].key, answer[3:6]), period.end_ns)
            rows = [answer[at : at + 4] for at in range(2, len(answer), 4)]
            amounts = tuple([int(row[0]) * FEMTO_PER_NANO for row in rows])
            return Grant(name, asks, amounts, tuple([_balance(a.key, r[1:]) for a, r in zip(asks, rows, strict=True)]))
        raise StoreError("clock", was_sent=False)

    def renew(self, ask: Ask, hold_ns: int, name: str, replaces: str, spent: int) -> int:
        """Replace the reservation *replaces* by *name* of *ask*'s amount, and settle *spent*; return what is granted.

        It is 0 when *replaces* has expired. Its period may be over. StoreError when the server fails.
        """
        nano, rest = divmod(spent, FEMTO_PER_NANO)
        keep_ms = 0 if ask.expires_ns >= FOR_EVER_NS else max(0, ask.expires_ns - self.now_ns()) // _MS + hold_ns // _MS
        amount = str(ask.amount // FEMTO_PER_NANO)  # rounded up, it could exceed the limit together with what is spent
        arguments = [name, str(hold_ns // _MS), amount, amount, "0", "8", "0", str(ask.slot), "0", "0", str(keep_ms)]
        answer = self.client.run(RESERVE, self._keys([ask]), [*arguments, replaces, str(nano), str(rest)])
        return int(answer[2]) * FEMTO_PER_NANO

    def settle(self, name: str, asks: Sequence[Ask], amounts: Sequence[int]) -> None:
        """Replace a reservation by what was spent; with the name "" only add it. StoreError when the server fails."""
        arguments = [name]
        now_ns = self.now_ns()
        for ask, amount in zip(asks, amounts, strict=True):
            keep_ms = 0 if name or ask.expires_ns >= FOR_EVER_NS else max(1, (ask.expires_ns - now_ns) // _MS)
            nano, rest = divmod(amount, FEMTO_PER_NANO)
            arguments += [str(nano), str(rest), str(ask.slot), str(keep_ms)]
        answer = self.client.run(SETTLE, self._keys(asks), arguments)
        self.late += int(answer[1])

    def asks(self, parts: Sequence[Part]) -> tuple[Ask, ...]:
        """Return what *parts* ask in the current periods."""
        return self._periods.asks(parts, self.now_ns())

    def balances(self) -> list[Balance]:
        """Return every account on the server; StoreError when it fails."""
        return [
            Balance(
                key[len(self._prefix) + 1 :].replace("{", "").replace("}", ""),
                sum(int(fields[name]) for name in fields if name.startswith("s:")) * FEMTO_PER_NANO
                + sum(int(fields[name]) for name in fields if name.startswith("f:")),
                int(fields.get("n", 0)) * FEMTO_PER_NANO,
                int(fields.get("e", 0)) * FEMTO_PER_NANO,
            )
            for key, fields in self.client.hashes(self._prefix)
        ]

    def _arguments(self, wanted: Wanted, ask: Ask, now_ns: int, hold_ns: int) -> list[str]:
        window = wanted.part.window
        period = self._periods.at(window, now_ns)
        start_ms, end_ms = (0, 0) if period.end_ns is None else (period.start_ns // _MS, period.end_ns // _MS)
        keep_ms = 0 if ask.expires_ns >= FOR_EVER_NS else (ask.expires_ns - now_ns + hold_ns) // _MS
        flags = ask.may_cross + 2 * ask.enforced + 4 * (window.kind == ROLLING)
        nano, rest = divmod(wanted.spent, FEMTO_PER_NANO)
        amount, least = -(-wanted.amount // FEMTO_PER_NANO), -(-wanted.least // FEMTO_PER_NANO)
        return [
            *map(str, (amount, least, min(ask.limit // FEMTO_PER_NANO, _MOST_NANO), flags, ask.first_slot, ask.slot)),
            *map(str, (start_ms, end_ms, keep_ms)),
            wanted.replaces,
            str(nano),
            str(rest),
        ]

    def _keys(self, asks: Sequence[Ask]) -> list[str]:
        """Return hash and set of each account; the account without its period is the hash tag of both."""
        keys: list[str] = []
        for ask in asks:
            budget, window, values, *period = ask.key.split(":", 3)
            name = f"{self._prefix}:{{{budget}:{window}:{values}}}{':' + period[0] if period else ''}"
            keys += [name, f"{name}#"]
        return keys


def _balance(key: str, row: Sequence[str]) -> Balance:
    settled, reserved, expired = (int(text) * FEMTO_PER_NANO for text in row)
    return Balance(key, settled, reserved, expired)
