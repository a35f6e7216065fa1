# SPDX-License-Identifier: Apache-2.0
"""What the reader of litellm's price map takes from a row: every form of a price that the card can hold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.tools.pricing.world import OneModel
from tools.pricing import litellm_catalogue
from tools.pricing.statement import statement

TIERS = [
    {"range": [0, 256000.0], "input_cost_per_token": 4e-7, "output_cost_per_token": 1.2e-6},
    {"range": [256000.0, 1e6], "input_cost_per_token": 1.2e-6, "output_cost_per_token": 3.6e-6},
]
BASE = {"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6}
ROWS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "tiers alone": (
        {"tiered_pricing": TIERS},
        {
            "input_tokens": "0.4",
            "output_tokens": "1.2",
            "input_tokens >=256001": "1.2",
            "output_tokens >=256001": "3.6",
        },
    ),
    "tiers beside a base price": (
        {**BASE, "tiered_pricing": [{**BASE, "range": [0, 200000]}, {**TIERS[1], "range": [200000, 5e5]}]},
        {"input_tokens": "2", "output_tokens": "8", "input_tokens >=200001": "1.2", "output_tokens >=200001": "3.6"},
    ),
    "tiers of results are not tiers of tokens": (
        {**BASE, "tiered_pricing": [{"max_results_range": [0, 25], "input_cost_per_query": 0.005}]},
        {"input_tokens": "2", "output_tokens": "8"},
    ),
    "an output of 0 is free": (
        {"mode": "embedding", "input_cost_per_token": 1e-7, "output_cost_per_token": 0},
        {"input_tokens": "0.1", "output_tokens": "0"},
    ),
    "a cached token of 0 is free": (
        {**BASE, "cache_read_input_token_cost": 0},
        {"input_tokens": "2", "output_tokens": "8", "cache_read_tokens": "0"},
    ),
    "a cache write of 0 is an input token": (
        {**BASE, "cache_creation_input_token_cost": 0, "cache_creation_input_token_cost_above_1hr": 0},
        {"input_tokens": "2", "output_tokens": "8"},
    ),
    "a cache hit in other words": (
        {**BASE, "input_cost_per_token_cache_hit": 2e-7},
        {"input_tokens": "2", "output_tokens": "8", "cache_read_tokens": "0.2"},
    ),
    "the usual key of a cache hit decides": (
        {**BASE, "cache_read_input_token_cost": 1e-7, "input_cost_per_token_cache_hit": 2e-7},
        {"input_tokens": "2", "output_tokens": "8", "cache_read_tokens": "0.1"},
    ),
    "the balanced tier": (
        {**BASE, "input_cost_per_token_balanced": 1e-6, "output_cost_per_token_balanced": 4e-6},
        {
            "input_tokens": "2",
            "output_tokens": "8",
            "service_tier=balanced input_tokens": "1",
            "service_tier=balanced output_tokens": "4",
        },
    ),
    "seconds of a realtime model without tokens": (
        {"mode": "realtime", "input_cost_per_second": 0.0005666666666666667},
        {"audio_seconds": "2.04"},
    ),
    "seconds beside tokens are no second charge": (
        {**BASE, "mode": "realtime", "input_cost_per_second": 0.0005},
        {"input_tokens": "2", "output_tokens": "8"},
    ),
    "seconds of sound in an embedding": (
        {"mode": "embedding", "input_cost_per_token": 1e-7, "input_cost_per_audio_per_second": 0.00014},
        {"input_tokens": "0.1", "audio_seconds": "0.504"},
    ),
}


def exact(value: Any) -> Any:
    """Return *value* with its floats as the decimals that a file would say."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    return [exact(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", ROWS)
def test_a_catalogue_row(case: str) -> None:
    """Every price of the row, and none that it does not state."""
    row, expected = ROWS[case]
    found = litellm_catalogue.entry("m", exact(row))
    assert found is not None
    assert {fact.text: f"{price:f}" for fact, price in statement(found).periods["launch"].items()} == expected


def test_a_zero_is_added_beside_a_price(tmp_path: Path) -> None:
    """Free cached tokens: the card then has 0, and a second run reports nothing."""
    world = OneModel(tmp_path)
    row = {**OneModel.LITELLM, "output_cost_per_reasoning_token": 0}
    world.say(litellm={"m": row}, extra=("--write",))
    assert "reasoning_tokens: 0" in world.provider("openai")
    assert "## Proposed" not in world.say(litellm={"m": row}).text
