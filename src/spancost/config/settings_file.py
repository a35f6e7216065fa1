# SPDX-License-Identifier: Apache-2.0
"""Reads a file of settings: JSON, TOML or YAML, by its suffix."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class SettingsError(ValueError):
    """A setting cannot be used; the message names the place, the key, what was found and what was expected."""


def read_settings(path: Path) -> Mapping[str, Any]:
    """Return the settings of a JSON, TOML or YAML file; SettingsError when there are none."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors put a mark before the text
        given = _PARSERS.get(path.suffix, _json)(path, text)
    except SettingsError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: found a file that cannot be read ({error}); expected settings") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: found no valid {path.suffix.lstrip('.') or 'json'} ({error})") from None
    if not isinstance(given, dict):
        raise SettingsError(f"{path}: found a {type(given).__name__}; expected an object of settings")
    return {str(key): value for key, value in given.items()}


def _json(path: Path, text: str) -> Any:
    return json.loads(text)


def _toml(path: Path, text: str) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(text)
    raise SettingsError(f"{path}: found TOML; expected JSON, as Python before 3.11 reads no TOML")


def _yaml(path: Path, text: str) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError:
        raise SettingsError(
            f"{path}: found YAML; expected JSON, TOML, or the package ruamel.yaml to read YAML "
            "(pip install 'spancost[contracts]')"
        ) from None
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise SettingsError(f"{path}: found no valid YAML ({str(error).splitlines()[0]})") from None


_PARSERS = {".toml": _toml, ".yaml": _yaml, ".yml": _yaml}
