# SPDX-License-Identifier: Apache-2.0
"""Reads the file that describes emitters without a built-in dialect (docs/dialects.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spancost.core.dialect.emitters import EmitterError


def load(path: str | Path) -> Any:
    """Return the content of a file of emitters, JSON or YAML; EmitterError names the file and what is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EmitterError(f"{path}: found a file that cannot be read ({error}); expected a file of emitters") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _yaml(str(path), text)


def _yaml(where: str, text: str) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError:
        raise EmitterError(
            f"{where}: found no JSON; expected JSON, or the package ruamel.yaml to read YAML "
            "(pip install 'spancost[contracts]')"
        ) from None
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, RecursionError) as error:
        raise EmitterError(
            f"{where}: found no YAML ({str(error).splitlines()[0]}); expected a file of emitters"
        ) from None
