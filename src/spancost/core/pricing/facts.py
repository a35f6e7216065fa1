# SPDX-License-Identifier: Apache-2.0
"""Facts of a call that can change its price (tier, batch, speed, place, deployment), with the card's values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from spancost.core.pricing.names import fill, host_of

STANDARD = "standard"
"""The default value of a fact; it is left out."""
ITSELF = "="
"""Marks a fact whose reported text is its value."""
UNKNOWN = "unknown"
"""The value of a fact whose text is on no list."""


PLACES = ("endpoint", "deployment_type")
"""Facts about the place of a call, for cards that do not list them."""


class HostFacts(NamedTuple):
    """Facts that a host name shows, as written there; `silent_on`: facts that its answers do not report."""

    facts: Mapping[str, str]
    silent_on: tuple[str, ...]


class Facts(NamedTuple):
    """The facts of one call.

    words: with the card's values, without defaults. reported: all reported facts, including defaults. silent_on: facts
    that the host does not report.
    """

    words: dict[str, str]
    reported: frozenset[str]
    silent_on: tuple[str, ...]


_NO_FACTS = HostFacts({}, ())


class FactWords:
    """Maps reported texts and host names to the card's values of facts."""

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
        """Return the card's value for each text of a fact; empty for an unknown fact."""
        return self._words.get(fact, {})

    def of(self, stated: Mapping[str, str]) -> dict[str, str]:
        """Return the facts *stated* with the card's values, without defaults and unknown dimensions.

        A text that is on no list becomes `unknown`, unless the dimension has a value for all others (`*`).
        A value `dimension:value` sets another dimension (`service_tier: batch` is `processing: batch`).
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
        """Return the facts that *stated* has a value for, including defaults."""
        return frozenset(fact for fact, text in stated.items() if fact in self._words and text.strip())

    def at_host(self, server_address: str) -> HostFacts:
        """Return the facts that the host name shows (`eu.api.openai.com`: data_residency), as written there."""
        host = host_of(server_address)
        for pattern, stated in self._hosts:
            found = pattern.match(host)
            if found is not None:
                return HostFacts({key: fill(value, found) for key, value in stated.facts.items()}, stated.silent_on)
        return _NO_FACTS
