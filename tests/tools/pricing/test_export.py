# SPDX-License-Identifier: Apache-2.0
"""Installed catalogues become files: in an environment of their own, with nothing of this project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from tests.repository import ROOT
from tools.pricing.sides import ProviderMap, load_catalogue
from tools.pricing.statement import Fact

# The classes of the package, as far as they are read; its tables of prices are plain objects.
DATA = """
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
@dataclass
class Equals:
    equals: str
@dataclass
class Or:
    or_: list
@dataclass
class Tier:
    start: int
    price: Decimal
@dataclass
class Tiered:
    base: Decimal
    tiers: list
@dataclass
class Start:
    start_date: date
@dataclass
class Conditional:
    prices: object
    constraint: object = None
@dataclass
class Model:
    id: str
    match: object
    prices: object
    description: str = "long"
    price_variants: object = None
@dataclass
class Provider:
    id: str
    pricing_urls: list
    models: list
    extractors: object = None
class Prices:
    def __init__(self, **prices):
        self.__dict__.update(output_mtok=None, _cache="no price", **prices)
tiered = Tiered(Decimal("2"), [Tier(200000, Decimal("4.0"))])
later = Conditional(Prices(input_mtok=Decimal("1.10")), Start(date(2026, 12, 1)))
eras = [Conditional(Prices(input_mtok=tiered)), later]
providers = [Provider("openai", ["https://example.com"], [Model("m", Or([Equals("m"), Equals("m-also")]), eras)])]
"""


def installed(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    """Put a package where Python finds it, as pip does."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    for path, text in {**files, f"{info.name}/METADATA": f"Name: {name}\nVersion: {version}\n"}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in files), encoding="utf-8")


def test_what_is_installed_is_written_and_read_to_the_digit(tmp_path: Path) -> None:
    """Dates, steps and names survive; numbers are not rounded on the way."""
    packages, out = tmp_path / "packages", tmp_path / "out"
    installed(packages, "genai-prices", "0.9", {"genai_prices/__init__.py": "", "genai_prices/data.py": DATA})
    row = '{"m": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0.00000012345678901}}'
    installed(packages, "litellm", "1.9", {"litellm/model_prices_and_context_window_backup.json": row})
    command = [sys.executable, "-S", str(ROOT / "tools" / "pricing" / "export.py"), str(out)]
    ran = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(packages)}, check=True, capture_output=True, text=True
    )
    assert "genai-prices 0.9" in ran.stdout and "litellm 1.9" in ran.stdout
    mapping = ProviderMap(providers={})
    first = load_catalogue(out / "genai-prices.json", mapping).providers["openai"]["m"]
    price = Fact((), 0, "input_tokens")
    assert first.periods["launch"] == {price: Decimal(2), price._replace(bound=200_001): Decimal(4)}
    assert first.periods["2026-12-01"] == {price: Decimal("1.1")}
    assert (first.names, first.source) == ({"m-also"}, "https://example.com")
    second = load_catalogue(out / "litellm.json", mapping)
    assert second.version == "1.9"
    assert second.providers["openai"]["m"].periods["launch"] == {price: Decimal("0.1234567890")}
    assert "description" not in json.dumps(json.loads((out / "genai-prices.json").read_text()))
