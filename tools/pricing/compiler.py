# SPDX-License-Identifier: Apache-2.0
"""Compiles the YAML of prices to the canonical card (format: pricing/SPEC.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, timedelta
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from tools import data_schemas
from tools.pricing.dependence import facts_of_entry, facts_of_provider
from tools.pricing.form import (
    FormError,
    Model,
    PriceEntry,
    Provider,
    Rates,
    Step,
    fraction_of,
    load_provider,
    load_yaml,
    seconds_of,
)
from tools.pricing.shared_models import share

FEMTO = 10**15
FORMAT = 1
_DAYS = {"mon-fri": 0b0011111, "sat-sun": 0b1100000, "all": 0b1111111}


def compile_card(pricing: Path, day: str, providers_in: Path | None = None, sharing: bool = True) -> bytes:
    """Return the canonical bytes of the card made from the sources under *pricing*, dated *day* (YYYY.MM.DD).

    *providers_in* is the folder of the providers' files, `providers/` by default. Without *sharing*, each provider
    has only the models of its own file.
    """
    units = _units(_source(pricing / "units.yaml", data_schemas.units))
    files = (providers_in or pricing / "providers").glob("*.yaml")
    providers = [load_provider(path) for path in sorted(files, key=lambda path: path.stem)]
    shared = {
        "calendars": _calendars(_source(pricing / "calendars.yaml", data_schemas.calendars)),
        "date": day,
        "names": _names(_source(pricing / "names.yaml", data_schemas.names)),
        "providers": [provider.provider for provider in providers],
        "units": units,
    }
    own = {provider.provider: _provider(provider, units, shared) for provider in providers}
    whole = [
        share(own[provider.provider], own[provider.shares_models_of])
        if sharing and provider.shares_models_of in own
        else own[provider.provider]
        for provider in providers
    ]
    lines = [_canonical(shared), *map(_canonical, whole)]
    body = b"".join(line + b"\n" for line in lines)
    version = f"{day}-{hashlib.sha256(body).hexdigest()[:12]}"
    return _canonical({"format": FORMAT, "version": version}) + b"\n" + body


def _source(path: Path, schema: Callable[[], data_schemas.Schema]) -> Any:
    """Return the content of *path* with every scalar as text; FormError when it does not fit *schema*."""
    typed = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        data_schemas.check(path.name, json.loads(json.dumps(typed, default=str)), schema)
    except data_schemas.DataError as error:
        raise FormError(str(error)) from error
    return load_yaml(path)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _units(source: Any) -> dict[str, Any]:
    table = {}
    for order, (name, row) in enumerate(source["meters"].items()):
        table[name] = {**row, "order": order, "per": int(row["per"])}
        if "implied" in row:
            table[name]["implied"] = int(row["implied"])
        for parent in row.get("inside", ()):
            if parent not in table:
                raise FormError(f"units.yaml, {name}.inside: found {parent!r}; expected a meter further up")
    return table


def _calendars(source: Any) -> dict[str, list[int]]:
    table = {}
    for name, days in source["calendars"].items():
        numbers: set[int] = set()
        for text in days:
            first, _, last = text.partition("..")
            start, end = date.fromisoformat(first), date.fromisoformat(last or first)
            numbers.update((start + timedelta(n) - date(1970, 1, 1)).days for n in range((end - start).days + 1))
        table[name] = sorted(numbers)
    return table


def _names(source: Any) -> dict[str, Any]:
    owner: dict[str, str] = {}
    for provider, row in source["providers"].items():
        for spelling in (provider, *row.get("names", ())):
            if owner.setdefault(spelling, provider) != provider:
                raise FormError(f"names.yaml, {provider}: {spelling!r} is also a name of {owner[spelling]}")
    return dict(source)


def _provider(provider: Provider, units: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    where = f"{provider.provider}.yaml"
    line: dict[str, Any] = {
        "models": {},
        "modifiers": [
            {"id": modifier.id, "source": modifier.source, "when": modifier.when, "x": _pair(fraction_of(modifier.x))}
            for modifier in provider.modifiers
        ],
        "names": _name_table(provider, where),
        "provider": provider.provider,
        "sources": provider.sources,
    }
    if provider.facts:
        line["facts"] = facts_of_provider(provider, shared, where)
    if provider.request_model_prices == "false":
        line["request_model_prices"] = 0
    if provider.unpublished:
        for meter in provider.unpublished:
            if units.get(meter, {}).get("parent_rate") != "exact":
                raise FormError(
                    f"{where}, unpublished: found {meter!r}; expected a part that is billed at a total's rate"
                )
        line["estimates"] = sorted(provider.unpublished)
    for model_id, model in provider.models.items():
        line["models"][model_id] = _model(provider, model_id, model, units, shared, f"{where}, {model_id}")
    return line


def _name_table(provider: Provider, where: str) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for model_id, model in provider.models.items():
        for name in (model_id, *model.names):
            lowered = name.lower()
            if lowered in table and table[lowered] != model_id:
                raise FormError(f"{where}, {model_id}: the name {name!r} is also one of {table[lowered]}")
            table[lowered] = model_id
    for name, targets in provider.aliases.items():
        if name in table:
            raise FormError(f"{where}, aliases: the name {name!r} is also one of {table[name]}")
        for target in targets:
            if target.to not in provider.models:
                raise FormError(f"{where}, aliases.{name}: found {target.to!r}; expected a model of this file")
        table[name] = [[seconds_of(target.from_), target.to] for target in targets]
    return table


def _model(
    provider: Provider, model_id: str, model: Model, units: dict[str, Any], shared: dict[str, Any], where: str
) -> dict[str, Any]:
    entry: dict[str, Any] = {"eras": [_era(provider, price, units, shared, where) for price in model.prices]}
    starts = [period.get("from") for period in entry["eras"]]
    if any(start is None for start in starts[1:]) or starts[1:] != sorted(set(starts[1:])):
        raise FormError(f"{where}, prices: found {starts}; expected each from later than the one before")
    modifiers = [
        index
        for index, modifier in enumerate(provider.modifiers)
        if any(fnmatchcase(model_id, glob) for glob in modifier.only)
        and not any(fnmatchcase(model_id, glob) for glob in modifier.except_)
    ]
    if modifiers:
        entry["modifiers"] = modifiers
    return entry | facts_of_entry(provider, model_id, model, entry, shared, where)


def _era(
    provider: Provider, price: PriceEntry, units: dict[str, Any], shared: dict[str, Any], where: str
) -> dict[str, Any]:
    if price.source not in provider.sources:
        raise FormError(f"{where}, source: found {price.source!r}; expected one of {', '.join(provider.sources)}")
    period: dict[str, Any] = {
        "basis": price.basis,
        "checked": price.checked,
        "rates": _rates(price.rates, units, where),
        "source": price.source,
    }
    start = seconds_of(price.from_)
    if start is not None:
        period["from"] = start
    if price.steps:
        period["steps"] = _steps(price.steps, units, where)
    if price.variants:
        period["variants"] = [
            {
                "rates": _rates(variant.rates, units, where),
                **({"steps": _steps(variant.steps, units, where)} if variant.steps else {}),
                "when": variant.when,
            }
            for variant in price.variants
        ]
    if price.minimum:
        period["minimum"] = price.minimum
    if price.maximum:
        period["maximum"] = price.maximum
    if price.windows:
        period["windows"] = [_window(window, shared, where) for window in price.windows]
    return period


def _window(window: Any, shared: dict[str, Any], where: str) -> dict[str, Any]:
    compiled = {
        "days": _DAYS[window.days],
        "id": window.id,
        "minutes": [[_minute(part) for part in span.split("-")] for span in window.utc],
    }
    if window.x is not None:
        compiled["x"] = _pair(fraction_of(window.x))
    else:
        compiled["rates"] = _rates(window.rates, shared["units"], where)
    if window.except_ is not None:
        if window.except_ not in shared["calendars"]:
            raise FormError(f"{where}, windows.except: found {window.except_!r}; expected a name of calendars.yaml")
        compiled["except"] = window.except_
    return compiled


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _steps(steps: list[Step], units: dict[str, Any], where: str) -> list[dict[str, Any]]:
    compiled = [{"from": step.first, "meter": step.meter, "rates": _rates(step.rates, units, where)} for step in steps]
    bounds = [step.first for step in steps]
    if bounds != sorted(bounds):
        raise FormError(f"{where}, steps: expected rising bounds")
    return compiled


def _rates(rates: Rates, units: dict[str, Any], where: str) -> dict[str, Any]:
    compiled = {}
    for meter, text in rates.items():
        if meter not in units:
            raise FormError(f"{where}, rates: found {meter!r}; expected a meter of units.yaml")
        exact = fraction_of(text) * FEMTO / units[meter]["per"]
        compiled[meter] = exact.numerator if exact.denominator == 1 else _pair(exact)
    return compiled


def _pair(exact: Fraction) -> list[int]:
    return [exact.numerator, exact.denominator]
