# SPDX-License-Identifier: Apache-2.0
"""Invariant of the card: a fact that changes a price is reported, has a documented default, or adds a caveat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from spancost.config.data import default_card
from spancost.core.call import ESTIMATED, PRICED, Call
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.facts import ITSELF, STANDARD
from spancost.core.pricing.linear_cost import SPLIT_FACT
from spancost.core.pricing.match import Match, match
from spancost.core.pricing.price import Pricer

NOW = 2**62  # later than every change of price
FIRST = {"service_tier": "service_tier", "processing": "processing"}  # facts that are fields of a call
card = cache(default_card)


@cache
def pricer() -> Pricer:
    """Return a pricer by the newest card."""
    return Pricer(card())


def changing(provider: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the facts that change the price of an entry, each with the values that have a rate of their own."""
    found: dict[str, set[str]] = {}
    modifiers = [provider["modifiers"][index] for index in entry.get("modifiers", ())]
    for row in (*(v for period in entry["eras"] for v in period.get("variants", ())), *modifiers):
        for fact, value in row["when"].items():
            found.setdefault(fact, set()).add(value)
    return found


def lifetimes(rate_card: RateCard, entry: Mapping[str, Any]) -> set[str]:
    """Return the meters of cache writes that an entry sells at another rate than the usual one."""
    rates = entry["eras"][-1]["rates"]
    inside = {name for name, meter in rate_card.units.meters.items() if "cache_write_tokens" in meter.inside}
    return {name for name in inside & rates.keys() if rates[name] != rates.get("cache_write_tokens")}


def entries() -> Iterator[tuple[str, Mapping[str, Any], str, Mapping[str, Any]]]:
    """Yield every entry of the card, with its provider's line."""
    for name in card().providers:
        line = card().provider(name)
        assert line is not None
        for entry_id, entry in line["models"].items():
            yield name, line, entry_id, entry


def call(provider: str, entry_id: str, entry: Mapping[str, Any], **facts: str) -> Call:
    """Return a call of an entry that uses each meter it has a rate for."""
    usage = {meter: 1 for meter in entry["eras"][-1]["rates"] if meter not in ("input_tokens", "output_tokens")}
    usage |= {"input_tokens": 10_000, "output_tokens": 10_000}
    usage = {meter: quantity for meter, quantity in usage.items() if not meter.startswith("cache_write")}
    fields = {field: facts.pop(fact) for fact, field in FIRST.items() if fact in facts}
    return Call(provider, entry_id, usage, NOW, context=facts or None, **fields)


def test_every_fact_that_changes_a_price_has_a_default_or_none() -> None:
    """Every such fact has the provider's documented default with its source, or none."""
    seen = 0
    for provider, line, entry_id, entry in entries():
        facts = {*changing(line, entry), *([SPLIT_FACT] if lifetimes(card(), entry) else [])}
        for fact in facts:
            row = line["facts"][fact]
            assert row["default"] == "none" or line["sources"][row["source"]].startswith("https://"), (
                provider,
                entry_id,
            )
            assert fact == SPLIT_FACT or fact in card().fact_words.must_be_priced, (provider, entry_id, fact)
            seen += 1
    assert seen > 500


def test_a_fact_without_a_default_that_is_not_reported_is_never_priced() -> None:
    """And what it costs is the usual rate: the entry's own."""
    seen = 0
    for provider, line, entry_id, entry in entries():
        found = match(card(), call(provider, entry_id, entry))
        if not isinstance(found, Match) or found.spans[-1][2] != entry_id:
            continue
        for fact in changing(line, entry):
            alternatives = next((a.split("|") for a in entry.get("assumes", ()) if a.split("|")[0] == fact), [fact])
            if line["facts"][fact]["default"] != "none" or not found.reported.isdisjoint(alternatives):
                continue
            cost = pricer().price(call(provider, entry_id, entry))
            assert cost.status != PRICED, (provider, entry_id, fact)
            assert cost.status != ESTIMATED or cost.reason is not None
            seen += 1
    assert seen > 150


def test_a_lifetime_of_writes_without_a_default_is_never_priced() -> None:
    """A documented default is: the provider says how long a write lives that says nothing."""
    seen = {True: 0, False: 0}
    for provider, line, entry_id, entry in entries():
        rates = entry["eras"][-1]["rates"]
        if not lifetimes(card(), entry) or "cache_write_tokens" not in rates or entry["eras"][-1].get("windows"):
            continue
        has_default = line["facts"][SPLIT_FACT]["default"] != "none"
        assert (SPLIT_FACT in entry.get("assumes", ())) != has_default
        cost = pricer().price(Call(provider, entry_id, {"input_tokens": 9, "cache_write_tokens": 9}, NOW))
        if not has_default:
            assert cost.status != PRICED, (provider, entry_id)
        else:
            assert cost.reason != f"assumed_fact:{SPLIT_FACT}", (provider, entry_id)
        seen[has_default] += 1
    assert all(seen.values())


@pytest.mark.parametrize("fact", sorted(set(default_card().fact_words.must_be_priced)))
def test_a_value_without_a_rate_is_never_priced(fact: str) -> None:
    """At no entry does a value have another value's rate in silence."""
    words = card().fact_words.words_for(fact)
    by_value = {value: spelling for spelling, value in words.items() if spelling not in ("", "*")}
    if "*" in words:
        by_value["nowhere-1" if words["*"] == ITSELF else words["*"]] = "nowhere-1"
    values = {spelling: value for value, spelling in by_value.items()}
    seen = 0
    for provider, line, entry_id, entry in entries():
        rated = changing(line, entry).get(fact, set())
        base = entry.get("base_for", {}).get(fact, ())
        for spelling, value in values.items():
            if value == STANDARD or ":" in value or value in rated or value in base or "*" in base:
                continue
            found = match(card(), call(provider, entry_id, entry, **{fact: spelling}))
            if not isinstance(found, Match) or found.spans[-1][2] != entry_id:
                continue
            alternatives = next((a.split("|")[1:] for a in entry.get("assumes", ()) if a.split("|")[0] == fact), [])
            if not found.reported.isdisjoint(alternatives):
                continue
            cost = pricer().price(call(provider, entry_id, entry, **{fact: spelling}))
            assert cost.status != PRICED, (provider, entry_id, spelling)
            seen += 1
    assert seen
