# SPDX-License-Identifier: Apache-2.0
"""Model names similar to an unknown one. They are only shown, never used for a price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from spancost.core.call import Call
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.match import Match, match
from spancost.core.pricing.names import ANY_DATE

_LIKE = 0.72
_OWN = 3
_OTHERS = 6
_KEPT = 1_024


class Near(NamedTuple):
    """A model on the card, with its provider."""

    provider: str
    model: str


def similar(name: str, names: Iterable[str], most: int = _OWN) -> list[str]:
    """Return those of *names* that are similar to *name*, the most similar first."""
    return get_close_matches(name, list(names), n=most, cutoff=_LIKE)


class NearNames:
    """Finds similar names for unknown models on one card; results are cached."""

    def __init__(self, card: RateCard) -> None:
        """Search *card*; its providers are loaded on first use."""
        self._card = card
        self._providers_of: dict[str, list[Near]] | None = None
        self._found: dict[tuple[str, str], tuple[Near, ...]] = {}

    def of(self, call: Call) -> tuple[Near, ...]:
        """Return near names for a call whose model or provider is unknown: the provider's own, then other providers'.

        For the same provider: similar names. For each other provider: the same name, with or without a vendor prefix.
        """
        if isinstance(match(self._card, call), Match):
            return ()
        name = (call.model or call.request_model or "").strip().lower()
        if not name:
            return ()
        address = (call.context or {}).get("server_address")
        provider = self._card.provider_names.canonical(call.provider, address) or ""
        key = (provider, name)
        if key not in self._found:
            if len(self._found) >= _KEPT:
                self._found.clear()
            self._found[key] = (*self._own(provider, name), *self._elsewhere(provider, name))
        return self._found[key]

    def _own(self, provider: str, name: str) -> list[Near]:
        line = self._card.provider(provider)
        if line is None:
            return []
        names = _ids(line["names"])
        close = similar(name, names, 3 * _OWN)
        tail = name.rpartition("/")[2]
        if tail != name:
            close += similar(tail, names)
        return [Near(provider, entry) for entry in dict.fromkeys(names[spelled] for spelled in close)][:_OWN]

    def _elsewhere(self, provider: str, name: str) -> list[Near]:
        if self._providers_of is None:
            self._providers_of = {}
            for other in self._card.providers:
                for spelled, entry in _ids((self._card.provider(other) or {})["names"]).items():
                    self._providers_of.setdefault(spelled.rpartition("/")[2], []).append(Near(other, entry))
        found: dict[str, Near] = {}
        same = self._providers_of.get(name.rpartition("/")[2], [])
        for near in sorted(same, key=lambda near: near.model.lower() != name):
            if near.provider != provider:
                found.setdefault(near.provider, near)
        return list(found.values())[:_OTHERS]


def _ids(names: Mapping[str, str | list[tuple[int | None, str]]]) -> dict[str, str]:
    """Return the entry of each complete name now; for a moving alias, the newest."""
    return {
        name: target if isinstance(target, str) else target[-1][1]
        for name, target in names.items()
        if not name.endswith(ANY_DATE)
    }
