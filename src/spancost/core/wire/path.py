# SPDX-License-Identifier: Apache-2.0
"""Compiles paths of the wire data to closures over parsed JSON. This file knows no provider.

A path is keys joined by dots: `usage.prompt_tokens`. `rows[]` selects every element of a list, `rows[kind=a|b]`
those whose `kind` is one of the values (numbers compare as text), `*` every value of an object.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

Json: TypeAlias = Any
Number: TypeAlias = "int | Fraction"
Getter: TypeAlias = "Callable[[Json], Json]"
Test: TypeAlias = "Callable[[Json], bool]"

PRESENT, ABSENT = "$present", "$absent"
_STEP = re.compile(r"([^.\[\]]+)|\[(?:([^=\]]+)=([^\]]*))?\]")


class WireDataError(ValueError):
    """The wire data is invalid. The message says where, what was found and what was expected."""


def quantity(value: Json) -> Number | None:
    """Return *value* as an exact number; None unless it is a finite number of 0 or more (not text, boolean or NaN)."""
    if type(value) is int:
        return value if value >= 0 else None
    if isinstance(value, float):
        return _exact(value) if math.isfinite(value) and value >= 0 else None
    return value if isinstance(value, Fraction) and value >= 0 else None


def _exact(value: float) -> Number:
    # repr is the shortest decimal of this double: the text that the provider wrote.
    exact = Fraction(repr(value))
    return exact.numerator if exact.denominator == 1 else exact


def compile_path(path: str) -> Callable[[Json], Sequence[Json]]:
    """Return a function from a document to every value at *path* that is not null, in document order."""
    one = _key_getter(path)
    if one is not None:
        walk = one

        def plain(document: Json) -> Sequence[Json]:
            found = walk(document)
            return () if found is None else (found,)

        return plain
    steps = [
        (key or None, tuple(field.split(".")), frozenset(words.split("|")) if field else None)
        for key, field, words in _STEP.findall(path)
    ]
    if not steps:
        raise WireDataError(f"path {path!r}: found no key; expected keys joined by dots")

    def values(document: Json) -> Sequence[Json]:
        found = [document]
        for key, field, words in steps:
            found = [after for value in found for after in _step(value, key, field, words)]
        return found

    return values


def has_only_keys(path: str) -> bool:
    """Return whether *path* consists of keys only."""
    return bool(path) and not set("[]*") & set(path)


def _key_getter(path: str) -> Getter | None:
    """Return a getter for a path of keys only, None for any other path."""
    if not has_only_keys(path):
        return None
    first, *rest = path.split(".")
    if not rest:
        return lambda document: document.get(first) if type(document) is dict else None

    def walk(document: Json) -> Json:
        if type(document) is not dict:
            return None
        document = document.get(first)
        for key in rest:
            if type(document) is not dict:
                return None
            document = document.get(key)
        return document

    return walk


def _step(value: Json, key: str | None, field: tuple[str, ...], words: frozenset[str] | None) -> Iterable[Json]:
    if key is not None:
        if type(value) is not dict:
            return ()
        if key == "*":
            return [v for v in value.values() if v is not None]
        after = value.get(key)
        return () if after is None else (after,)
    if type(value) is not list:
        return ()
    if words is None:
        return [v for v in value if v is not None]
    return [v for v in value if str(_walk(v, field)) in words]


def compile_getter(paths: str | Sequence[str]) -> Getter:
    """Return a function from a document to the first value present (not null, not an empty string, list or object)."""
    wanted = [paths] if isinstance(paths, str) else list(paths)
    getters = [_key_getter(p) or _first_of(compile_path(p)) for p in wanted]
    if len(getters) == 1:
        only = getters[0]

        def get_one(document: Json) -> Json:
            found = only(document)
            return found if found or found == 0 else None

        return get_one

    def get(document: Json) -> Json:
        for getter in getters:
            found = getter(document)
            if found or found == 0:
                return found
        return None

    return get


def _first_of(values: Callable[[Json], Sequence[Json]]) -> Getter:
    return lambda document: next(iter(values(document)), None)


def _walk(document: Json, keys: tuple[str, ...]) -> Json:
    for key in keys:
        if type(document) is not dict:
            return None
        document = document.get(key)
    return document


def compile_test(when: Mapping[str, Json] | None) -> Test | None:
    """Return a test of a document: each path has one of its values; `$present` and `$absent` test for presence."""
    if not when:
        return None
    parts = [(compile_getter(path), wanted if isinstance(wanted, list) else [wanted]) for path, wanted in when.items()]

    def holds(document: Json) -> bool:
        for get, wanted in parts:
            found = get(document)
            if (ABSENT if found is None else PRESENT) in wanted or found in wanted:
                continue
            return False
        return True

    return holds
