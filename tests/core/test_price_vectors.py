# SPDX-License-Identifier: Apache-2.0
"""Vectors of pricing, matching and card loading, on the small card beside them."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from spancost.cli.price import answer_to
from spancost.core.call import Call
from spancost.core.pricing.card import CardError, RateCard
from spancost.core.pricing.match import Match, match
from spancost.core.pricing.price import Pricer
from tests.core.vectors import VECTORS, cases

SMALL = VECTORS / "small_card" / "card.jsonl"


@cache
def small_card() -> RateCard:
    """Return the card that the vectors are about."""
    return RateCard.from_bytes(SMALL.read_bytes(), "small card")


@cache
def small_pricer() -> Pricer:
    """Return a pricer of the small card."""
    return Pricer(small_card())


@pytest.mark.parametrize(("name", "case"), cases("price", {"about", "call", "expected"}))
def test_a_cost_matches_its_vector(name: str, case: Any) -> None:
    """Cold and warm, and the line items add up."""
    for _ in range(2):
        answer = answer_to(json.dumps({"id": name, **case["call"]}), small_pricer())
        assert {key: answer.get(key) for key in case["expected"]} == case["expected"]
    items = sum(Decimal(item["cost_usd"]) for item in answer["line_items"])
    assert items == Decimal(answer["cost_usd"] or 0)


@pytest.mark.parametrize(("name", "case"), cases("match", {"about", "provider", "model", "context", "expected"}))
def test_a_name_match_equals_its_vector(name: str, case: Any) -> None:
    """Provider, entry and facts, or the reason why there is none."""
    call = Call(case["provider"], case["model"], {}, 0, context=case["context"])
    found = match(small_card(), call)
    if isinstance(found, Match):
        assert case["expected"] == {"provider": found.provider, "entry": found.spans[0][2], "facts": found.facts}
    else:
        assert case["expected"] == found


@pytest.mark.parametrize(("name", "case"), cases("card", {"about", "text", "error"}))
def test_loading_a_card_matches_its_vector(name: str, case: Any) -> None:
    """A refusal names the file and what is wrong."""
    content = case["text"].encode()
    if case["error"] is None:
        assert RateCard.from_bytes(content).providers == ("groq",)
        return
    with pytest.raises(CardError) as refused:
        RateCard.from_bytes(content, "my-card.jsonl")
    assert "my-card.jsonl" in str(refused.value)
    assert case["error"] in str(refused.value)


def test_the_small_card_is_beside_its_sources() -> None:
    """The card's version is the hash of its content, so a reader in another language reads the same bytes."""
    assert Path(SMALL).read_bytes().startswith(b'{"format":1,"version":"' + small_card().version.encode())
