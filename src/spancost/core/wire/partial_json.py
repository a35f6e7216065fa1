# SPDX-License-Identifier: Apache-2.0
"""Parses truncated JSON: a text without its end, or a text of which only the two ends are left."""

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
"""Maximum nesting. No provider's answer has a tenth of it, and each level costs time at every value."""


class _Open(NamedTuple):
    """A container that the text leaves open: its closing bracket, and its key in the parent ("" in a list)."""

    closer: str
    key: str


def recover(text: bytes, *, clipped: bool) -> Json:
    """Return the parsable part of *text*, None when there is none.

    clipped: the text is the first HEAD bytes and the end of a document, else only its beginning. Values in the gap are
    missing. Of a list that spans the gap, the elements after the gap are returned.
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
    """Return the document of *text* up to its last complete value, and the containers open at its end."""
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
    _drop_truncated_list(found, still_open)
    return found, stack


def _drop_truncated_list(document: Json, still_open: list[_Open]) -> None:
    # Elements before and after the truncation cannot be told apart, so the list is dropped. Each element of the
    # outermost list is a document of its own.
    at = document[-1] if isinstance(document, list) and document else document
    for container in still_open[2 if isinstance(document, list) else 1 :]:
        if not isinstance(at, dict):
            return
        if container.closer == "]":
            at.pop(container.key, None)
            return
        at = at.get(container.key)


def _end(text: str, path: list[_Open]) -> Json:
    """Return the content of *text*, the end of a document. path: the containers open at the end of its beginning."""
    inside = _REST_OF_TEXT.match(text)
    # The text begins between two values or within a string: only one of the two parses.
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
    """Merge both ends of a document; values of the beginning win."""
    if isinstance(head, list) and isinstance(tail, list):
        return head + tail
    if isinstance(head, dict) and isinstance(tail, dict):
        return {key: _joined(head.get(key), tail.get(key)) for key in {**head, **tail}}
    return tail if head is None else head
