# SPDX-License-Identifier: Apache-2.0
"""The price of one unit of a meter on the rate card, for what is compared with a price and is no call."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from spancost.core.call import BATCH, Call, Quantity
from spancost.store.meter_totals import UNCACHED_INPUT
from spancost.store.pricing_choice import PricingChoice

_SAMPLE = 1_000
"""Units of the call whose price is asked for: below every band of long contexts."""
_INPUT = "input_tokens"
UnitPrice = Callable[[str, str, str, str, int], "Fraction | None"]


def unit_prices(choice: PricingChoice) -> UnitPrice:
    """Return a function of provider, model, meter (parts apart), tier ("" for the usual one) and nanoseconds.

    It returns USD a unit, None for what the card does not price.
    """
    pricer = choice.pricer()

    def price(provider: str, model: str, meter: str, tier: str, at_ns: int) -> Fraction | None:
        name = _INPUT if meter == UNCACHED_INPUT else meter
        usage: dict[str, Quantity] = {name: _SAMPLE}
        if name.startswith("cache_"):  # a part of the input
            usage[_INPUT] = _SAMPLE
        called, processing = (None, BATCH) if tier == BATCH else (tier or None, None)
        call = Call(provider, model, usage, at_ns, service_tier=called, processing=processing)
        for item in pricer.line_items(call):
            if item.meter == name and item.quantity == _SAMPLE:
                return Fraction(item.price) / item.per
        return None

    return price
