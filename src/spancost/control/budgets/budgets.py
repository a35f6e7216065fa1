# SPDX-License-Identifier: Apache-2.0
"""Budgets at run time: reserve before a call, settle after it; the guard that does both for captured calls."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import NamedTuple

from spancost.control.budgets.exceeded import LIMIT_REACHED, PRICE_UNKNOWN, STORE_UNREACHABLE, BudgetExceeded
from spancost.control.budgets.stores import MemoryStore, Refusal, Reservation, Store
from spancost.core.budget.estimate import (
    Estimate,
    HighestOf,
    LargestOf,
    PriceOf,
    assumed_output,
    by_highest,
    call_of,
    charge,
    estimate,
)
from spancost.core.budget.ledger import Balance
from spancost.core.budget.limit import (
    ALLOW,
    BLOCK,
    REFUSE,
    WARN,
    CallFacts,
    Limit,
    account_of,
    applies,
    parsed_key,
    readable,
    value_key,
)
from spancost.core.budget.periods import Part
from spancost.core.budget.terms import Terms
from spancost.core.money import usd_text
from spancost.core.record import CallRecord

LOGGER = logging.getLogger("spancost")
_WARNINGS_KEPT = 10_000


class Held(NamedTuple):
    """What was reserved for one call: its limits, their parts, and the reservation of the store."""

    facts: CallFacts
    at_ns: int
    limits: tuple[Limit, ...]
    parts: tuple[Part, ...]
    reservation: Reservation


_new_held = partial(tuple.__new__, Held)  # a third of the time of Held(...)


class Crossing(NamedTuple):
    """A share of a budget that was used for the first time in its period, or a call that was refused.

    kind: "warn", "limit" or "refused". share: of the limit, as text. balance: the account then.
    """

    kind: str
    limit: Limit
    key: str
    share: str
    balance: Balance


class Budgets:
    """The budgets in force. Safe to use from threads and tasks.

    Attributes:
        limits: what they were made of.
        store: where settled and reserved amounts are.
        counts: what happened: reserved, refused, settled, unpriced (charged by policy), free_of_charge (allowed without
            a price), lost (charged without an answer).
        on_crossing: called with each `Crossing`, for events; what it raises is logged.
    """

    def __init__(
        self,
        limits: Sequence[Limit],
        price: PriceOf,
        highest: HighestOf,
        *,
        store: Store | None = None,
        clock: Callable[[], int] = time.time_ns,
        context_of: Callable[[CallFacts], Mapping[str, str] | None] | None = None,
        largest: LargestOf = lambda provider, model: None,
    ) -> None:
        self.limits = tuple(limits)
        self._terms = tuple([Terms(limit) for limit in self.limits])
        self.store: Store = MemoryStore(clock) if store is None else store
        self.counts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.on_crossing: Callable[[Crossing], None] | None = None
        self._price = price
        self._highest = highest
        self._largest = largest
        self._clock = clock
        self._context_of = context_of or (lambda facts: None)
        self.hold_ns = max((limit.hold_ns for limit in self.limits), default=0)
        self._follows = not isinstance(self.store, MemoryStore) or any(terms.tells for terms in self._terms)
        self._last: dict[str, int] = {}
        self._crossed: dict[tuple[str, str], None] = {}
        self._lock = threading.RLock()

    def reserve(self, facts: CallFacts) -> Held | None:
        """Reserve what the call may cost in every budget that it falls under; None when it falls under none.

        Raises `BudgetExceeded` when one of them has too little left; then nothing is reserved anywhere.
        """
        limits: list[Limit] = []
        found: list[tuple[Terms, str]] = []
        parts: list[Part] = []
        now_ns = self._clock()
        estimates: dict[int, Estimate] = {}  # by the output that budgets assume
        bound = facts.output_tokens
        for terms in self._terms:
            limit = terms.limit
            if terms.has_match and not applies(limit, facts):
                continue
            key = "" if terms.is_for_all else value_key(limit, facts)
            if key is None:
                continue
            estimated = estimates.get(bound) if bound is not None else None
            femto, is_known = estimated or self._estimate(limit, facts, now_ns, estimates)
            if not is_known:
                femto = self._unknown(limit, key, facts, femto)
            parts.append(terms.part(key, femto))
            found.append((terms, key))
            limits.append(limit)
        if not found:
            return None
        outcome = self.store.reserve(parts, self.hold_ns)
        if isinstance(outcome, Refusal):
            terms, key = found[outcome.place]
            raise self._refused(terms.limit, key, parts[outcome.place], outcome)
        self.counts["reserved"] += 1
        if self._follows:
            for (terms, key), balance in zip(found, outcome.balances, strict=True):
                self._last[terms.id] = balance.settled + balance.reserved
                if terms.tells:
                    self._warn(terms.limit, key, balance)
        return _new_held((facts, now_ns, tuple(limits), tuple(parts), outcome))

    def settle(self, held: Held, record: CallRecord | None, *, is_lost: bool = False) -> None:
        """Replace what is reserved by what the call cost.

        record: None when nothing was billed. is_lost: the request was sent and no answer came; its input is charged.
        """
        self.counts["settled"] += 1
        if is_lost and record is not None and record.cost_femto is None:
            record = None
        if record is not None:
            if record.cost_femto is None:
                self.counts["unpriced"] += 1
                amounts = [
                    charge(record, part.amount, limit.unknown_price, self._highest)
                    for limit, part in zip(held.limits, held.parts, strict=True)
                ]
            else:
                amounts = [record.cost_femto] * len(held.parts)
        elif is_lost:
            self.counts["lost"] += 1
            asked = self.input_femto(held)
            amounts = [min(asked, part.amount) for part in held.parts]
        else:
            amounts = [0] * len(held.parts)
        self.store.settle(held.reservation, amounts)

    def settle_at(self, held: Held, femto: int) -> None:
        """Replace what is reserved by *femto* in every budget."""
        self.counts["settled"] += 1
        self.store.settle(held.reservation, [femto] * len(held.parts))

    def settle_usage(self, held: Held, usage: Mapping[str, int]) -> None:
        """Replace what is reserved by the cost of *usage* (meter -> tokens) at the prices of the estimate."""
        self.counts["settled"] += 1
        call = call_of(held.facts, 0, held.at_ns, self._context_of(held.facts))._replace(usage=usage)
        femto = self._price(call).femto
        if femto is None:
            self.counts["unpriced"] += 1
        at_highest = by_highest(usage, (call.provider, call.model), self._highest)
        amounts = [
            femto if femto is not None else 0 if limit.unknown_price == ALLOW else at_highest for limit in held.limits
        ]
        self.store.settle(held.reservation, amounts)

    def settle_reserved(self, held: Held) -> None:
        """Count all of what is reserved as spent: nothing tells what the work cost."""
        self.counts["settled"] += 1
        self.store.settle(held.reservation, [part.amount for part in held.parts])

    def limit(self, name: str) -> Limit | None:
        """Return the limit of that id."""
        return next((limit for limit in self.limits if limit.id == name), None)

    def charge(self, facts: CallFacts, record: CallRecord) -> None:
        """Count a call for which nothing was reserved: one of a batch, or a pass beside a call."""
        parts = [
            Part(
                account_of(limit, key), limit.window, charge(record, 0, limit.unknown_price, self._highest), limit.femto
            )
            for limit in self.limits
            if applies(limit, facts) and (key := value_key(limit, facts)) is not None
        ]
        if parts:
            self.counts["charged"] += 1
            self.store.charge(parts)

    def input_femto(self, held: Held) -> int:
        """Return what the input of a call may cost."""
        call = call_of(held.facts, 0, held.at_ns, self._context_of(held.facts))
        cost = self._price(call._replace(usage={"input_tokens": call.usage["input_tokens"]}))
        return by_highest(call.usage, (call.provider, call.model), self._highest) if cost.femto is None else cost.femto

    def cost_femto(self, held: Held, output_tokens: int) -> int:
        """Return what a call costs with so much output."""
        call = call_of(held.facts, output_tokens, held.at_ns, self._context_of(held.facts))
        return estimate(call, self._price, self._highest).femto

    def _estimate(self, limit: Limit, facts: CallFacts, now_ns: int, estimates: dict[int, Estimate]) -> Estimate:
        """Return what a call may cost by *limit*, and keep it in *estimates*."""
        bound = facts.output_tokens
        if bound is None:
            known = facts.values
            bound = assumed_output(limit, self._largest(known.get("provider", ""), known.get("model", "")))
        found = estimates.get(bound)
        if found is None:
            call = call_of(facts, bound, now_ns, self._context_of(facts))
            found = estimates[bound] = estimate(call, self._price, self._highest)
        return found

    def _unknown(self, limit: Limit, key: str, facts: CallFacts, femto: int) -> int:
        """Return what a call without a known price reserves; *femto*: its cost at the highest rates of its provider."""
        if limit.unknown_price == REFUSE:
            raise self._exceeded(limit, key, Balance("", 0, 0), femto, None, PRICE_UNKNOWN)
        if limit.unknown_price == ALLOW:
            self.counts["free_of_charge"] += 1
            self._say_once(limit, f"a call of {_model(facts)} has no known price and is not counted")
            return 0
        self.counts["assumed"] += 1
        self._say_once(
            limit, f"a call of {_model(facts)} has no known price and counts at its provider's highest rates"
        )
        return femto

    def _refused(self, limit: Limit, key: str, part: Part, outcome: Refusal) -> BudgetExceeded:
        reason = STORE_UNREACHABLE if outcome.is_unreachable else LIMIT_REACHED
        return self._exceeded(limit, key, outcome.balance, part.amount, outcome.resets_ns, reason)

    def _exceeded(
        self, limit: Limit, key: str, balance: Balance, amount: int, resets_ns: int | None, reason: str
    ) -> BudgetExceeded:
        self.counts["refused"] += 1
        self.refused[limit.id] += 1
        if self._is_first(balance.key or limit.id, "refused"):
            self._tell(Crossing("refused", limit, key, "1", balance))
        used = balance.settled + balance.reserved
        return BudgetExceeded(limit.id, readable(key), used, limit.femto, amount, resets_ns, reason)

    def _warn(self, limit: Limit, key: str, balance: Balance) -> None:
        """Tell of each share of the limit that is used for the first time in its period."""
        used = balance.settled + balance.reserved
        shares = (*limit.warn_at, Fraction(1)) if limit.at_limit == WARN else limit.warn_at
        for share in shares:
            if used * share.denominator < limit.femto * share.numerator:
                continue
            text = f"{float(share):g}"
            if not self._is_first(balance.key, text):
                continue
            kind = "limit" if share >= 1 else "warn"
            LOGGER.warning(
                "spancost: budget %s%s: %s of %s USD are used",
                limit.id,
                f" of {readable(key)}" if key else "",
                usd_text(used),
                usd_text(limit.femto),
            )
            self._tell(Crossing(kind, limit, key, text, balance))

    def _is_first(self, account: str, what: str) -> bool:
        """Tell whether *what* happens to *account* for the first time in its period."""
        with self._lock:
            if (account, what) in self._crossed:
                return False
            if len(self._crossed) >= _WARNINGS_KEPT:
                del self._crossed[next(iter(self._crossed))]
            self._crossed[account, what] = None
            return True

    def _tell(self, crossing: Crossing) -> None:
        if self.on_crossing is None:
            return
        try:
            self.on_crossing(crossing)
        except Exception as error:
            self.counts["errors_event"] += 1
            LOGGER.debug("spancost: %s while a budget's event was made", type(error).__name__)

    def _say_once(self, limit: Limit, sentence: str) -> None:
        if not self._is_first("", sentence):
            return
        LOGGER.warning("spancost: budget %s: %s", limit.id, sentence)

    def most_used(self) -> dict[str, int]:
        """Return what is settled and reserved by the id of the budget: of the key that used most, in femto-dollars.

        With a store that processes share, it is that of the last call.
        """
        if not isinstance(self.store, MemoryStore):
            return dict(self._last)
        found: dict[str, int] = {}
        for balance in self.store.balances():
            name = parsed_key(balance.key).budget
            found[name] = max(found.get(name, 0), balance.settled + balance.reserved)
        return found

    def after_fork(self) -> None:
        """Go on in a forked child."""
        self._lock = threading.RLock()
        self.store.after_fork()


def _model(facts: CallFacts) -> str:
    return facts.values.get("model") or facts.values.get("host") or "an unknown model"


__all__ = ["BLOCK", "BudgetExceeded", "Budgets", "Crossing", "Held"]
