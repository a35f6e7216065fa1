# SPDX-License-Identifier: Apache-2.0
"""litellm's price map, read into our form: `model_prices_and_context_window_backup.json` out of its wheel."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from tools.pricing.catalogue import Entry, PricePeriod, Rates, Table

_MILLION = Decimal(1_000_000)
_THOUSAND = Decimal(1_000)
_HOUR = Decimal(3_600)
METERS = {
    "input_cost_per_token": ("input_tokens", _MILLION),
    "output_cost_per_token": ("output_tokens", _MILLION),
    "cache_read_input_token_cost": ("cache_read_tokens", _MILLION),
    "input_cost_per_token_cache_hit": ("cache_read_tokens", _MILLION),
    "cache_creation_input_token_cost": ("cache_write_tokens", _MILLION),
    "cache_creation_input_token_cost_above_1hr": ("cache_write_1h_tokens", _MILLION),
    "cache_creation_input_token_cost_above_12hr": ("cache_write_12h_tokens", _MILLION),
    "input_cost_per_audio_token": ("input_audio_tokens", _MILLION),
    "output_cost_per_audio_token": ("output_audio_tokens", _MILLION),
    "cache_read_input_audio_token_cost": ("cache_read_audio_tokens", _MILLION),
    "input_cost_per_image_token": ("input_image_tokens", _MILLION),
    "output_cost_per_image_token": ("output_image_tokens", _MILLION),
    "cache_read_input_image_token_cost": ("cache_read_image_tokens", _MILLION),
    "input_cost_per_video_token": ("input_video_tokens", _MILLION),
    "output_cost_per_video_token": ("output_video_tokens", _MILLION),
    "output_cost_per_reasoning_token": ("reasoning_tokens", _MILLION),
    "citation_cost_per_token": ("citation_tokens", _MILLION),
    "input_cost_per_character": ("input_characters", _MILLION),
    "input_cost_per_query": ("search_units", _THOUSAND),
    "input_cost_per_request": ("requests", _THOUSAND),
    "input_cost_per_text_message": ("messages", _THOUSAND),
    "ocr_cost_per_page": ("pages", _THOUSAND),
    "annotation_cost_per_page": ("annotated_pages", _THOUSAND),
    "google_maps_grounding_cost_per_query": ("maps_searches", _THOUSAND),
    "code_interpreter_cost_per_session": ("code_interpreter_sessions", Decimal(1)),
}
# Seconds and images mean different things in different modes.
_BY_MODE = {
    ("audio_transcription", "input_cost_per_second"): ("audio_seconds", _HOUR),
    ("audio_transcription", "input_cost_per_audio_per_second"): ("audio_seconds", _HOUR),
    ("video_generation", "output_cost_per_second"): ("video_seconds", Decimal(1)),
    ("video_generation", "output_cost_per_video_per_second"): ("video_seconds", Decimal(1)),
    ("image_generation", "output_cost_per_image"): ("images", Decimal(1)),
    ("image_edit", "output_cost_per_image"): ("images", Decimal(1)),
    ("image_generation", "input_cost_per_image"): ("images", Decimal(1)),
    ("embedding", "input_cost_per_image"): ("input_images", Decimal(1)),
    ("embedding", "input_cost_per_audio_per_second"): ("audio_seconds", _HOUR),
    ("realtime", "input_cost_per_second"): ("audio_seconds", _HOUR),
    ("search", "input_cost_per_query"): ("requests", _THOUSAND),
}
_TIERS = {
    "batches": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "ultrafast": {"service_tier": "ultrafast"},
    "balanced": {"service_tier": "balanced"},
}
_KEY = re.compile(rf"^(?P<base>.+?)(?:_above_(?P<k>\d+)k_tokens)?(?:_(?P<tier>{'|'.join(_TIERS)}))?$")


def load(path: Path) -> dict[str, dict[str, Any]]:
    """Return the map without its sample, with numbers as the exact decimals of the file."""
    return rows(json.loads(path.read_bytes(), parse_float=Decimal))


def rows(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rows of the map's content, the sample left out."""
    return {name: row for name, row in content.items() if name != "sample_spec" and isinstance(row, dict)}


def entry(name: str, row: dict[str, Any]) -> Entry | None:
    """Return a row as an entry of one era, None when it has no price that our form holds.

    A zero is a price: free. Only a cache write of 0 is left out: such a token is input, and costs what input costs.
    """
    tables: dict[str | None, dict[int, Rates]] = {}
    mode = row.get("mode") or "chat"
    _prices(row, mode, 0, tables)
    for tier in row.get("tiered_pricing") or ():
        if "range" in tier:
            first = int(tier["range"][0])
            _prices(tier, mode, first + 1 if first else 0, tables)
    _searches(row, tables)
    base = tables.pop(None, {})
    if 0 not in base:
        return None
    variants = [(_TIERS[tier], _table(steps)) for tier, steps in tables.items() if tier and 0 in steps]
    found = Entry(name, {name}, [PricePeriod("launch", _table(base), variants)], row.get("source") or "")
    if "regional_endpoint_uplift_multiplier" in row:
        found.marks.add("regional_endpoint")
    if "regional_processing_uplift_multiplier_eu" in row:
        found.marks.add("regional_processing")
    found.marks.update(f"specific_{key}" for key in row.get("provider_specific_entry") or ())
    return found


def _prices(row: dict[str, Any], mode: str, first: int, tables: dict[str | None, dict[int, Rates]]) -> None:
    """Put the prices of a row, or of one of its tiers from *first* tokens on, into *tables*."""
    for key, value in row.items():
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            continue
        meter, bound, tier, price = _price(key, Decimal(value), mode)
        if meter is None or (not price and meter.startswith("cache_write")):
            continue
        if meter == "audio_seconds" and mode == "realtime" and "input_cost_per_token" in row:
            continue  # the price of its tokens in other words, not a second charge
        rates = tables.setdefault(tier, {}).setdefault(bound or first, {})
        if not (key.startswith("input_cost_per_token_cache_hit") and meter in rates):
            rates[meter] = price


def _price(key: str, value: Decimal, mode: str) -> tuple[str | None, int, str | None, Decimal]:
    found = _KEY.match(key)
    assert found is not None
    base, tier = found["base"], found["tier"]
    bound = int(found["k"]) * 1000 + 1 if found["k"] else 0
    meter, per = _BY_MODE.get((mode, base)) or METERS.get(base) or (None, Decimal(1))
    if per == _HOUR:
        # A price of an hour was divided there and has four digits left.
        return meter, bound, tier, Decimal(f"{value * per:.3e}")
    return meter, bound, tier, value * per


def _searches(row: dict[str, Any], tables: dict[str | None, dict[int, Rates]]) -> None:
    costs = row.get("search_context_cost_per_query")
    if isinstance(costs, dict):
        prices = {value for key, value in costs.items() if key.startswith("search_context_size_")}
        if len(prices) == 1:
            tables.setdefault(None, {}).setdefault(0, {})["web_searches"] = Decimal(prices.pop()) * _THOUSAND


def _table(steps: dict[int, Rates]) -> Table:
    base = steps.get(0, {})
    if base.get("reasoning_tokens") is not None and base.get("reasoning_tokens") == base.get("output_tokens"):
        base = {meter: price for meter, price in base.items() if meter != "reasoning_tokens"}
    return Table(base, sorted((bound, rates) for bound, rates in steps.items() if bound))
