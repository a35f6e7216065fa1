# SPDX-License-Identifier: Apache-2.0
"""genai-prices, read into our form: its published data (a list of providers), as JSON with its numbers as text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tools.pricing.catalogue import Entry, PricePeriod, Rates, Table

METERS = {
    "input_mtok": "input_tokens",
    "output_mtok": "output_tokens",
    "cache_read_mtok": "cache_read_tokens",
    "cache_write_mtok": "cache_write_tokens",
    "cache_write_1h_mtok": "cache_write_1h_tokens",
    "input_audio_mtok": "input_audio_tokens",
    "output_audio_mtok": "output_audio_tokens",
    "cache_audio_read_mtok": "cache_read_audio_tokens",
    "input_image_mtok": "input_image_tokens",
    "output_image_mtok": "output_image_tokens",
    "cache_image_read_mtok": "cache_read_image_tokens",
    "input_video_mtok": "input_video_tokens",
    "output_video_mtok": "output_video_tokens",
    "output_reasoning_mtok": "reasoning_tokens",
    "output_citation_mtok": "citation_tokens",
    "input_mchars": "input_characters",
    "audio_hours": "audio_seconds",
    "input_audio_hours": "audio_seconds",
    "output_audio_hours": "output_audio_seconds",
    "input_document_kpages": "pages",
    "input_annotated_document_kpages": "annotated_pages",
    "input_text_messages_kcount": "messages",
    "requests_kcount": "requests",
    "rerank_searches_kcount": "search_units",
    "web_searches_kcount": "web_searches",
    "social_searches_kcount": "social_searches",
    "storage_searches_kcount": "file_searches",
}
_FACTS = {"processing", "service_tier", "speed"}
# Variants without a start were recorded with the first of them.
_FIRST_VARIANT = "2026-10-12"
_HOME = "https://github.com/pydantic/genai-prices"


def entries(provider: dict[str, Any]) -> dict[str, Entry]:
    """Return a provider's models as entries by id; one with prices by the hour has no era, but a digest in *unread*."""
    source = (provider.get("pricing_urls") or [_HOME])[0]
    return {model["id"]: _entry(model, source) for model in provider["models"]}


def _entry(model: dict[str, Any], source: str) -> Entry:
    found = Entry(model["id"], {model["id"], *_names(model.get("match") or {})}, [], source)
    listed = model.get("prices") or {}
    if isinstance(listed, list):
        if any("start_time" in (price.get("constraint") or {}) for price in listed):
            found.unread = hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()[:12]
            return found
        found.periods = [
            PricePeriod((price.get("constraint") or {}).get("start_date") or "launch", _table(price["prices"]))
            for price in listed
        ]
    else:
        found.periods = [PricePeriod("launch", _table(listed))]
    for variant in model.get("price_variants") or ():
        _add_variant(found.periods, variant)
    return found


def _add_variant(periods: list[PricePeriod], variant: dict[str, Any]) -> None:
    """Add a variant to the period in which it began. Its own start is when it was recorded, not when it took effect."""
    when = variant["when"]
    if not set(when) <= _FACTS or when == {"service_tier": "default"}:
        return
    table = _table(variant["prices"])
    start = (variant.get("constraint") or {}).get("start_date") or _FIRST_VARIANT
    index = max((i for i, period in enumerate(periods) if period.start == "launch" or period.start <= start), default=0)
    if table.rates:
        periods[index].variants.append((dict(when), table))


def _table(prices: dict[str, Any]) -> Table:
    table = Table()
    steps: dict[int, Rates] = {}
    for key, meter in METERS.items():
        value = prices.get(key)
        if value is None:
            continue
        if not isinstance(value, dict):
            table.rates[meter] = Decimal(str(value))
            continue
        table.rates[meter] = Decimal(str(value["base"]))
        for tier in value["tiers"]:
            steps.setdefault(tier["start"] + 1, {})[meter] = Decimal(str(tier["price"]))
    table.steps = sorted(steps.items())
    return table


def _names(clause: dict[str, Any]) -> Iterable[str]:
    """Return the exact names in a clause. What begins with a name is that name, and the name with any date."""
    if "or" in clause:
        return {name for inner in clause["or"] for name in _names(inner)}
    if "equals" in clause:
        return {clause["equals"]}
    begin = clause.get("starts_with", "")
    if begin and not begin.endswith(("-", "@", ".", "2025")):
        return {begin, begin + "*date"}
    base = clause.get("regex", "").removeprefix("^").replace("\\.", ".")
    for tail in (r"-\d{8}$", r"-\d{4}-\d{2}-\d{2}$", r"[-@]\d{8}$"):
        if base.endswith(tail) and not set(base[: -len(tail)]) & set("\\()[]*+?|"):
            return {base[: -len(tail)] + "*date"}
    return ()
