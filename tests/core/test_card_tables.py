# SPDX-License-Identifier: Apache-2.0
"""The tables of a tier are whole: what the ordinary table prices for itself, a tier's table does not leave to a total.

A meter without a rate is billed at the rate of the meter around it, and a long request at the table's own steps. So a
tier's table that was read without its image, audio or one-hour rates, or without its long-context step, would give a
number that looks sure and is wrong by a factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.repository import ROOT
from tools.pricing.form import Model, PriceEntry, Variant, load_provider

PROVIDERS = ROOT / "pricing" / "providers"
pytestmark = pytest.mark.skipif(not PROVIDERS.exists(), reason="the sources are not in this tree")

# The meters whose price differs most from that of their total, and the total.
_PARTS = {
    "input_audio_tokens": "input_tokens",
    "output_audio_tokens": "output_tokens",
    "output_image_tokens": "output_tokens",
    "cache_write_1h_tokens": "cache_write_tokens",
    "cache_read_audio_tokens": "cache_read_tokens",
}
# Meters without a price in a tier: Bedrock does not cache in batch, so reported counts are an estimate.
_NOT_SOLD = {("aws.bedrock", "batch"): {"cache_write_1h_tokens"}}
# Why a table may be without them: (provider, model, meter) or (provider, model, "steps").
_READ_WITHOUT = {
    # Sound goes into no text-to-speech; the ordinary table's own price is of one catalogue.
    ("gcp.gemini", "gemini-2.5-pro-tts", "input_audio_tokens"),
    ("gcp.vertex_ai", "gemini-2.5-pro-preview-tts", "input_audio_tokens"),
    # Priority is not available for long requests: such a call is served and reported as standard.
    ("openai", "gpt-5.4", "steps"),
    ("openai", "gpt-5.5", "steps"),
    ("azure.ai.openai", "eu/gpt-5.4", "steps"),
    ("azure.ai.openai", "us/gpt-5.4", "steps"),
    ("azure.ai.openai", "eu/gpt-5.5", "steps"),
    ("azure.ai.openai", "us/gpt-5.5", "steps"),
    # Government regions have their own list, without long requests.
    ("aws.bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", "steps"),
    ("aws.bedrock", "openai.gpt-5.4", "steps"),
    # It takes no prompt that long.
    ("gcp.vertex_ai", "gemini-3-pro-image-preview", "steps"),
    # A reseller's list of batch prices has one row.
    ("openrouter", "google/gemini-3-pro-preview", "steps"),
}


def tables() -> Iterator[tuple[str, str, Model, PriceEntry, Variant]]:
    """Yield every table of its own for tokens, with the entry that it stands in."""
    for path in sorted(PROVIDERS.glob("*.yaml")):
        provider = load_provider(path)
        for name, model in provider.models.items():
            for entry in model.prices:
                for variant in entry.variants:
                    if "input_tokens" in variant.rates:
                        yield provider.provider, name, model, entry, variant


def gaps() -> dict[tuple[str, str, str], Any]:
    """Return what tables leave out that the ordinary table of their entry prices for itself."""
    found: dict[tuple[str, str, str], Any] = {}
    for provider, name, _, entry, variant in tables():
        for meter, total in _PARTS.items():
            own = entry.rates.get(meter)
            if meter in _NOT_SOLD.get((provider, variant.when.get("processing", "")), ()):
                continue
            if own is not None and meter not in variant.rates and own != entry.rates.get(total):
                found[provider, name, meter] = variant.when
        if entry.steps and not variant.steps:
            found[provider, name, "steps"] = variant.when
    return found


def test_a_table_of_a_tier_is_whole() -> None:
    """Each gap is filled, or stands above with its reason."""
    found = gaps()
    assert {gap: when for gap, when in found.items() if gap not in _READ_WITHOUT} == {}


def test_every_exception_is_needed() -> None:
    """An exception that no longer holds is taken away."""
    assert _READ_WITHOUT - set(gaps()) == set()


def test_no_rate_of_sound_is_a_rounded_second() -> None:
    """Sound is sold by the hour or minute; a second's price, rounded, is off by parts in a thousand."""
    odd = []
    for path in sorted(PROVIDERS.glob("*.yaml")):
        for name, model in load_provider(path).models.items():
            for entry in model.prices:
                rate = entry.rates.get("audio_seconds", "0")
                digits = rate.partition(".")[2]
                if len(digits) > 4:
                    odd.append((path.stem, name, rate))
    assert odd == []
