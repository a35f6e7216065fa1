# SPDX-License-Identifier: Apache-2.0
"""Prices every model of both catalogues in every way a call can be made, by both and by our card.

Needs the packages `genai-prices` and a litellm price map. Where the two agree and we do not, one of us is wrong.
"""

from __future__ import annotations

import argparse
import collections
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from spancost.config.data import default_card
from spancost.core.call import Call
from spancost.core.pricing.price import Pricer
from tools.pricing import litellm_catalogue
from tools.pricing.catalogue import Entry, Table
from tools.pricing.sides import ProviderMap

MAPPING = Path(__file__).resolve().parents[2] / "pricing" / "imports" / "catalogues.yaml"
_WAYS: dict[str, tuple[dict[str, int], dict[str, str]]] = {
    "text": ({"input_tokens": 1000, "output_tokens": 200}, {}),
    "input": ({"input_tokens": 1000}, {}),
    "cache_read": ({"input_tokens": 1000, "output_tokens": 200, "cache_read_tokens": 600}, {}),
    "cache_write": (
        {"input_tokens": 1000, "output_tokens": 200, "cache_read_tokens": 100, "cache_write_tokens": 300},
        {},
    ),
    "cache_write_1h": (
        {"input_tokens": 1000, "output_tokens": 200, "cache_write_tokens": 300, "cache_write_1h_tokens": 100},
        {},
    ),
    "step": ({"input_tokens": 600_000, "output_tokens": 200, "cache_read_tokens": 1000}, {}),
    "step_100k": ({"input_tokens": 150_000, "output_tokens": 200}, {}),
    "step_200k": ({"input_tokens": 200_000, "output_tokens": 200}, {}),
    "step_250k": ({"input_tokens": 250_000, "output_tokens": 200}, {}),
    "audio": ({"input_tokens": 1000, "output_tokens": 200, "input_audio_tokens": 500, "output_audio_tokens": 100}, {}),
    "audio_in": ({"input_tokens": 1000, "output_tokens": 200, "input_audio_tokens": 500}, {}),
    "image_out": ({"input_tokens": 1000, "output_tokens": 200, "output_image_tokens": 150}, {}),
    "image_in": ({"input_tokens": 1000, "output_tokens": 200, "input_image_tokens": 150}, {}),
    "reasoning": ({"input_tokens": 1000, "output_tokens": 200, "reasoning_tokens": 150}, {}),
    "batch": ({"input_tokens": 1000, "output_tokens": 200}, {"processing": "batch"}),
    "batch_step": ({"input_tokens": 600_000, "output_tokens": 200}, {"processing": "batch"}),
    "batch_cached": ({"input_tokens": 1000, "output_tokens": 200, "cache_read_tokens": 600}, {"processing": "batch"}),
    "flex": ({"input_tokens": 1000, "output_tokens": 200, "cache_read_tokens": 600}, {"service_tier": "flex"}),
    "priority": ({"input_tokens": 1000, "output_tokens": 200, "cache_read_tokens": 600}, {"service_tier": "priority"}),
    "seconds": ({"audio_seconds": 61}, {}),
    "characters": ({"input_characters": 1000}, {}),
    "pages": ({"pages": 7}, {}),
    "web_searches": ({"input_tokens": 1000, "output_tokens": 200, "web_searches": 3}, {}),
}
_GENAI_METERS = {
    "reasoning_tokens": "output_reasoning_tokens",
    "pages": "input_document_pages",
    "cache_read_audio_tokens": "cache_audio_read_tokens",
}


def by_genai_prices(
    provider: str, name: str, usage: Mapping[str, int], facts: Mapping[str, str], at: datetime
) -> Decimal | None:
    """Return the cost that genai-prices states, None when it states none."""
    from genai_prices import Usage, calc_price

    try:
        quantities = {_GENAI_METERS.get(meter, meter): quantity for meter, quantity in usage.items()}
        return calc_price(
            Usage(**quantities),
            name,
            provider_id=provider,
            genai_request_timestamp=at,
            price_context=dict(facts) or None,
        ).total_price
    except Exception:  # whatever it raises, it states no price
        return None


def by_litellm(entry: Entry, usage: Mapping[str, int], facts: Mapping[str, str]) -> Decimal | None:
    """Return the cost that a litellm row states, None when it states none for these meters or facts."""
    table: Table | None = entry.periods[0].table
    if facts:
        table = next((found for when, found in entry.periods[0].variants if when == dict(facts)), None)
    if table is None:
        return None
    rates = dict(table.rates)
    for bound, values in table.steps:
        if usage.get("input_tokens", 0) >= bound:
            rates.update(values)
    cost = Decimal(0)
    for meter, quantity in _leaves(usage).items():
        rate = rates.get(meter) if rates.get(meter) is not None else rates.get(_parent(meter))
        if rate is None:
            return None
        cost += quantity * rate / _per(meter)
    return cost


def _leaves(usage: Mapping[str, int]) -> dict[str, int]:
    left = dict(usage)
    for meter in usage:
        parent = _parent(meter)
        if parent in left and parent != meter:
            left[parent] -= usage[meter]
    return {meter: quantity for meter, quantity in left.items() if quantity}


def _parent(meter: str) -> str:
    if meter == "cache_write_1h_tokens":
        return "cache_write_tokens"
    if meter.endswith("_tokens"):
        return "output_tokens" if meter.startswith(("output", "reasoning")) else "input_tokens"
    return meter


def _per(meter: str) -> int:
    if meter.endswith("_tokens") or meter == "input_characters":
        return 1_000_000
    return 3600 if meter == "audio_seconds" else 1000


def compare(price_map: Path, day: str, provider_names: bool) -> Iterator[tuple[str, str, str, Any, Any, Any]]:
    """Yield (provider, name, way, genai-prices', litellm's, ours) for all that both or either state."""
    at = datetime.fromisoformat(day + "T12:00:00+00:00")
    at_ns = int(at.astimezone(timezone.utc).timestamp()) * 10**9
    rows = litellm_catalogue.load(price_map)
    pricer = Pricer(default_card())
    mapping = ProviderMap.load(MAPPING)
    both = {provider: row for provider, row in mapping.providers.items() if row.genai_prices and row.litellm}
    for provider, row_of in both.items():
        for name, row in rows.items():
            if row.get("litellm_provider") not in row_of.litellm:
                continue
            entry = litellm_catalogue.entry(name, row)
            if entry is None:
                continue
            short = mapping.short(provider, name)
            if short is None:
                continue
            for way, (usage, facts) in _WAYS.items():
                first = by_genai_prices(row_of.genai_prices[0], short.lower(), usage, facts, at)
                second = by_litellm(entry, usage, facts)
                cost = pricer.price(Call(provider, short, usage, at_ns, **facts))  # type: ignore[arg-type]
                ours = None if cost.femto is None else Decimal(cost.femto) / 10**15
                yield provider, short, way, first, second, (ours, cost.status, cost.reason)


def close(one: Decimal | None, other: Decimal | None) -> bool:
    """Return whether two costs are the same to one part in a billion."""
    return one is not None and other is not None and abs(one - other) <= Decimal("1e-9") * max(abs(one), abs(other))


def main() -> None:
    """Print counts by outcome, and every case in which both agree and we do not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("map", type=Path, help="litellm's model_prices_and_context_window_backup.json")
    parser.add_argument("--day", default="2026-11-21", help="the day at which to price (YYYY-MM-DD)")
    parser.add_argument("--all", action="store_true", help="list also where only one of them agrees with us, or none")
    arguments = parser.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    for provider, name, way, first, second, (ours, status, reason) in compare(arguments.map, arguments.day, False):
        outcome = _outcome(first, second, ours)
        counts[outcome] += 1
        if outcome == "both agree, we differ" or (arguments.all and "differ" in outcome):
            theirs = f"genai-prices {first}, litellm {second}"
            print(f"{outcome}: {provider}/{name} {way}: {theirs}, ours {ours} {status} {reason or ''}")
    for outcome, count in counts.most_common():
        print(f"{count:7d} {outcome}")


def _outcome(first: Decimal | None, second: Decimal | None, ours: Decimal | None) -> str:
    if close(first, second):
        return "both agree, we too" if close(first, ours) else "both agree, we differ"
    if first is None and second is None:
        return "neither states a price"
    if ours is None:
        return "they differ, we state no price"
    if close(first, ours):
        return "they differ, we with genai-prices"
    return "they differ, we with litellm" if close(second, ours) else "they differ, we with neither"


if __name__ == "__main__":
    main()
