# SPDX-License-Identifier: Apache-2.0
"""Both catalogues by provider of ours, as `pricing/imports/catalogues.yaml` maps them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tools.pricing import genai_prices_catalogue, litellm_catalogue
from tools.pricing.form import FormError, load_yaml
from tools.pricing.statement import Statement, statement

CATALOGUES = ("genai-prices", "litellm")
LITELLM_PAGE = "https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json"


class ProviderRow(BaseModel):
    """Where a provider stands in the catalogues; the keys are explained at the head of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    genai_prices: list[str] = []
    genai_prices_only: str = ""
    genai_prices_adds: bool = True
    litellm: list[str] = []
    strip: str = "$^"
    leave_out: str = "$^"


class ProviderMap(BaseModel):
    """The whole of catalogues.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    providers: dict[str, ProviderRow]
    left_out: dict[str, dict[str, str]] = {}

    @classmethod
    def load(cls, path: Path) -> ProviderMap:
        """Return the mapping in a file; FormError names the key that breaks the form."""
        try:
            return cls.model_validate(load_yaml(path))
        except ValidationError as error:
            raise FormError(f"{path.name}: {error}") from error

    def providers_in(self, catalogue: str, provider: str) -> list[str]:
        """Return the providers that a catalogue's provider is, [] when it is left out."""
        if provider in self.left_out.get(catalogue, {}):
            return []
        key = catalogue.replace("-", "_")
        found = [ours for ours, row in self.providers.items() if provider in getattr(row, key)]
        return found or [provider.replace("-", "_")]

    def short(self, provider: str, name: str) -> str | None:
        """Return a name of litellm without the provider in front, None when it is left out."""
        row = self.providers.get(provider) or ProviderRow(litellm=[provider])
        if re.search(row.leave_out, name):
            return None
        for prefix in row.litellm:
            name = name.removeprefix(f"{prefix}/")
        return re.sub(row.strip, "", name)


@dataclass
class Catalogue:
    """One version of a catalogue: provider -> its name for a model -> what it states. *left_out* counts by provider."""

    name: str
    version: str
    providers: dict[str, dict[str, Statement]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


def load_catalogue(path: Path, mapping: ProviderMap) -> Catalogue:
    """Return the catalogue in a file that `tools/pricing/export.py` wrote; raise FormError when it is invalid."""
    try:
        whole = json.loads(path.read_bytes(), parse_float=Decimal)
        found = Catalogue(whole["catalogue"], whole["version"])
        for provider, providers, name, stated in _READERS[found.name](whole["content"], mapping):
            if not providers:
                found.left_out[provider] = found.left_out.get(provider, 0) + 1
            for ours in providers:
                found.providers.setdefault(ours, {})[name] = stated
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path.name}: found {type(error).__name__} {error}; expected what tools/pricing/export.py writes"
        raise FormError(message) from error
    return found


_Row = tuple[str, list[str], str, Statement]


def _genai_prices(content: list[dict[str, Any]], mapping: ProviderMap) -> Iterator[_Row]:
    for provider in content:
        providers = mapping.providers_in("genai-prices", provider["id"])
        for name, entry in genai_prices_catalogue.entries(provider).items():
            only = [
                s for s in providers if re.match((mapping.providers.get(s) or ProviderRow()).genai_prices_only, name)
            ]
            if only or not providers:
                yield provider["id"], only, name, statement(entry)


def _litellm(content: dict[str, dict[str, Any]], mapping: ProviderMap) -> Iterator[_Row]:
    for name, row in litellm_catalogue.rows(content).items():
        provider = row.get("litellm_provider") or ""
        providers = mapping.providers_in("litellm", provider)
        entry = litellm_catalogue.entry(name, row)
        if entry is not None:
            entry.source = entry.source if entry.source.startswith("http") else LITELLM_PAGE
            yield provider, [s for s in providers if mapping.short(s, name) is not None], name, statement(entry)


_READERS: dict[str, Callable[[Any, ProviderMap], Iterator[_Row]]] = {"genai-prices": _genai_prices, "litellm": _litellm}
