# SPDX-License-Identifier: Apache-2.0
"""What keeps a catalogue's word from going into the card by itself: it becomes a row for a person to decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction

from tools.pricing.statement import Fact

Number = Decimal | Fraction
REASONS = {
    "more_than_3x": "changes by more than three times",
    "zero": "becomes free, or nothing of it has a price",
    "future": "begins in the future; it may be withdrawn until then",
    "withdrawn": "a price that was announced is no longer",
    "cached_above_input": "a cached token would cost more than a fresh one",
    "output_below_input": "output would cost less than input",
    "step_below_base": "a long request would cost less for each token",
    "removed": "the catalogue no longer has the model; calls of its time keep their price",
    "fact_removed": "the catalogue no longer states it",
    "disagree": "the catalogues disagree",
    "curated": "the card says otherwise than the catalogue did before",
    "split": "names that share one entry now differ",
    "history": "a price of the past changes",
    "by_hour": "the price goes by the hour",
    "unread": "the price goes by the hour there, or is no price at all",
    "page": "the price was read on the provider's page, which does not say this",
    "place": "long requests under a condition that the card has no table for, or an unknown model at a place",
    "factor": "it is the card's price times or by a factor of the card: the catalogue may have read another column",
    "modifier": "the card has a factor for this, which gives another price",
    "half_table": "a table of its own for this would leave input or output without a price",
    "left_behind": "another table of the entry would keep the old price",
    "unknown_provider": "no file for the provider",
    "no_rate": "none of its prices is one that the card can say",
}
MOST = 3

RateOf = Callable[[Fact], "Number | None"]


def of_change(was: Number | None, now: Number, beside: Iterable[Number]) -> str | None:
    """Return the guard that a change of one price meets. A 0 may be new *beside* a price, not where all is free."""
    if now == 0 and (was or not any(beside)):
        return "zero"
    if was and not Fraction(1, MOST) <= Fraction(now) / Fraction(was) <= MOST:
        return "more_than_3x"
    return None


def of_table(fact: Fact, rate_of: RateOf, steps: list[int]) -> str | None:
    """Return the guard that a price meets beside the others of its table; *steps* are the bounds the table has."""

    def above(one: str, other: str) -> bool:
        first, second = (rate_of(Fact(fact.when, fact.bound, meter)) for meter in (one, other))
        return first is not None and second is not None and first > second

    if fact.meter in ("cache_read_tokens", "input_tokens") and above("cache_read_tokens", "input_tokens"):
        return "cached_above_input"
    has_output = rate_of(Fact(fact.when, fact.bound, "output_tokens"))
    if fact.meter in ("output_tokens", "input_tokens") and has_output and above("input_tokens", "output_tokens"):
        return "output_below_input"
    base = rate_of(Fact(fact.when, 0, fact.meter))
    for bound in steps if not fact.bound else [fact.bound]:
        higher = rate_of(Fact(fact.when, bound, fact.meter))
        if base is not None and higher is not None and higher < base:
            return "step_below_base"
    return None
