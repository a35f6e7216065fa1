# SPDX-License-Identifier: Apache-2.0
"""Finds the deployment and the contract term of a call: the most specific one wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from spancost.core.call import Call
from spancost.core.contract.terms import DIMENSIONS, FACTS, LOWERED, Contract, Deployment, Term, fit
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.match import Match, facts_of, match
from spancost.core.pricing.names import host_of

UNKNOWN = "unknown"
"""Stands for the provider in the rate id of a call that names none, at a host that nobody listed."""
_SOURCE = "contract"
_Row = TypeVar("_Row", Term, Deployment)


class Holding(NamedTuple):
    """The match of a call: the call after deployments are mapped, the card's entry (or the reason code when there is
    none), the term, None when none matches, and the entry that the term's rates apply to."""

    call: Call
    listed: Match | str
    term: Term | None
    agreed: Match | None


class Terms:
    """The terms and deployments of a contract that are in force between two of its instants."""

    def __init__(self, contract: Contract, card: RateCard, at_s: int | None) -> None:
        """Select what is in force at *at_s* (seconds since the epoch; None: before the first instant)."""
        self._card = card
        self._account = contract.account
        self._terms = [term for term in contract.terms if _is_in_force(term, at_s)]
        self._deployments = [row for row in contract.deployments if _is_in_force(row, at_s)]

    def holding(self, call: Call) -> Holding:
        """Return the match of *call*."""
        card = self._card
        stated = dict(call.context or {})
        provider = card.provider_names.canonical(call.provider, stated.get("server_address")) or ""
        spellings = {fact: _spellings(fact, (stated.get(fact),)) for fact in FACTS}
        spellings["provider"] = _spellings("provider", (provider,))
        address = stated.get("server_address")
        spellings["server_address"] = _spellings("server_address", (host_of(address),)) if address else ()
        if not spellings["deployment"]:
            spellings["deployment"] = _spellings("deployment", (call.request_model, call.model))
        mapped = self._mapped(call, spellings)
        listed = match(card, mapped, self._account)
        own = self._names(provider, mapped.model)
        spellings["model"] = own
        if isinstance(listed, Match):
            spellings["model"] += tuple(entry for _, _, entry in listed.spans)
        if not isinstance(listed, Match) or listed.by_request:
            spellings["model"] += self._names(provider, mapped.request_model or "")
        term = best(self._terms, spellings)
        return Holding(mapped, listed, term, self._agreed(term, mapped, listed, provider, own))

    def _mapped(self, call: Call, spellings: Mapping[str, tuple[str, ...]]) -> Call:
        """Return *call* with the model and facts of its deployment; values of the answer take precedence."""
        found = best(self._deployments, spellings)
        if found is None:
            return call
        answered = match(self._card, call._replace(request_model=None), self._account)
        model = call.model if isinstance(answered, Match) else found.model
        return call._replace(model=model, context={**found.facts, **(call.context or {})})

    def _names(self, provider: str, model: str) -> tuple[str, ...]:
        if not model:
            return ()
        return tuple(found.name for found in self._card.model_names.candidates(provider, model))

    def _agreed(
        self, term: Term | None, call: Call, listed: Match | str, provider: str, own: Sequence[str]
    ) -> Match | None:
        """Return the entry that contract rates apply to: the card's, or an empty one for a model it does not have."""
        if term is None or term.hardware is not None:
            return None
        wanted = term.when.get("model", "")
        is_own = bool(wanted) and fit(wanted, own) is not None
        if isinstance(listed, Match) and not (listed.by_request and is_own and term.has_rates):
            return listed
        name = (call.model or call.request_model or "").strip().lower()
        if not term.has_rates or not name:
            return None
        provider = provider or UNKNOWN
        period = {"basis": _SOURCE, "checked": "unknown", "rates": {}, "source": _SOURCE}
        line = {"models": {name: {"eras": [period]}}, "modifiers": [], "sources": {_SOURCE: f"term {term.id}"}}
        facts = facts_of(self._card, call, {}, self._account.get(provider))
        return Match(provider, line, ((None, None, name),), facts.words, False, facts.reported, facts.silent_on)


def best(rows: Sequence[_Row], spellings: Mapping[str, tuple[str, ...]]) -> _Row | None:
    """Return the row with the most conditions, of equals the one with the more specific conditions; None for none.

    Two rows never tie: a contract may not have the same conditions twice at the same time.
    """
    chosen: _Row | None = None
    highest: tuple[object, ...] = ()
    for row in rows:
        rank = _rank(row.when, spellings)
        if rank is not None and (chosen is None or rank > highest):
            chosen, highest = row, rank
    return chosen


def _rank(when: Mapping[str, str], spellings: Mapping[str, tuple[str, ...]]) -> tuple[object, ...] | None:
    ranks: list[tuple[int, int, int]] = []
    for dimension in DIMENSIONS:
        wanted = when.get(dimension)
        found = (0, 0, 0) if wanted is None else fit(wanted, spellings[dimension])
        if found is None:
            return None
        ranks.append(found)
    return (len(when), *ranks)


def normalize(dimension: str, text: str) -> str:
    """Normalize *text* for comparison in *dimension*: trimmed, in lower case where case is insignificant."""
    return text.strip().lower() if dimension in LOWERED else text.strip()


def _spellings(dimension: str, texts: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(normalize(dimension, text) for text in texts if text and text.strip())


def _is_in_force(row: Term | Deployment, at_s: int | None) -> bool:
    if at_s is None:
        return row.from_s is None
    return (row.from_s is None or row.from_s <= at_s) and (row.until_s is None or at_s < row.until_s)
