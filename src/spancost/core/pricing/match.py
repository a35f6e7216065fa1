# SPDX-License-Identifier: Apache-2.0
"""From a call's words to the card's entry: provider, model and facts. Exact names only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from spancost.core import reasons
from spancost.core.call import Call
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.facts import Facts

AccountFacts = Mapping[str, Mapping[str, str]]
"""Provider -> fact -> value: what a team states of its own accounts, for calls that do not report it."""
_NO_ACCOUNT: AccountFacts = {}


class Match(NamedTuple):
    """The entries that a model name refers to over time, on one provider's line of the card.

    provider: canonical name. line: the provider's part of the card. spans: (from, until, entry id), seconds since the
    epoch, until exclusive, None for open. facts: with the card's values. by_request: found by the requested model.
    reported: the facts that the call, its host, its model name or the account reports, including default values.
    silent_on: facts that the host does not report.
    """

    provider: str
    line: Mapping[str, Any]
    spans: tuple[tuple[int | None, int | None, str], ...]
    facts: Mapping[str, str]
    by_request: bool
    reported: frozenset[str]
    silent_on: tuple[str, ...]


def match(card: RateCard, call: Call, account: AccountFacts = _NO_ACCOUNT) -> Match | str:
    """Return the entry of *call* on *card*, or the reason code when there is none.

    *account* supplies facts that nothing else reports.
    """
    provider = card.provider_names.canonical(call.provider, (call.context or {}).get("server_address"))
    line = card.provider(provider) if provider else None
    if provider is None or line is None:
        return reasons.UNKNOWN_PROVIDER
    model, by_request = call.model, False
    if not model:
        model, by_request = call.request_model or "", False
    if not model.strip():
        return reasons.NO_MODEL
    found = _look_up(card, provider, line, model)
    if found is None and call.request_model and line.get("request_model_prices", 1):
        by_request, model = True, call.request_model
        found = _look_up(card, provider, line, model)
    if found is None:
        return reasons.UNKNOWN_MODEL
    spans, spelled = found
    facts = facts_of(card, call, spelled, account.get(provider))
    # The name of an entry may include a fact (`us.` of Bedrock): the fact is reported, and the entry covers it.
    in_name = frozenset(
        fact for _, facts_in_name in card.model_names.candidates(provider, model) for fact in facts_in_name
    )
    return Match(provider, line, spans, facts.words, by_request, facts.reported | in_name, facts.silent_on)


def facts_of(card: RateCard, call: Call, spelled: Mapping[str, str], account: Mapping[str, str] | None = None) -> Facts:
    """Return the facts of *call* with the card's values; *spelled* are those in the name of its model.

    *account*: facts of the provider's account, used where nothing else reports them.
    """
    stated = {fact: text for fact, text in (call.context or {}).items() if text.strip()}
    silent_on: tuple[str, ...] = ()
    address = stated.get("server_address")
    if address:
        host = card.fact_words.at_host(address)
        stated, silent_on = {**host.facts, **stated}, host.silent_on
    if call.service_tier and call.service_tier.strip():
        stated["service_tier"] = call.service_tier
    if call.processing and call.processing.strip():
        stated["processing"] = call.processing
    stated = {**(account or {}), **spelled, **{fact: stated[fact] for fact in stated if fact not in silent_on}}
    return Facts(card.fact_words.of(stated), card.fact_words.reported(stated), silent_on)


def _look_up(
    card: RateCard, provider: str, line: Mapping[str, Any], model: str
) -> tuple[tuple[tuple[int | None, int | None, str], ...], Mapping[str, str]] | None:
    names = line["names"]
    for name, spelled in card.model_names.candidates(provider, model):
        target = names.get(name)
        if target is None:
            continue
        if isinstance(target, str):
            return ((None, None, target),), spelled
        starts = [start for start, _ in target]
        ends = [*starts[1:], None]
        spans = tuple((start, end, entry) for (start, entry), end in zip(target, ends, strict=True))
        return spans, spelled
    return None
