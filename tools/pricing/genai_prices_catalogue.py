# SPDX-License-Identifier: Apache-2.0
"""genai-prices, read into our form. Needs the package; its own matcher links foreign names to its entries."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tools.pricing.catalogue import Entry, Era, Rates, Table

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


def providers() -> dict[str, Any]:
    """Return the package's providers by id."""
    from genai_prices.data import providers as listed

    return {provider.id: provider for provider in listed}


def entries(provider: Any) -> dict[str, Entry]:
    """Return a provider's models as entries by id. Time-of-day prices are left out: the form there cannot say them."""
    return {model.id: _entry(provider, model) for model in provider.models if not _is_by_hour(model)}


def _is_by_hour(model: Any) -> bool:
    prices = model.prices if isinstance(model.prices, list) else []
    return any(type(price.constraint).__name__ == "TimeOfDateConstraint" for price in prices)


def _entry(provider: Any, model: Any) -> Entry:
    listed = model.prices if isinstance(model.prices, list) else None
    if listed is None:
        eras = [Era("launch", _table(model.prices))]
    else:
        eras = [
            Era(price.constraint.start_date.isoformat() if price.constraint else "launch", _table(price.prices))
            for price in listed
        ]
    for variant in model.price_variants or ():
        _add_variant(eras, variant)
    source = (provider.pricing_urls or ["https://github.com/pydantic/genai-prices"])[0]
    return Entry(model.id, {model.id, *_names(model.match)}, eras, source)


def _add_variant(eras: list[Era], variant: Any) -> None:
    """Put a variant on the era that it began in. Its own start says when it was recorded, not when it began to hold."""
    if not set(variant.when) <= _FACTS or variant.when == {"service_tier": "default"}:
        return
    table = _table(variant.prices)
    start = variant.constraint.start_date.isoformat() if variant.constraint else "2026-10-12"
    index = max((i for i, era in enumerate(eras) if era.start == "launch" or era.start <= start), default=0)
    if table.rates:
        eras[index].variants.append((dict(variant.when), table))


def _table(prices: Any) -> Table:
    table = Table()
    steps: dict[int, Rates] = {}
    for key, meter in METERS.items():
        value = getattr(prices, key, None)
        if value is None:
            continue
        if isinstance(value, Decimal):
            table.rates[meter] = value
            continue
        table.rates[meter] = value.base
        for tier in value.tiers:
            steps.setdefault(tier.start + 1, {})[meter] = tier.price
    table.steps = sorted(steps.items())
    return table


def _names(match: Any) -> set[str]:
    """Return the exact names in a clause. What begins with a name is that name, and the name with any date."""
    kind = type(match).__name__
    if kind == "ClauseOr":
        return {name for clause in match.or_ for name in _names(clause)}
    if kind == "ClauseEquals":
        return {match.equals}
    if kind == "ClauseStartsWith" and not match.starts_with.endswith(("-", "@", ".", "2025")):
        return {match.starts_with, match.starts_with + "*date"}
    if kind == "ClauseRegex":
        base = match.regex.removeprefix("^").replace("\\.", ".")
        for tail in (r"-\d{8}$", r"-\d{4}-\d{2}-\d{2}$", r"[-@]\d{8}$"):
            if base.endswith(tail) and not set(base[: -len(tail)]) & set("\\()[]*+?|"):
                return {base[: -len(tail)] + "*date"}
    return set()
