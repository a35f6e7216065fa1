# SPDX-License-Identifier: Apache-2.0
"""The models of a rate card as rows: rates in the published unit, conditions, source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import Any

from spancost.core.money import round_div, usd_text
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.names import ANY_DATE


def model_rows(card: RateCard, pattern: str | None, provider: str | None, at: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each model whose id or name matches *pattern*, with its prices at *at* (seconds since 1970).

    A pattern without `*` and `?` matches names that contain it; None matches all. *provider* selects one provider. A
    model without a price at that time has no `rates`.
    """
    fits = _fitting(pattern)
    for name in card.providers if provider is None else (provider,):
        line = card.provider(name)
        if line is None:
            continue
        names_of = _names_of(line["names"], at)
        for model in line["models"]:
            names = names_of.get(model, [])
            if any(fits(other) for other in (model.lower(), *names)):
                yield _row(card, name, line, model, [other for other in names if other != model.lower()], at)


def _fitting(pattern: str | None) -> Any:
    if pattern is None:
        return lambda name: True
    lowered = pattern.strip().lower()
    if set(lowered) & set("*?"):
        return lambda name: fnmatchcase(name, lowered)
    return lambda name: lowered in name


def _names_of(names: Mapping[str, Any], at: int) -> dict[str, list[str]]:
    """Return the names of each entry at a time; a name with any date suffix is written `name-YYYYMMDD`."""
    found: dict[str, list[str]] = {}
    for name, target in names.items():
        if not isinstance(target, str):
            held = [entry for start, entry in target if start is None or start <= at]
            if not held:
                continue
            target = held[-1]
        shown = name.removesuffix(ANY_DATE) + "-YYYYMMDD" if name.endswith(ANY_DATE) else name
        found.setdefault(target, []).append(shown)
    return found


def _row(
    card: RateCard, provider: str, line: Mapping[str, Any], model: str, names: list[str], at: int
) -> dict[str, Any]:
    entry = line["models"][model]
    periods = entry["eras"]
    begun = sum(period.get("from") is None or period["from"] <= at for period in periods)
    period = periods[begun - 1] if begun else {"rates": {}}
    return {
        "provider": provider,
        "model": model,
        "names": names,
        "since": _instant(period.get("from")),
        **_table(card, period),
        "variants": [
            {"when": dict(variant["when"]), **_table(card, variant)} for variant in period.get("variants", ())
        ],
        "windows": [_window(card, window) for window in period.get("windows", ())],
        "modifiers": [_modifier(line["modifiers"][number]) for number in entry.get("modifiers", ())],
        "assumes": list(period.get("assumes", ())),
        "minimum": dict(period.get("minimum", {})),
        "maximum": dict(period.get("maximum", {})),
        "next_change": _instant(periods[begun]["from"]) if begun < len(periods) else None,
        "source": line["sources"][period["source"]] if begun else None,
        "checked": period["checked"] if begun and period["checked"] != "unknown" else None,
        "basis": period.get("basis"),
    }


def _table(card: RateCard, table: Mapping[str, Any]) -> dict[str, Any]:
    steps = [
        {"meter": step["meter"], "from": step["from"], "rates": _rates(card, step["rates"])}
        for step in table.get("steps", ())
    ]
    return {"rates": _rates(card, table["rates"]), "steps": steps}


def _rates(card: RateCard, rates: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return rates as prices in the published unit of each meter, in the order of the meters."""
    found = {}
    for meter, unit in card.units.meters.items():
        if meter in rates:
            rate = rates[meter]
            numerator, denominator = (rate, 1) if isinstance(rate, int) else rate
            found[meter] = {"price": usd_text(round_div(numerator * unit.per, denominator)), "per": unit.per}
    return found


def _window(card: RateCard, window: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": window["id"]}
    if "x" in window:
        found["x"] = _factor(window["x"])
    return {**found, "rates": _rates(card, window.get("rates", {}))}


def _modifier(modifier: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": modifier["id"], "when": dict(modifier["when"]), "x": _factor(modifier["x"])}


def _factor(x: list[int]) -> str:
    return f"{x[0] / x[1]:g}"


def _instant(seconds: int | None) -> str | None:
    """Return an instant as RFC 3339, None for the launch."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
