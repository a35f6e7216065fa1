# SPDX-License-Identifier: Apache-2.0
"""The highest rates that a provider has for a token of text: what a call without a known price counts in a budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from spancost.core.call import Call
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.price import Pricer

_TOKENS = 1_000_000
_NOTHING = (0, 0)
_IN, _OUT = "input_tokens", "output_tokens"


class HighestRates:
    """Femto-dollars for an input and an output token, by provider and model; each is looked at once."""

    def __init__(self, card: RateCard, pricer: Pricer, clock: Callable[[], int] = time.time_ns) -> None:
        self._card = card
        self._pricer = pricer
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[int, int]] = {}

    def of(self, provider: str, model: str) -> tuple[int, int]:
        """Return the highest rates of *provider*.

        Where it is unknown ("" or not on the card): those of *model* at any provider, else the highest of the card.
        """
        found = self._known.get((provider, model))
        if found is None:
            name = self._card.provider_names.canonical(provider)
            line = self._card.provider(name) if name else None
            found = self._highest(name, line) if name and line is not None else _NOTHING
            if found == _NOTHING and model:
                rates = [(self._rate(each, [model], _IN), self._rate(each, [model], _OUT)) for each in self._providers]
                found = _most(rates)
            if found == _NOTHING:
                found = self._known.get(("", "")) or self._of_all()
            if len(self._known) > 1_000:
                self._known.clear()
            self._known[provider, model] = found
        return found

    @property
    def _providers(self) -> tuple[str, ...]:
        return self._card.providers

    def _of_all(self) -> tuple[int, int]:
        highest = _most([self._highest(name, self._card.provider(name) or {}) for name in self._providers])
        self._known["", ""] = highest
        return highest

    def _highest(self, provider: str, line: Any) -> tuple[int, int]:
        names = [name for name, target in line.get("names", {}).items() if isinstance(target, str) and name == target]
        names = names or list(line.get("names", {}))
        return self._rate(provider, names, _IN), self._rate(provider, names, _OUT)

    def _rate(self, provider: str, names: list[str], meter: str) -> int:
        """Return the highest rate of *meter* among the models that have rates for input and output tokens of text."""
        now_ns = self._clock()
        highest = 0
        for name in names:
            both = self._pricer.price(Call(provider, name, {"input_tokens": 1, "output_tokens": 1}, now_ns))
            if both.femto is None or both.status == "partial":
                continue
            cost = self._pricer.price(Call(provider, name, {meter: _TOKENS}, now_ns))
            if cost.femto is not None and cost.status != "partial":
                highest = max(highest, -(-cost.femto // _TOKENS))
        return highest


def _most(rates: list[tuple[int, int]]) -> tuple[int, int]:
    return max(rate for rate, _ in rates), max(rate for _, rate in rates)
