# SPDX-License-Identifier: Apache-2.0
"""Parses values that emitters encode into one attribute: JSON, or the text Python prints for a dictionary.

Values are scanned, never evaluated. Texts longer than `MAX_CHARACTERS` are not read, nor are Python literals nested
deeper than `MAX_DEPTH`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

MAX_CHARACTERS = 65_536
MAX_DEPTH = 16
MAX_DIGITS = 4_000
"""Digits of a whole number; the interpreter refuses a few hundred more. No count is larger."""

_SCAN: Callable[[str, int], tuple[Any, int]] = vars(json.JSONDecoder())["scan_once"]
_TOKEN = re.compile(
    r"""\s*(?:(?P<punct>[{}\[\]():,=])|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_][\w.]*))""",
    re.DOTALL,
)
_WORDS: dict[str, object] = {"None": None, "null": None, "True": True, "true": True, "False": False, "false": False}
_PYTHON_WORD = re.compile(r"(?<=[ :\[{(])(?:None|True|False)(?=[,\]}) ])")
_JSON_WORDS = {"None": "null", "True": "true", "False": "false"}
_CLOSE = {"{": "}", "[": "]", "(": ")"}


def _json_word(found: re.Match[str]) -> str:
    return _JSON_WORDS[found.group()]


class _Unreadable(ValueError):
    """The text is not a supported literal."""


def parse(text: object) -> Any:
    """Return the value that *text* encodes in JSON or as a Python literal, None when it cannot be read.

    A call such as `Details(cached_tokens=3)` reads as the mapping of its arguments; an unknown word reads as None.
    """
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        return None
    # Most Python literals differ from JSON only in their quotes and three words.
    is_plain = text[:2] == "{'" and '"' not in text and "\\" not in text
    if not is_plain:
        try:
            value, end = _SCAN(text, 0)  # half the time of `loads`, which skips white space
            if end == len(text):
                return value
        except (StopIteration, ValueError, RecursionError):
            pass
    try:
        return json.loads(_PYTHON_WORD.sub(_json_word, text).replace("'", '"') if is_plain else text)
    except (ValueError, RecursionError):
        pass
    try:
        return _Scanner(text).value(0)
    except _Unreadable:
        return None


def text_of(value: object) -> str | None:
    """Return *value* as a string: a JSON string loses its quotes, a list is reduced to its first element."""
    if isinstance(value, str):
        if value[:1] in ('"', "[", "'"):
            inner = parse(value)
            return text_of(inner) if inner is not None and inner != value else value
        return value or None
    if isinstance(value, (list, tuple)):
        return text_of(value[0]) if value else None
    return None


def get_path(value: Any, path: tuple[str, ...]) -> Any:
    """Return the value at *path* inside nested mappings, None when it is missing."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


class _Scanner:
    """Reads one literal from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def token(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            raise _Unreadable
        self.at = match.end()
        return match.lastgroup, match.group(match.lastgroup)

    def peek(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        return match.group(match.lastgroup) if match and match.lastgroup else ""

    def value(self, depth: int) -> Any:
        kind, token = self.token()
        if depth > MAX_DEPTH:
            raise _Unreadable
        if kind == "text":
            return token[1:-1]
        if kind == "number":
            return float(token) if len(token) > MAX_DIGITS or any(mark in token for mark in ".eE") else int(token)
        if kind == "word":
            if self.peek() == "(":
                self.token()
                return self.members(")", depth + 1)
            return _WORDS.get(token)
        if token == "{":
            return self.members("}", depth + 1)
        if token in ("[", "("):
            return self.items(_CLOSE[token], depth + 1)
        raise _Unreadable

    def members(self, close: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.peek() != close:
            _, name = self.token()
            if self.token()[1] not in (":", "="):
                raise _Unreadable
            found[name.strip("'\"")] = self.value(depth)
            self.separator(close)
        self.token()
        return found

    def items(self, close: str, depth: int) -> list[Any]:
        found: list[Any] = []
        while self.peek() != close:
            found.append(self.value(depth))
            self.separator(close)
        self.token()
        return found

    def separator(self, close: str) -> None:
        if self.peek() == ",":
            self.token()
        elif self.peek() != close:
            raise _Unreadable
