# SPDX-License-Identifier: Apache-2.0
"""Compile semconv/detectors.yaml into the JSON file that both languages read (semconv/compiled/detectors.json).

Rules that cannot be used are refused. `python -m tools.generate_semconv` writes the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from spancost.core.detect.rules import RuleSet

SOURCE = Path(__file__).resolve().parent.parent / "semconv" / "detectors.yaml"
TARGET = SOURCE.parent / "compiled" / "detectors.json"


def render() -> str:
    """Return the compiled text."""
    rules: Any = YAML(typ="safe", pure=True).load(SOURCE)
    RuleSet(rules, str(SOURCE.relative_to(SOURCE.parent.parent)))
    return json.dumps(rules, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
