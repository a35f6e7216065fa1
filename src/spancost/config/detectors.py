# SPDX-License-Identifier: Apache-2.0
"""The rules of the anomaly detectors: the bundled ones, with a file of one's own over them (docs/anomalies.md)."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from spancost.config import data
from spancost.core.detect.rules import DetectorError, RuleSet

COMPILED = "semconv/compiled/detectors.json"


@lru_cache(maxsize=1)
def default_rules() -> RuleSet:
    """Return the bundled rules."""
    return RuleSet(json.loads(data.read(COMPILED)), COMPILED)


def rules(path: str | Path | None = None) -> RuleSet:
    """Return the rules in a file (YAML or JSON) over the bundled ones; DetectorError says what is wrong."""
    if path is None:
        return default_rules()
    return RuleSet(_load(Path(path)), str(path), default_rules())


def _load(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DetectorError(f"{path}: found a file that cannot be read ({error}); expected rules") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError:
        raise DetectorError(
            f"{path}: found no JSON; expected JSON, or the package ruamel.yaml to read YAML "
            "(pip install 'spancost[contracts]')"
        ) from None
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, RecursionError) as error:
        raise DetectorError(f"{path}: found no YAML ({str(error).splitlines()[0]}); expected rules") from None
