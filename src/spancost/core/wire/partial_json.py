# SPDX-License-Identifier: Apache-2.0
"""Reads what can be read of a JSON text of which the end is missing, or of which only the two ends are there."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from spancost.core.wire.framing import HEAD
from spancost.core.wire.path import Json

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|[][{},]', re.DOTALL)
_REST_OF_TEXT = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_CLOSER = {"{": "}", "[": "]"}
_OPENER = {"}": "{", "]": "["}
_DEEPEST = 200
"""Containers within one another; no answer of a provider has a tenth of it, and each costs time at every value."""


class _Open(NamedTuple):
    """A container that a text leaves open: what closes it, and the key it stands under ("" in a list)."""

    closer: str
    key: str


def recover(text: bytes, *, clipped: bool) -> Json:
    """Return the document that *text* holds, None when nothing of it can be read.

    clipped: its first HEAD bytes and its end are there, else only its beginning. What stood in the gap is absent; of a
    list that the gap cuts, the elements after the gap are there.
    """
    first = re.search(rb"[{[]", text[:HEAD])
    if first is None:
        return None
    beginning = text[first.start() : HEAD] if clipped else text[first.start() :]
    head, path = _beginning(beginning.decode("utf-8", "replace"))
    if not clipped:
        return head
    tail = _end(text[HEAD + 1 :].decode("utf-8", "replace").rstrip(), path)
    return _joined(head, tail)


def _beginning(text: str) -> tuple[Json, list[_Open]]:
    """Return the document of *text* up to its last whole value, and what is open at its end."""
    stack: list[_Open] = []
    safe, still_open, key = 0, list(stack), ""
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word in _CLOSER:
            stack.append(_Open(_CLOSER[word], key if stack and stack[-1].closer == "}" else ""))
            if len(stack) > _DEEPEST:
                return None, []
        elif word in _OPENER:
            if not stack or stack.pop().closer != word:
                return None, []
        elif word != ",":
            key = word[1:-1]
            continue
        safe, still_open = token.start() if word == "," else token.end(), list(stack)
    found = _parsed(text[:safe] + "".join(o.closer for o in reversed(still_open)))
    _drop_cut_list(found, still_open)
    return found, stack


def _drop_cut_list(document: Json, still_open: list[_Open]) -> None:
    # What a list held before the cut cannot be told from what it held after it; each element of the outermost is a
    # document of its own.
    at = document[-1] if isinstance(document, list) and document else document
    for container in still_open[2 if isinstance(document, list) else 1 :]:
        if not isinstance(at, dict):
            return
        if container.closer == "]":
            at.pop(container.key, None)
            return
        at = at.get(container.key)


def _end(text: str, path: list[_Open]) -> Json:
    """Return what *text*, the end of a document, says; path: what was open at the end of its beginning."""
    inside = _REST_OF_TEXT.match(text)
    # The text begins between two values, or within a string: only one of these can be read.
    for start in (0, inside.end() if inside else None):
        found = None if start is None else _from(text, start, path)
        if found is not None:
            return found
    return None


def _from(text: str, start: int, path: list[_Open]) -> Json:
    safe: int | None = None
    stack: list[str] = []
    unopened: list[str] = []
    for token in _TOKEN.finditer(text, start):
        word = token.group()
        if word in _OPENER:
            if stack:
                stack.pop()
            elif safe is not None:
                unopened.append(word)
        elif safe is None:
            safe = token.end() if word == "," else None
        elif word in _CLOSER:
            stack.append(word)
    if safe is None:
        return None
    opened, parent, known = "", "", True
    for at, closer in enumerate(reversed(unopened)):
        known = known and at < len(path) and path[at].closer == closer
        opened += (json.dumps(path[at].key if known else "?") + ":" if parent == "}" else "") + _OPENER[closer]
        parent = closer
    return _parsed(opened + text[safe:])


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _joined(head: Json, tail: Json) -> Json:
    """Return both ends of a document as one; what stands in both is the beginning's."""
    if isinstance(head, list) and isinstance(tail, list):
        return head + tail
    if isinstance(head, dict) and isinstance(tail, dict):
        return {key: _joined(head.get(key), tail.get(key)) for key in {**head, **tail}}
    return tail if head is None else head
