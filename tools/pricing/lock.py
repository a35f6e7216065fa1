# SPDX-License-Identifier: Apache-2.0
"""The last known state of a catalogue: `pricing/imports/<catalogue>.lock.json`, one model per line."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tools.pricing.catalogue import plain
from tools.pricing.form import FormError
from tools.pricing.sides import Catalogue
from tools.pricing.statement import Fact, Prices, Statement

FORMAT = 1


def path_of(folder: Path, catalogue: str) -> Path:
    """Return where the lock of a catalogue lies."""
    return folder / f"{catalogue}.lock.json"


def read_lock(path: Path) -> Catalogue:
    """Return what the lock keeps; FormError when it is not one."""
    try:
        whole = json.loads(path.read_bytes())
        if whole["format"] != FORMAT:
            raise ValueError(f"format {whole['format']}")
        providers = {
            provider: {name: _statement(kept) for name, kept in models.items()}
            for provider, models in whole["providers"].items()
        }
        return Catalogue(whole["catalogue"], whole["version"], providers, whole["left_out"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormError(f"{path.name}: found {type(error).__name__} {error}; expected a lock of a catalogue") from error


def lock_text(catalogue: Catalogue) -> str:
    """Return the whole text of a lock, sorted, so that its own difference can be read."""
    head = {"format": FORMAT, "catalogue": catalogue.name, "version": catalogue.version, "left_out": catalogue.left_out}
    lines = [json.dumps(head, sort_keys=True)[:-1] + ', "providers": {']
    providers = [provider for provider in sorted(catalogue.providers) if catalogue.providers[provider]]
    for provider in providers:
        lines.append(f"{json.dumps(provider)}: {{")
        models = catalogue.providers[provider]
        rows = [f"{json.dumps(name)}: {json.dumps(_kept(models[name]), sort_keys=True)}" for name in sorted(models)]
        lines += [row + "," for row in rows[:-1]] + rows[-1:]
        lines.append("}" if provider == providers[-1] else "},")
    return "\n".join([*lines, "}}"]) + "\n"


def _kept(stated: Statement) -> dict[str, Any]:
    kept: dict[str, Any] = {start: _prices(prices) for start, prices in stated.periods.items()}
    if stated.names:
        kept["names"] = sorted(stated.names)
    if stated.unread:
        kept["unread"] = stated.unread
    return kept


def _prices(prices: Prices) -> dict[str, str]:
    return {fact.text: plain(price) for fact, price in prices.items()}


def _statement(kept: dict[str, Any]) -> Statement:
    periods = {
        start: {Fact.parse(text): Decimal(price) for text, price in prices.items()}
        for start, prices in kept.items()
        if start not in ("names", "unread")
    }
    return Statement(periods, set(kept.get("names", ())), "", kept.get("unread", ""))
