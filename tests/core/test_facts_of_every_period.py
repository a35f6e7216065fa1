# SPDX-License-Identifier: Apache-2.0
"""Property of the whole card: every entry, every price period, every fact, every value of it, alone and in pairs.

A call is priced only if each of its facts has a rate, or the entry says that its own rate covers the value. The rate id
names the values whose rates were used: they are the call's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

import pytest

from spancost.config.data import default_card
from spancost.core.call import FREE, PRICED, Call, Cost
from spancost.core.pricing.facts import ITSELF, STANDARD
from spancost.core.pricing.linear_cost import SPLIT_FACT
from spancost.core.pricing.match import Match, match
from spancost.core.pricing.price import Pricer

FIELDS = frozenset(("service_tier", "processing"))
CERTAIN = frozenset((PRICED, FREE))
ELSEWHERE = "nowhere-1"
"""A value of open facts that no entry has a rate for."""
card = cache(default_card)
pricer = cache(lambda: Pricer(card()))
Said = tuple[tuple[str, str], ...]


class Priced(NamedTuple):
    """One entry in one price period. rated: fact -> values with a rate of their own."""

    provider: str
    line: Mapping[str, Any]
    name: str
    entry: Mapping[str, Any]
    period: Mapping[str, Any]
    rated: Mapping[str, frozenset[str]]

    def call(self, said: Said, **usage: int) -> Call:
        """Return a call of the period with these facts; it uses every meter with a rate unless *usage* is given."""
        facts = {fact: spelling(fact, value) for fact, value in said}
        every = {m: 1 for m in self.period["rates"] if not m.startswith("cache_write")}
        at_ns = (self.period.get("from", 0) + 1) * 10**9
        fields = {fact: facts.pop(fact) for fact in FIELDS & facts.keys()}
        used = usage or {**every, "input_tokens": 10_000, "output_tokens": 10_000}
        return Call(self.provider, self.name, used, at_ns, context=facts or None, **fields)

    def alternatives(self, fact: str) -> frozenset[str]:
        """Return the facts of which one stands for *fact*, itself among them."""
        assumed = (*self.entry.get("assumes", ()), *self.period.get("assumes", ()))
        return frozenset(next((a.split("|") for a in assumed if a.split("|")[0] == fact), [fact]))

    def used(self, cost: Cost) -> dict[str, str]:
        """Return the facts whose rates a cost was computed with, by its rate id."""
        ids = {modifier["id"]: modifier["when"] for modifier in self.line.get("modifiers", ())}
        found: dict[str, str] = {}
        for part in (cost.rate_id or "").split(";")[1:]:
            fact, equals, value = part.partition("=")
            found |= ids.get(part, {}) if not equals else {} if fact == "from" else {fact: value}
        return found


@cache
def spelling(fact: str, value: str) -> str:
    """Return a text that means *value*."""
    words = card().fact_words.words_for(fact)
    known = [text for text, word in words.items() if word == value and text not in ("", "*")]
    return known[0] if known else value if words.get("*") == ITSELF else ELSEWHERE


@cache
def periods() -> list[Priced]:
    """Return every price period of every entry."""
    found = []
    for provider in card().providers:
        line = card().provider(provider)
        assert line is not None
        for name, entry in line["models"].items():
            modifiers = [line["modifiers"][index] for index in entry.get("modifiers", ())]
            for period in entry["eras"]:
                rated: dict[str, set[str]] = {}
                for row in (*period.get("variants", ()), *modifiers):
                    for fact, value in row["when"].items():
                        rated.setdefault(fact, set()).add(value)
                found.append(Priced(provider, line, name, entry, period, {f: frozenset(v) for f, v in rated.items()}))
    return found


@cache
def distinct_periods() -> list[Priced]:
    """Return one price period for each set of conditions: what facts decide does not depend on the rates themselves."""
    found: dict[str, Priced] = {}
    for each in periods():
        plain = match(card(), each.call(()))
        assert isinstance(plain, Match)
        whens = [variant["when"] for variant in each.period.get("variants", ())]
        assumes = (each.entry.get("assumes"), each.period.get("assumes"))
        named = (sorted(plain.facts.items()), sorted(plain.reported))
        key = (each.provider, named, assumes, each.entry.get("base_for"), each.entry.get("modifiers"), whens)
        found.setdefault(repr(key), each)
    return list(found.values())


def values_of(each: Priced, fact: str) -> list[str]:
    """Return every value that *fact* can have, and for an open fact those with a rate and another."""
    words = card().fact_words.words_for(fact).values()
    closed = {word for word in words if word not in (STANDARD, ITSELF) and ":" not in word}
    return sorted(closed | each.rated.get(fact, frozenset()) | ({ELSEWHERE} if ITSELF in words else set()))


def check(each: Priced, said: Said) -> None:
    """Fail when a call is certain of a rate that is not its own."""
    call = each.call(said)
    found, cost = match(card(), call), pricer().price(call)
    assert isinstance(found, Match), (each.provider, each.name, said)
    used = each.used(cost)
    assert all(found.facts.get(fact) == value for fact, value in used.items()), (each.provider, each.name, said, cost)
    if cost.status not in CERTAIN:
        return
    for fact, value in found.facts.items():
        if fact in used or fact not in {*card().fact_words.must_be_priced, *each.rated}:
            continue
        own = each.entry.get("base_for", {}).get(fact, ())
        is_covered = value in own or "*" in own or not found.reported.isdisjoint(each.alternatives(fact) - {fact})
        assert is_covered, (each.provider, each.name, said, cost)


def test_every_entry_is_found_by_its_own_name() -> None:
    """Otherwise the tests below would not cover it."""
    for each in periods():
        found = match(card(), each.call(()))
        assert isinstance(found, Match) and each.name in {span[2] for span in found.spans}
        rate = pricer().price(each.call(())).rate_id
        assert rate is None or rate.startswith(f"{each.provider}/{each.name}@"), (each.provider, each.name, rate)
    assert len(periods()) > 5_000


@pytest.mark.parametrize("fact", sorted(card().fact_words.must_be_priced))
def test_a_value_has_its_own_rate_or_leaves_doubt(fact: str) -> None:
    for each in distinct_periods():
        for value in values_of(each, fact):
            check(each, ((fact, value),))


def pairs(each: Priced) -> Iterator[Said]:
    for first, second in combinations(sorted(each.rated), 2):
        for value in values_of(each, first)[:6]:
            for other in values_of(each, second)[:6]:
                yield (first, value), (second, other)


def test_two_values_have_their_own_rates_or_leave_doubt() -> None:
    """Batch on priority, a region on flex: a rate for one of them is no rate for both."""
    seen = 0
    for each in distinct_periods():
        for said in pairs(each):
            check(each, said)
            seen += 1
    assert seen > 1_000


def test_a_fact_without_a_default_that_is_left_out_leaves_doubt() -> None:
    seen = 0
    for each in periods():
        found = match(card(), each.call(()))
        assert isinstance(found, Match)
        for fact in each.rated:
            if each.line["facts"][fact]["default"] == "none" and found.reported.isdisjoint(each.alternatives(fact)):
                cost = pricer().price(each.call(()))
                assert cost.status not in CERTAIN and cost.reason, (each.provider, each.name, fact)
                seen += 1
    assert seen > 400


def test_the_lifetime_of_a_write_has_a_documented_default_or_leaves_doubt() -> None:
    """In every period, and inside the tables of every variant."""
    inside = {name for name, meter in card().units.meters.items() if "cache_write_tokens" in meter.inside}
    seen = 0
    for each in periods():
        tables: list[tuple[Said, Mapping[str, Any]]] = [((), each.period["rates"])]
        tables += [(tuple(v["when"].items()), v["rates"]) for v in each.period.get("variants", ())]
        for said, rates in tables:
            split = {meter for meter in inside & rates.keys() if rates[meter] != rates.get("cache_write_tokens")}
            if not split or "cache_write_tokens" not in rates:
                continue
            cost = pricer().price(each.call(said, input_tokens=9, cache_write_tokens=9))
            if each.line["facts"][SPLIT_FACT]["default"] == "none":
                assert cost.status not in CERTAIN, (each.provider, each.name, said)
            else:
                assert cost.reason != f"assumed_fact:{SPLIT_FACT}", (each.provider, each.name, said)
            seen += 1
    assert seen > 200
