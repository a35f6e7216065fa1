# SPDX-License-Identifier: Apache-2.0
"""What a reading costs: the call it is to a pricer, the provider's own bill, and the doubts of who read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol, TypeAlias

from spancost.core import call as status
from spancost.core.call import Call, Cost
from spancost.core.pricing.price import Pricer
from spancost.core.reading import Reading
from spancost.core.reasons import NO_USAGE
from spancost.core.span import Attributes, Span

new_call = partial(tuple.__new__, Call)  # a third of the time of Call(...)

FactsOf: TypeAlias = "Callable[[Mapping[str, str] | None, Attributes, Attributes | None], Mapping[str, str] | None]"
MANUAL = "manual"
PROVIDER = "provider"
STATED_COST = "stated_cost"
UNCERTAIN = frozenset((status.PARTIAL, status.UNPRICED))
"""Statuses of calls that leave the totals above them incomplete."""
_WORSE = {
    name: rank
    for rank, name in enumerate(
        (status.PRICED, status.FREE, status.NOT_BILLED, status.ESTIMATED, status.PARTIAL, status.UNPRICED)
    )
}


class Prices(Protocol):
    """What the ledger asks of `Pricer`."""

    version: str

    def price(self, call: Call) -> Cost:
        """Return the exact cost of one call."""


class ReadingPricer:
    """Prices readings by a pricer; as safe to share among threads as that is."""

    def __init__(self, pricer: Prices) -> None:
        self.price = pricer.price
        # Only a pricer with a contract asks who a call is for (core/contract/price.py).
        self.facts_of: FactsOf | None = getattr(pricer, "facts_of", None)
        # What the same call finds on the card does not change: a plan keeps it.
        self.card: Pricer | None = pricer if type(pricer) is Pricer else None

    def cost(self, reading: Reading, span: Span, reason: str | None) -> Cost:
        """Return what the reading costs: the provider's own bill before the rate card; its doubts go into the status.

        reason: why the reading is counted although it is no call's own, None for a call.
        """
        if reading.caveat is not None and reading.caveat[0] == status.NOT_BILLED:
            return Cost(status.NOT_BILLED, reading.caveat[1], 0)
        if not reading.usage and self.facts_of is None:
            return _without_usage(reading)
        cost = self.price(self.call(reading, span))
        if not reading.usage and cost.femto is None:
            return _without_usage(reading)
        if cost.femto is None and (stated := _stated(reading)) is not None:
            return stated
        if cost.source == MANUAL:
            return cost
        if reading.billed and reading.reported_femto:  # a bill of 0 for tokens says who paid, not what they cost
            listed = cost.femto if cost.list_femto is None else cost.list_femto
            return Cost(status.PRICED, None, reading.reported_femto, cost.rate_id, PROVIDER, listed)
        caveat = reading.caveat or ((status.ESTIMATED, reason) if reason else None)
        if caveat is None or _WORSE[caveat[0]] <= _WORSE[cost.status]:
            return cost
        femto = None if caveat[0] == status.UNPRICED else cost.femto
        return cost._replace(status=caveat[0], reason=caveat[1], femto=femto)

    def changed_by(self, reading: Reading, span: Span, meters: tuple[str, ...]) -> str | None:
        """Return the first of *meters* that changes what *reading* costs, None when none does.

        Where the cost is unknown, every meter but reasoning may change it: reasoning is billed as output.
        """
        if not meters:
            return None
        whole = self.price(self.call(reading, span)).femto
        for meter in meters:
            if whole is None:
                if meter != "reasoning_tokens":
                    return meter
                continue
            usage = {name: amount for name, amount in reading.usage.items() if name != meter}
            if self.price(self.call(reading._replace(usage=usage), span)).femto != whole:
                return meter
        return None

    def call(self, reading: Reading, span: Span) -> Call:
        """Return what *reading* is to a pricer."""
        facts_of = self.facts_of
        return new_call(
            (
                reading.provider or "",
                reading.model or "",
                reading.usage,
                span.start_ns,
                reading.request_model,
                reading.operation,
                reading.service_tier,
                reading.processing,
                reading.context if facts_of is None else facts_of(reading.context, span.attributes, span.resource),
                span.end_ns - (reading.began_ns or span.start_ns),
            )
        )


def _stated(reading: Reading) -> Cost | None:
    """Return the cost that the span states, for what has no price of ours; None when it states none to be believed.

    0 for what is not known is no cost. A bill of the provider's own is believed before, whatever our price.
    """
    if not reading.reported_femto or reading.billed or (reading.caveat and reading.caveat[0] == status.UNPRICED):
        return None
    return Cost(status.ESTIMATED, STATED_COST, reading.reported_femto, None, PROVIDER)


def _without_usage(reading: Reading) -> Cost:
    """Return what a call costs of which no usage is reported, with what its reader knows of the reason."""
    stated = _stated(reading)
    if stated is not None:
        return stated
    reason = reading.caveat[1] if reading.caveat and reading.caveat[0] == status.UNPRICED else NO_USAGE
    return Cost(status.UNPRICED, reason, None)
