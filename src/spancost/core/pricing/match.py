# SPDX-License-Identifier: Apache-2.0
"""From a call's words to the card's entry: seller, model and facts. Exact names only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from spancost.core import reasons
from spancost.core.call import Call
from spancost.core.pricing.card import RateCard


class Match(NamedTuple):
    """The entries that a name stands for over time, on one seller's line.

    seller: canonical name. line: the seller's part of the card. spans: (from, until, entry id), seconds since the
    epoch, until exclusive and None for open. facts: in the card's words. by_request: found by the requested model.
    """

    seller: str
    line: Mapping[str, Any]
    spans: tuple[tuple[int | None, int | None, str], ...]
    facts: Mapping[str, str]
    by_request: bool


def match(card: RateCard, call: Call) -> Match | str:
    """Return the entry of *call* on *card*, or the code of the reason why there is none."""
    seller = card.providers.canonical(call.provider, (call.context or {}).get("server_address"))
    line = card.seller(seller) if seller else None
    if seller is None or line is None:
        return reasons.UNKNOWN_PROVIDER
    model, by_request = call.model, False
    if not model:
        model, by_request = call.request_model or "", False
    if not model.strip():
        return reasons.NO_MODEL
    found = _look_up(card, seller, line, model)
    if found is None and call.request_model and line.get("request_model_prices", 1):
        by_request = True
        found = _look_up(card, seller, line, call.request_model)
    if found is None:
        return reasons.UNKNOWN_MODEL
    spans, spelled = found
    return Match(seller, line, spans, facts_of(card, call, spelled), by_request)


def facts_of(card: RateCard, call: Call, spelled: Mapping[str, str]) -> dict[str, str]:
    """Return the facts of *call* in the card's words; *spelled* are those that the spelling of its model states."""
    stated = dict(call.context or {})
    address = stated.get("server_address")
    if address:
        stated = {**card.fact_words.at_host(address), **stated}
    if call.service_tier:
        stated["service_tier"] = call.service_tier
    if call.processing:
        stated["processing"] = call.processing
    return card.fact_words.of({**spelled, **stated})


def _look_up(
    card: RateCard, seller: str, line: Mapping[str, Any], model: str
) -> tuple[tuple[tuple[int | None, int | None, str], ...], Mapping[str, str]] | None:
    names = line["names"]
    for name, spelled in card.model_names.candidates(seller, model):
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
