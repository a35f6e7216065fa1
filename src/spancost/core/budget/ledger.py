# SPDX-License-Identifier: Apache-2.0
"""The ledger of budgets in one process: what is settled and what is reserved, in integers. No clock and no lock.

A reservation is admitted in every budget that it falls under, or in none. It is settled once, at the amount that the
call cost; one that is not settled before it expires counts as spent.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial
from heapq import heappop, heappush
from typing import NamedTuple

MOST_ACCOUNTS = 100_000
"""Accounts that are kept of each of two sorts, brief ones and others; beyond it the one that was used longest ago goes,
and is counted."""


class Ask(NamedTuple):
    """One budget in a reservation.

    key: of its account, with the name of the period. amount: to reserve. limit: of the period, in the same unit.
    may_cross: admitted while anything is left. first_slot, slot: see `windows.Period`. expires_ns: when nothing of the
    account is needed any more. enforced: False admits always and only counts. is_brief: a trace or a session, whose
    account goes first when there are too many.
    """

    key: str
    amount: int
    limit: int
    may_cross: bool = False
    first_slot: int = 0
    slot: int = 0
    expires_ns: int = 2**63 - 1
    enforced: bool = True
    is_brief: bool = False


class Balance(NamedTuple):
    """An account at one moment: settled includes expired, the amount of reservations that were never settled."""

    key: str
    settled: int
    reserved: int
    expired: int = 0


_balance = partial(tuple.__new__, Balance)  # a third of the time of Balance(...)


class Granted(NamedTuple):
    """A reservation: its number, and the accounts after it, in the order of the asks."""

    number: int
    balances: tuple[Balance, ...]


class Refused(NamedTuple):
    """place: of the first ask that was not admitted. balance: its account, which did not change."""

    place: int
    balance: Balance


class _Account:
    """slots: part of a rolling window -> settled amount; other windows have the part 0 only."""

    __slots__ = ("expired", "expires_ns", "key", "reserved", "slots")

    def __init__(self, key: str) -> None:
        self.key = key
        self.slots: dict[int, int] = {}
        self.reserved = 0
        self.expired = 0
        self.expires_ns = 0

    def settled(self, first_slot: int) -> int:
        slots = self.slots
        if not slots:
            return 0
        if len(slots) == 1 and first_slot in slots:
            return slots[first_slot]
        for slot in [slot for slot in slots if slot < first_slot]:
            del slots[slot]
        return sum(slots.values())

    def add(self, slot: int, amount: int) -> None:
        self.slots[slot] = self.slots.get(slot, 0) + amount

    def balance(self, first_slot: int = 0) -> Balance:
        return Balance(self.key, self.settled(first_slot), self.reserved, self.expired)


class _Hold(NamedTuple):
    """A reservation that is open: until when, and the account, part and amount of each ask."""

    until_ns: int
    parts: tuple[tuple[_Account, int, int], ...]


_hold = partial(tuple.__new__, _Hold)
_granted = partial(tuple.__new__, Granted)


class BudgetLedger:
    """Accounts by key and open reservations by number.

    late: settlements of reservations that were settled or had expired; they change nothing. evicted: accounts that
    went because there were too many.
    """

    def __init__(self, most: int = MOST_ACCOUNTS) -> None:
        self.late = 0
        self.evicted = 0
        self._most = most
        self._lasting: OrderedDict[str, _Account] = OrderedDict()
        self._brief: OrderedDict[str, _Account] = OrderedDict()
        self._holds: dict[int, _Hold] = {}
        self._expiries: list[tuple[int, int]] = []
        self._last = 0

    def reserve(self, asks: Sequence[Ask], hold_ns: int, now_ns: int) -> Granted | Refused:
        """Reserve the amount of each ask until *now_ns* + *hold_ns*, in all accounts or in none."""
        if self._expiries and self._expiries[0][0] <= now_ns:
            self.expire(now_ns)
        parts: list[tuple[_Account, int, int]] = []
        balances: list[Balance] = []
        lasting, brief = self._lasting, self._brief
        for key, amount, limit, may_cross, first_slot, slot, expires_ns, enforced, is_brief in asks:
            accounts = brief if is_brief else lasting
            account = accounts.get(key)
            if account is None:
                account = self._new_account(accounts, key, now_ns)
            else:
                accounts.move_to_end(key)
            account.expires_ns = expires_ns
            settled = account.slots.get(slot, 0) if first_slot == slot else account.settled(first_slot)
            reserved = account.reserved
            used = settled + reserved
            if enforced and (used >= limit if may_cross else used + amount > limit):
                self._give_back(parts)
                return Refused(len(parts), Balance(key, settled, reserved, account.expired))
            account.reserved = reserved = reserved + amount
            parts.append((account, slot, amount))
            balances.append(_balance((key, settled, reserved, account.expired)))
        self._last = number = self._last + 1
        until_ns = now_ns + hold_ns
        self._holds[number] = _hold((until_ns, tuple(parts)))
        heappush(self._expiries, (until_ns, number))
        return _granted((number, tuple(balances)))

    def settle(self, number: int, amounts: Sequence[int], now_ns: int) -> bool:
        """Replace a reservation by what was spent, one amount an ask; False, and counted, when it is not open."""
        expiries = self._expiries
        if expiries and expiries[0][0] <= now_ns:
            self.expire(now_ns)
        hold = self._holds.pop(number, None)
        if hold is None:
            self.late += 1
            return False
        for (account, slot, reserved), amount in zip(hold.parts, amounts, strict=True):
            account.reserved -= reserved
            account.slots[slot] = account.slots.get(slot, 0) + amount
        if len(expiries) > 64 and len(expiries) > 4 * len(self._holds):
            self._expiries = sorted((hold.until_ns, number) for number, hold in self._holds.items())
        return True

    def charge(self, asks: Sequence[Ask], now_ns: int) -> tuple[Balance, ...]:
        """Add the amounts of *asks* to what is settled, whatever the limits: spend that nothing was reserved for."""
        self.expire(now_ns)
        balances: list[Balance] = []
        for ask in asks:
            account = self._account(ask, now_ns)
            account.add(ask.slot, ask.amount)
            balances.append(account.balance(ask.first_slot))
        return tuple(balances)

    def forget_open(self) -> None:
        """Give back every open reservation: in a forked child, whose parent settles them."""
        for hold in self._holds.values():
            self._give_back(hold.parts)
        self._holds = {}
        self._expiries = []

    def expire(self, now_ns: int) -> None:
        """Count reservations that were not settled in time as spent."""
        while self._expiries and self._expiries[0][0] <= now_ns:
            _, number = heappop(self._expiries)
            hold = self._holds.pop(number, None)
            for account, slot, reserved in hold.parts if hold is not None else ():
                account.reserved -= reserved
                account.expired += reserved
                account.add(slot, reserved)

    def balances(self, now_ns: int) -> Iterator[Balance]:
        """Yield every account that counts at *now_ns*."""
        self.expire(now_ns)
        for account in [*self._lasting.values(), *self._brief.values()]:
            if account.expires_ns > now_ns:
                yield account.balance(min(account.slots, default=0))

    def _account(self, ask: Ask, now_ns: int) -> _Account:
        accounts = self._brief if ask.is_brief else self._lasting
        account = accounts.get(ask.key)
        if account is None:
            account = self._new_account(accounts, ask.key, now_ns)
        else:
            accounts.move_to_end(ask.key)
        account.expires_ns = ask.expires_ns
        return account

    def _new_account(self, accounts: OrderedDict[str, _Account], key: str, now_ns: int) -> _Account:
        self._drop_ended(accounts, now_ns)
        if len(accounts) >= self._most:
            self._evict(accounts)
        account = accounts[key] = _Account(key)
        return account

    def _give_back(self, parts: Sequence[tuple[_Account, int, int]]) -> None:
        for account, _, reserved in parts:
            account.reserved -= reserved

    def _drop_ended(self, accounts: OrderedDict[str, _Account], now_ns: int) -> None:
        """Drop accounts of periods that are over, as far as they are those that were used longest ago."""
        while accounts and (oldest := next(iter(accounts.values()))).expires_ns <= now_ns and not oldest.reserved:
            del accounts[oldest.key]

    def _evict(self, accounts: OrderedDict[str, _Account]) -> None:
        """Drop the account that was used longest ago and has nothing reserved."""
        for key, account in accounts.items():
            if not account.reserved:
                del accounts[key]
                self.evicted += 1
                return
