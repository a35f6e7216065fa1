# SPDX-License-Identifier: Apache-2.0
"""Write `pricing/limits.yaml`, the sizes of context windows and outputs, from a file of litellm's package.

python -m tools.pricing.limits model_prices_and_context_window_backup.json VERSION
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / "pricing" / "limits.yaml"
CATALOGUES = ROOT / "pricing" / "imports" / "catalogues.yaml"
DATE = re.compile(r"[-@](?:20\d{2}-?\d{2}-?\d{2}|\d{8})(?:-v\d+:\d+)?$")


def limits_of(catalogue: dict[str, Any], providers: dict[str, Any]) -> dict[str, dict[str, list[int]]]:
    """Return provider -> model -> [largest input, largest output] in tokens; 0 for what the catalogue does not say."""
    ours = {name: provider for provider, row in providers.items() for name in row.get("litellm", ())}
    found: dict[str, dict[str, list[int]]] = {}
    for name, row in catalogue.items():
        provider = ours.get(str(row.get("litellm_provider")))
        window, output = row.get("max_input_tokens"), row.get("max_output_tokens")
        if provider is None or not isinstance(window, int) or window <= 0:
            continue
        model = name.split("/", 1)[1] if name.startswith(f"{row['litellm_provider']}/") else name
        size = [window, output if isinstance(output, int) and output > 0 else 0]
        held = found.setdefault(provider, {})
        held[model] = size
        # A dated name stands for the undated one unless that has its own row.
        held.setdefault(DATE.sub("", model), size)
    for held in found.values():
        for model in [model for model in held if DATE.search(model) and held.get(DATE.sub("", model)) == held[model]]:
            del held[model]
    return found


def main() -> int:
    """Write the file."""
    source, version = sys.argv[1:3]
    catalogue = json.loads(Path(source).read_text(encoding="utf-8"))
    providers = yaml.safe_load(CATALOGUES.read_text(encoding="utf-8"))["providers"]
    lines = [
        "# yaml-language-server: $schema=schema/limits.json",
        "# SPDX-License-Identifier: Apache-2.0",
        "# Largest input and output in tokens, by provider and model; 0: not known. Made by tools/pricing/limits.py",
        f"# from the package litellm {version}; a catalogue, not the providers' pages.",
        "limits:",
    ]
    for provider, held in sorted(limits_of(catalogue, providers).items()):
        lines.append(f"  {provider}:")
        lines += [f"    {json.dumps(model)}: [{size[0]}, {size[1]}]" for model, size in sorted(held.items())]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
