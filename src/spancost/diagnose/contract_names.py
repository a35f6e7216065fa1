# SPDX-License-Identifier: Apache-2.0
"""Names in a contract that the rate card does not have: right for what is one's own, else a mistake in writing."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import TypeAlias

from spancost.core.call import Call
from spancost.core.contract.terms import Contract, Deployment, Term, fit
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.match import Match, match
from spancost.core.pricing.names import ANY_DATE

Row: TypeAlias = "Term | Deployment"


def unknown_names(contract: Contract, card: RateCard) -> Iterator[str]:
    """Yield a sentence for each provider and model that *contract* names and *card* does not have.

    Of models that a call names but the card does not have, it says what the term does.
    """
    names = _Names(card)
    said: set[str] = set()
    rows: list[tuple[str, Row]] = [(f"term {term.id}", term) for term in contract.terms]
    rows += [(f"deployment {row.when['deployment']}", row) for row in contract.deployments]
    for place, row in rows:
        for sentence in names.unknown_in(row):
            if (line := f"{place}: {sentence}") not in said:
                said.add(line)
                yield line


class _Names:
    """The names on one card."""

    def __init__(self, card: RateCard) -> None:
        self._card = card
        self._known = card.provider_names
        self.models = lru_cache(maxsize=None)(self._models)

    def unknown_in(self, row: Row) -> Iterator[str]:
        provider = row.when.get("provider")
        providers = self._providers(provider)
        if provider and not providers:
            if not (self._known.is_known(provider) and _has_prices(row)):  # vLLM, say, has no list prices at all
                yield f"the rate card has no provider {provider}{self._like(provider)}; {_effect(row)}"
            return
        model = row.model if isinstance(row, Deployment) else row.when.get("model")
        if not model or (isinstance(row, Term) and row.hardware is not None):
            return
        of = f" of {provider}" if provider else ""
        if "*" in model:
            if not any(fit(model, self.models(name)) for name in providers):
                yield f"no model{of} on the rate card is like {model}; {_effect(row)}"
        elif not any(isinstance(match(self._card, Call(name, model, {}, 0)), Match) for name in providers):
            yield f"the rate card has no {model}{of}; {_effect(row)}"

    def _providers(self, wanted: str | None) -> tuple[str, ...]:
        """Return the providers on the card that a condition can be about."""
        names = self._card.providers
        return names if wanted is None else tuple(name for name in names if fit(wanted, (name,)) is not None)

    def _like(self, provider: str) -> str:
        close = get_close_matches(provider, self._card.providers, n=1)
        return f" (did you mean {close[0]}?)" if close else ""

    def _models(self, provider: str) -> tuple[str, ...]:
        line = self._card.provider(provider)
        return () if line is None else tuple(name.removesuffix(ANY_DATE) for name in line["names"])


def _has_prices(row: Row) -> bool:
    return isinstance(row, Term) and (row.has_rates or row.hardware is not None)


def _effect(row: Row) -> str:
    if isinstance(row, Deployment):
        return "calls to it have no list price"
    if _has_prices(row):
        return "it is priced by this term alone"
    return "a discount on it changes nothing"
