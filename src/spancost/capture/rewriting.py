# SPDX-License-Identifier: Apache-2.0
"""Puts what a budget changes into the body of a request: another model, a smaller bound of the output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from spancost.capture.bounds import BOUND_PATHS, CHOICES_PATHS, MODEL_KEYS
from spancost.control.guards import Change

_BOUND_KEYS: Mapping[str, str] = {"responses": "max_output_tokens", "converse": "inferenceConfig.maxTokens"}
"""Last word of a path -> where a body that sets no bound gets one; `max_tokens` elsewhere."""


def can_change(body: bytes | None, path_model: str | None) -> bool:
    """Tell whether a request can be changed: its body is a JSON object that names the model."""
    return body is not None and body[:1] == b"{" and path_model is None


def changed(body: bytes, change: Change, path: str) -> bytes | None:
    """Return *body* with *change* in it, None when it is no JSON object. path: of the URL."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    if change.model is not None:
        parsed[next((key for key in MODEL_KEYS if key in parsed), MODEL_KEYS[0])] = change.model
    if change.output_bound is not None:
        _bound(parsed, change.output_bound, path)
    return json.dumps(parsed, ensure_ascii=False).encode()


def _bound(parsed: dict[str, Any], bound: int, path: str) -> None:
    choices = next((found for each in CHOICES_PATHS if isinstance(found := _at(parsed, each), int)), 1)
    most = max(1, bound // max(1, choices))
    for each in BOUND_PATHS:
        if isinstance(_at(parsed, each), int):
            _put(parsed, each, most)
            return
    _put(parsed, tuple(_BOUND_KEYS.get(path.rstrip("/").rpartition("/")[2], "max_tokens").split(".")), most)


def _at(parsed: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        parsed = parsed.get(key) if isinstance(parsed, dict) else None
    return parsed


def _put(parsed: dict[str, Any], path: tuple[str, ...], value: int) -> None:
    for key in path[:-1]:
        inner = parsed.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        parsed = inner
    parsed[path[-1]] = value
