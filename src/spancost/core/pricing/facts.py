# SPDX-License-Identifier: Apache-2.0
"""Facts of a call that can change its price (tier, batch, speed, place, deployment), in the card's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from spancost.core.pricing.names import fill, host_of

STANDARD = "standard"
"""The value of a fact that changes nothing; it is left out."""
ITSELF = "="
"""The word for a fact whose spelling is its value."""
UNKNOWN = "unknown"
"""The value of a fact whose spelling is on no list."""


PLACES = ("endpoint", "deployment_type")
"""Facts about where a call ran, on cards that do not name them."""


class HostFacts(NamedTuple):
    """What a host states: facts as spelled there; `silent_on`: facts that its answers do not tell."""

    facts: Mapping[str, str]
    silent_on: tuple[str, ...]


class Facts(NamedTuple):
    """The facts of one call.

    words: in the card's words; those that are the usual case are left out. reported: the facts that were reported, the
    usual ones too. silent_on: facts that the host is known not to report.
    """

    words: dict[str, str]
    reported: frozenset[str]
    silent_on: tuple[str, ...]


_NO_FACTS = HostFacts({}, ())


class FactWords:
    """The spellings of facts, and what a host name states."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        """Read `facts` (fact -> spelling -> word), `host_rules`, `must_be_priced` and `places` of a card's `names`."""
        self._words: dict[str, Mapping[str, str]] = dict(table["facts"])
        self._hosts = [
            (re.compile(rule["match"]), HostFacts(rule.get("facts", {}), tuple(rule.get("silent_on", ()))))
            for rule in table["host_rules"]
        ]
        self.dimensions = frozenset((*self._words, "server_address"))
        self.must_be_priced: tuple[str, ...] = tuple(table["must_be_priced"])
        self.places = frozenset(table.get("places", PLACES))

    def words_for(self, fact: str) -> Mapping[str, str]:
        """Return the card's word for each value of a fact; none for a fact that no card knows."""
        return self._words.get(fact, {})

    def of(self, stated: Mapping[str, str]) -> dict[str, str]:
        """Return the facts *stated* in the card's words; standard ones and dimensions that no card knows are left out.

        A spelling that is on no list becomes `unknown`, unless the dimension has a word for all others (`*`).
        A word `dimension:value` states another dimension (`service_tier: batch` is `processing: batch`).
        """
        facts: dict[str, str] = {}
        for dimension, spelling in stated.items():
            words = self._words.get(dimension)
            if words is None:
                continue
            spelled = spelling.strip().lower()
            word = words.get(spelled, words.get("*", UNKNOWN))
            if word == STANDARD:
                continue
            if word == ITSELF:
                word = spelled
            other, colon, value = word.partition(":")
            if colon:
                facts.setdefault(other, value)
            else:
                facts[dimension] = word
        return facts

    def reported(self, stated: Mapping[str, str]) -> frozenset[str]:
        """Return the facts that *stated* tells anything about, the usual value included."""
        return frozenset(fact for fact, text in stated.items() if fact in self._words and text.strip())

    def at_host(self, server_address: str) -> HostFacts:
        """Return what the host that answered states (`eu.api.openai.com`: data_residency), as spelled there."""
        host = host_of(server_address)
        for pattern, stated in self._hosts:
            found = pattern.match(host)
            if found is not None:
                return HostFacts({key: fill(value, found) for key, value in stated.facts.items()}, stated.silent_on)
        return _NO_FACTS
