# SPDX-License-Identifier: Apache-2.0
"""Write the data of the installed genai-prices and litellm, one JSON file each: {"catalogue", "version", "content"}.

Run by a Python that has the packages, as a file by its path: it needs nothing of this project. Neither package's
network code is started, and litellm is not imported (that takes seconds and a hundred dependencies).
"""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import date, time
from decimal import Decimal
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

MAP = "litellm/model_prices_and_context_window_backup.json"
# What is read; the rest (descriptions, extractors) would only make the files larger.
_KEPT = {
    *("id", "models", "pricing_urls", "match", "prices", "price_variants", "when", "constraint"),
    *("start_date", "start_time", "end_time", "base", "tiers", "start", "price"),
    *("equals", "starts_with", "ends_with", "contains", "regex", "or_", "and_"),
}


def main(folder: Path) -> int:
    """Write both files into *folder* and print their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("genai-prices", genai_prices()), ("litellm", litellm())):
        path = folder / f"{name}.json"
        head = json.dumps({"catalogue": name, "version": version(name)})
        path.write_text(f'{head[:-1]}, "content": {content}}}\n', encoding="utf-8")
        sys.stdout.write(f"{path}: {name} {version(name)}\n")
    return 0


def genai_prices() -> str:
    """Return the providers of genai-prices as JSON in the shape of its published data."""
    from genai_prices.data import providers  # type: ignore[import-not-found, unused-ignore]

    return json.dumps([_published(provider) for provider in providers], indent=1)


def litellm() -> str:
    """Return litellm's price map as it is: reading its numbers would round them."""
    return Path(str(distribution("litellm").locate_file(MAP))).read_text(encoding="utf-8").strip()


def _published(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [_published(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _published(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {
            key.removesuffix("_"): _published(item)
            for key, item in vars(value).items()
            if key in _KEPT and item is not None
        }
    if hasattr(value, "__dict__"):  # the table of prices, whose keys are its units
        return {key: _published(item) for key, item in vars(value).items() if item is not None and key[0] != "_"}
    return value


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
