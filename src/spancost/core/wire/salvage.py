# SPDX-License-Identifier: Apache-2.0
"""Finds the few values that matter in a JSON text of which only the two ends are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from spancost.core.wire.expr import Json

_DECODER = json.JSONDecoder()


def salvage(text: bytes, paths: Iterable[str]) -> dict[str, Json]:
    """Return a document with the values at *paths* that stand whole in *text*.

    A path is known by its last key: for an object the last one in the text (usage stands last), for anything else
    the first (id and model stand first). A key within a string is escaped there and never taken for one.
    """
    found: dict[str, Json] = {}
    source = text.decode("utf-8", "replace")
    for path in sorted(paths, key=lambda p: p.count(".")):
        *parents, key = path.split(".")
        values = [v for v in _values(source, key) if v is not None]
        if values:
            _put(found, parents, key, values[-1] if isinstance(values[-1], dict) else values[0])
    return found


def _values(source: str, key: str) -> Iterable[Json]:
    for match in re.finditer(rf'(?<!\\)"{re.escape(key)}"\s*:\s*', source):
        try:
            yield _DECODER.raw_decode(source, match.end())[0]
        except (ValueError, RecursionError):
            continue


def _put(document: dict[str, Json], parents: list[str], key: str, value: Json) -> None:
    for parent in parents:
        below = document.setdefault(parent, {})
        if not isinstance(below, dict):
            return
        document = below
    document.setdefault(key, value)
