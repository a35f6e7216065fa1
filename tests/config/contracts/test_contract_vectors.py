# SPDX-License-Identifier: Apache-2.0
"""Vectors of contracts, on the small card: each holds a compiled contract, calls and what they cost."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from spancost.cli.price import answer_to
from spancost.core.contract.price import MANUAL, ContractPricer
from spancost.core.contract.terms import Contract, ContractError, canonical_bytes
from tests.core.test_price_vectors import small_card
from tests.core.vectors import cases


@pytest.mark.parametrize(("name", "case"), cases("contract", {"about", "contract", "calls", "expected", "suffix"}))
def test_calls_match_their_contract_vector(name: str, case: Any) -> None:
    """Cold and warm; the version names the contract; line items add up."""
    pricer = ContractPricer(small_card(), Contract.from_bytes(canonical_bytes(case["contract"])))
    assert pricer.version == f"{small_card().version}+o{case['suffix']}"
    assert len(case["calls"]) == len(case["expected"])
    for _ in range(2):
        for call, expected in zip(case["calls"], case["expected"], strict=True):
            answer = answer_to(json.dumps(call), pricer)
            assert {key: answer.get(key) for key in expected} == expected
            if expected["cost_source"] != MANUAL:
                items = sum(Decimal(item["cost_usd"]) for item in answer["line_items"])
                assert items == Decimal(answer["cost_usd"] or 0)


@pytest.mark.parametrize(("name", "case"), cases("contract_form", {"about", "text", "error"}))
def test_a_compiled_contract_loads_or_is_refused(name: str, case: Any) -> None:
    """A refusal names the file and what is wrong."""
    if case["error"] is None:
        assert Contract.from_bytes(case["text"].encode()).name == "v"
        return
    with pytest.raises(ContractError) as refused:
        Contract.from_bytes(case["text"].encode(), "c.json")
    assert "c.json" in str(refused.value)
    assert case["error"] in str(refused.value)


def test_a_contract_does_not_fit_a_card_without_its_meters() -> None:
    """It is refused when it is taken, not when a call comes."""
    term = {"id": "t", "rates": {"smells": 1}, "when": {"provider": "openai"}}
    content = {"attributes": {}, "deployments": [], "format": 1, "name": "v", "terms": [term]}
    with pytest.raises(ContractError, match="term t: found meter 'smells'"):
        ContractPricer(small_card(), Contract.from_bytes(canonical_bytes(content)))
