# SPDX-License-Identifier: Apache-2.0
"""Dialects from configuration, for emitters without a built-in dialect: their keys and their default provider.

A description with keys becomes a dialect with precedence over the built-in ones. One without keys sets the provider of
calls whose spans name none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from spancost.core.dialect.fields import COUNTS
from spancost.core.reading import CALL, CONTAINER

EMITTER_KEYS = (
    "name",
    "scopes",
    "detect_by",
    "operation",
    "provider",
    "keys",
    "input_holds_cached",
    "output_holds_reasoning",
)
_TEXTS = (
    "operation", "provider", "model", "request_model", "response_id", "finish_reason", "service_tier", "processing",
    "server_address", "reported_cost_usd",
)  # fmt: skip
_INNER = frozenset(
    ("uncached_input_tokens", "doubled_input_tokens", "stated_input_tokens", "visible_output_tokens",
     "stated_output_tokens", "tool_prompt_tokens")
)  # fmt: skip
EMITTER_FIELDS = tuple(sorted({*COUNTS, *_TEXTS} - _INNER))
"""Fields that a key can report."""
_FIELD = f"a meter, total_tokens, or one of {', '.join(_TEXTS)}"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class EmitterError(ValueError):
    """A description of emitters is invalid: where, what was found, what was expected."""


def with_emitters(compiled: Mapping[str, Any], content: Any) -> dict[str, Any]:
    """Return the *compiled* dialects with the emitters of *content*; raise EmitterError when it is invalid."""
    rows = _mapping(content, "emitters file", ("emitters",)).get("emitters")
    if not isinstance(rows, list):
        raise _wrong("emitters", rows, "a list")
    base = next(entry for entry in compiled["dialects"] if entry["id"] == compiled["fallback"])
    taken = {entry["id"] for entry in compiled["dialects"]}
    own: list[dict[str, Any]] = []
    providers: list[tuple[str, str]] = []
    for number, row in enumerate(rows):
        where = f"emitters[{number}]"
        _mapping(row, where, EMITTER_KEYS)
        scopes, detect_by = _texts(row, "scopes", where), _texts(row, "detect_by", where)
        provider = _text(row, "provider", where)
        if "keys" in row:
            if not scopes and not detect_by:
                raise EmitterError(f"{where}: found neither scopes nor detect_by; expected one of them beside keys")
            name = _text(row, "name", where) or ""
            if not _NAME.fullmatch(name) or name in taken:
                raise _wrong(f"{where}.name", name, "small letters, digits and _, and no name of a dialect")
            taken.add(name)
            own.append(_entry(row, name, scopes, detect_by, base, where))
        elif provider is None:
            raise EmitterError(f"{where}: found neither keys nor provider; expected one of them")
        if provider is not None:
            providers += [(pattern, provider) for pattern in (scopes or (["*"] if not detect_by else []))]
            if own and "keys" in row:
                own[-1]["provider"] = provider
    return {**compiled, "dialects": [*own, *compiled["dialects"]], "default_providers": providers}


def _entry(
    row: Mapping[str, Any], name: str, scopes: list[str], detect_by: list[str], base: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Return the dialect of one description: its keys take precedence over those of the conventions."""
    keys = {field: list(held) for field, held in base["keys"].items()}
    for field in _mapping(row["keys"], f"{where}.keys", EMITTER_FIELDS, _FIELD):
        found = _texts(row["keys"], field, f"{where}.keys")
        keys[field] = [*found, *(key for key in keys.get(field, ()) if key not in found)]
    renames = {}
    if not _boolean(row, "input_holds_cached", where):
        renames["input_tokens"] = "uncached_input_tokens"
    if not _boolean(row, "output_holds_reasoning", where):
        renames["output_tokens"] = "visible_output_tokens"
    operation = _text(row, "operation", where)
    return {
        "id": name,
        "is_own": True,
        "scopes": scopes,
        "detect_by": detect_by,
        "detect_always": [],
        "default": [CALL, operation or "chat"] if operation != CONTAINER else [CONTAINER, "unknown"],
        "keys": keys,
        "responses": {},
        "operations": base["operations"],
        "providers": base["providers"],
        "rules": [{"when": {}, "then": {"rename": renames}}] if renames else [],
    }


def _wrong(where: str, found: object, expected: str) -> EmitterError:
    kinds = {int: "a number", float: "a number"}
    kind = kinds.get(type(found), f"a {type(found).__name__}")
    shown = found if isinstance(found, str) else "nothing" if found is None else kind
    return EmitterError(f"{where}: found {shown}; expected {expected}")


def _mapping(value: Any, where: str, allowed: tuple[str, ...], expected: str = "") -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(where, value, "a mapping of keys to values")
    for key in sorted(value, key=str):
        if key not in allowed:
            raise _wrong(where, key, expected or f"some of {', '.join(allowed)}")
    return value


def _text(row: Mapping[str, Any], key: str, where: str) -> str | None:
    value = row.get(key)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise _wrong(f"{where}.{key}", value, "a string")
    return value


def _texts(row: Mapping[str, Any], key: str, where: str) -> list[str]:
    value = row.get(key, [])
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(text, str) and text.strip() for text in values):
        raise _wrong(f"{where}.{key}", value, "a string, or a list of strings")
    return values


def _boolean(row: Mapping[str, Any], key: str, where: str) -> bool:
    value = row.get(key, True)
    if not isinstance(value, bool):
        raise _wrong(f"{where}.{key}", value, "a boolean, true or false")
    return value
