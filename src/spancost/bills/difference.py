# SPDX-License-Identifier: Apache-2.0
"""One difference between calls and a bill: its class, its dollars, and what to do about it."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from spancost.bills.literal import decimal_text

MATCHED, RATE, QUANTITY, ONLY_ON_BILL, ONLY_IN_SPANS, UNPRICED, NOT_BILLED, OPEN, UNIT_SLIP = CLASSES = (
    "matched", "rate", "quantity", "only_on_bill", "only_in_spans", "unpriced", "not_billed", "open", "unit_slip",
)  # fmt: skip
# Causes of a difference of quantities.
NOT_INSTRUMENTED, DUPLICATED, RETRIED, CACHE_SPLIT, TIER_MOVED = (
    "not_instrumented", "duplicated", "retried", "cache_split", "tier_moved",
)  # fmt: skip

HINTS = {
    MATCHED: "",
    RATE: "Quantities agree, the price does not: {detail}. Check the entry in pricing/providers/{provider}.yaml, or "
    "enter your price in a contract.",
    NOT_INSTRUMENTED: "The bill has more than the spans: a service, a client or a key is not instrumented. "
    "`spancost doctor` names clients whose calls no span reports; capture sees them.",
    DUPLICATED: "The spans have more than the bill, and some calls are there twice: two services report one call, or "
    "a batch was stored twice without its ids.",
    RETRIED: "The bill has more than the spans, and calls failed: the provider bills attempts that a client gave up "
    "and repeated. Capture sees each attempt.",
    CACHE_SPLIT: "The input adds up, its cached part does not: the instrumentation does not report cache reads and "
    "writes as the provider bills them (docs/dialects.md).",
    TIER_MOVED: "All tiers together agree: calls were served in another tier, or at another place, than the spans "
    "report.",
    QUANTITY: "The spans have more than the bill. Check the zone of the bill's days, and calls of test accounts.",
    ONLY_ON_BILL: "Nothing in the spans is like this: not instrumented, or not a call (a seat, storage, a credit, a "
    "tax).",
    ONLY_IN_SPANS: "The bill has no such line: another account or project, a key of the user's own, or a free tier.",
    UNPRICED: "The calls have no cost of ours: `spancost doctor` says which entry of the rate card they need.",
    NOT_BILLED: "The provider reports the usage and charges nothing: refused requests, or covered by credits.",
    OPEN: "The provider has not settled this day yet: it is younger than the source's delay.",
    UNIT_SLIP: "Every amount is off by the same power of ten: cents read as dollars, or units of a thousand or a "
    "million.",
}


class Difference(NamedTuple):
    """Calls and a bill on one line.

    Attributes:
        name: one of CLASSES. cause: of a difference of quantities, None otherwise or when it is not known.
        provider, model, meter, tier, day: what is compared; None where the bill has no such grain.
        ours_quantity, bill_quantity: exact, None where a side has none.
        ours_usd, bill_usd: exact amounts, None where a side has none.
        usd: the dollars of this difference, bill less ours; 0 for a match.
        detail: figures for the hint.
    """

    name: str
    cause: str | None
    provider: str | None
    model: str | None
    meter: str | None
    tier: str | None
    day: date | None
    ours_quantity: Fraction | None
    bill_quantity: Fraction | None
    ours_usd: Fraction | None
    bill_usd: Fraction | None
    usd: Fraction
    detail: str = ""

    @property
    def hint(self) -> str:
        """Return what to do, in words."""
        text = HINTS.get(self.cause or "", HINTS[self.name]) if self.name == QUANTITY else HINTS[self.name]
        return text.format(detail=self.detail, provider=self.provider)

    def as_json(self) -> dict[str, Any]:
        """Return the row by the names of its columns; numbers as exact decimal text."""
        return {
            "class": self.name,
            "cause": self.cause,
            "provider": self.provider,
            "model": self.model,
            "meter": self.meter,
            "tier": self.tier,
            "day": None if self.day is None else self.day.isoformat(),
            "ours_quantity": _text(self.ours_quantity),
            "bill_quantity": _text(self.bill_quantity),
            "ours_usd": _text(self.ours_usd),
            "bill_usd": _text(self.bill_usd),
            "difference_usd": _text(self.usd),
            "hint": self.hint,
        }


def _text(value: Fraction | None) -> str | None:
    return None if value is None else decimal_text(value)
