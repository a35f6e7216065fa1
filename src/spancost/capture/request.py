# SPDX-License-Identifier: Apache-2.0
"""The few facts of a request that reading its answer needs; nothing else of it is looked at or kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

WORDS = ("model", "stream", "background", "quality", "size")
"""Keys of a request's body that are kept, when their value is a word or a truth value."""

CHARACTERS = "$characters"
"""Key among the facts for the size of the request's text (`core.wire_estimate.Characters`), None when it is no use."""

_TRUTHS = frozenset({"stream", "background"})
_LONGEST_WORD = 256
_WHOLE = 64 << 10
_MODEL = re.compile(rb'(?<!\\)"model"\s*:\s*"([^"\\]{1,256})"')
_STREAM = re.compile(rb'(?<!\\)"stream"\s*:\s*true')


def facts_of(body: bytes | None) -> dict[str, Any]:
    """Return the facts of a JSON body: WORDS, and `asks_usage` when a stream was asked to tell its usage.

    A body over 64 KiB is searched, not parsed. Anything that is no JSON object has no facts.
    """
    if not body or body[:1] not in b"{ \n":
        return {}
    if len(body) > _WHOLE:
        model = _MODEL.search(body)
        found: dict[str, Any] = {"model": model[1].decode("utf-8", "replace")} if model else {}
        if _STREAM.search(body):
            found["stream"] = True
        return found
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(parsed, dict):
        return {}
    found = {k: v for k in WORDS if isinstance(v := parsed.get(k), (str, bool))}
    options = parsed.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage") is True:
        found["asks_usage"] = True
    return found


def facts_of_form(fields: Iterable[Any]) -> dict[str, Any]:
    """Return the facts of an upload's *fields* (objects with a `name` and a `value`); files are not looked at."""
    found: dict[str, Any] = {}
    for field in fields:
        name, value = getattr(field, "name", None), getattr(field, "value", None)
        if name in WORDS and isinstance(value, (str, bytes)) and len(value) <= _LONGEST_WORD:
            word = value if isinstance(value, str) else value.decode("utf-8", "replace")
            found[name] = word.lower() == "true" if name in _TRUTHS else word
    return found


def with_usage_asked(body: bytes) -> bytes | None:
    """Return the body of an OpenAI-wire stream with `stream_options.include_usage` set; None when nothing changes."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict) or parsed.get("stream") is not True:
        return None
    options = parsed.get("stream_options")
    options = options if isinstance(options, dict) else {}
    if "include_usage" in options:
        return None
    return json.dumps({**parsed, "stream_options": {**options, "include_usage": True}}, ensure_ascii=False).encode()
