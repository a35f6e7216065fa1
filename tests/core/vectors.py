# SPDX-License-Identifier: Apache-2.0
"""Reading test vectors: one case a file, unknown keys refused, an empty folder fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "vectors"


def cases(kind: str, allowed: set[str]) -> list[Any]:
    """Return (name, case) of every vector in the folder *kind*; every case has exactly the keys *allowed*."""
    found = []
    for path in sorted((VECTORS / kind).glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        if set(case) != allowed:
            raise ValueError(f"{path.name}: found keys {sorted(case)}, expected {sorted(allowed)}")
        found.append((path.stem, case))
    if not found:
        raise ValueError(f"no vectors in {VECTORS / kind}")
    return found
