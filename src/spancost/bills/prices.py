# SPDX-License-Identifier: Apache-2.0
"""Prices of the rate card for what one side lacks: dollars of a usage report, tokens of a cost report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from fractions import Fraction

from spancost.bills.sides import REQUESTS, Key, Side
from spancost.config.model_names import family_of
from spancost.store.meter_totals import Group
from spancost.store.pricing_choice import PricingChoice
from spancost.store.unit_price import unit_prices

DAY_NS = 86_400 * 10**9
_EPOCH = date(1970, 1, 1)
Price = Callable[[Key], "Fraction | None"]


def card_prices(choice: PricingChoice, groups: Iterable[Group]) -> Price:
    """Return what gives USD a unit of a key on its day; None for what the card does not price.

    groups: calls, which have the full names of the models.
    """
    names = {(group.provider or "", family_of(group.model or "")): group.model or "" for group in groups}
    of_card = unit_prices(choice)
    found: dict[Key, Fraction | None] = {}

    def price(key: Key) -> Fraction | None:
        if key not in found:
            model = names.get((key.provider, key.model), key.model)
            at_ns = (key.day - _EPOCH).days * DAY_NS
            found[key] = of_card(key.provider, model, key.meter, key.tier, at_ns)
        return found[key]

    return price


def valued(bill: Mapping[Key, Side], ours: Mapping[Key, Side], price: Price) -> tuple[dict[Key, Side], frozenset[str]]:
    """Return the bill with dollars for providers of which it has none, and those providers.

    A quantity is valued at the price that the spans have for its key, else at the card's.
    """
    stated = {key.provider for key, side in bill.items() if side.usd is not None}
    found = dict(bill)
    providers = set()
    for key, side in bill.items():
        if key.provider in stated or side.quantity is None or key.meter == REQUESTS:
            continue
        other = ours.get(key)
        if other is not None and other.unpriced:
            continue
        unit = price(key)
        if other is not None and other.usd is not None and other.quantity:
            unit = other.usd / other.quantity
        if unit is not None:
            found[key] = side._replace(usd=side.quantity * unit)
            providers.add(key.provider)
    return found, frozenset(providers)
