# SPDX-License-Identifier: Apache-2.0
"""Paths and expressions of the wire data, compiled to closures over parsed JSON. This file knows no provider.

A path is keys joined by dots: `usage.prompt_tokens`. `rows[]` goes through every element of a list, `rows[kind=a|b]`
through those whose `kind` is one of the words (numbers are compared as text), `*` through every value of an object.
An expression is a path, a list of alternatives (the first that is present), or an object with one operator:
`sum`, `minus`, `max`, `min`, `count`, `positive` (absent instead of 0), `times` ([expression, decimal text]),
`if` ({equal: [a, b], then, else} or {holds: path, then, else}). Absent stays absent (None): a
sum has a value when one of its terms has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

Json: TypeAlias = Any
Number: TypeAlias = "int | Fraction"
Getter: TypeAlias = "Callable[[Json], Json]"
Formula: TypeAlias = "Callable[[Json], Number | None]"
Test: TypeAlias = "Callable[[Json], bool]"

PRESENT, ABSENT = "$present", "$absent"
_STEP = re.compile(r"([^.\[\]]+)|\[(?:([^=\]]+)=([^\]]*))?\]")


class WireDataError(ValueError):
    """The wire data says something that has no meaning; the message tells where, what was found and expected."""


def quantity(value: Json) -> Number | None:
    """Return *value* as an exact number; None when it is no finite number of 0 or more (text, truth value, NaN)."""
    if type(value) is int:
        return value if value >= 0 else None
    if isinstance(value, float):
        return _exact(value) if math.isfinite(value) and value >= 0 else None
    return value if isinstance(value, Fraction) and value >= 0 else None


def _exact(value: float) -> Number:
    # repr is the shortest decimal that gives this double, that is, the text the provider wrote.
    exact = Fraction(repr(value))
    return exact.numerator if exact.denominator == 1 else exact


def compile_path(path: str) -> Callable[[Json], list[Json]]:
    """Return a function from a document to every value at *path* that is not null, in document order."""
    steps = [
        (key or None, field, frozenset(words.split("|")) if field else None)
        for key, field, words in _STEP.findall(path)
    ]
    if not steps:
        raise WireDataError(f"path {path!r}: found no key; expected keys joined by dots")

    def values(document: Json) -> list[Json]:
        found = [document]
        for key, field, words in steps:
            found = [after for value in found for after in _step(value, key, field, words)]
        return found

    return values


def _step(value: Json, key: str | None, field: str | None, words: frozenset[str] | None) -> list[Json]:
    if key == "*":
        return [v for v in value.values() if v is not None] if isinstance(value, Mapping) else []
    if key is not None:
        after = value.get(key) if isinstance(value, Mapping) else None
        return [] if after is None else [after]
    if not isinstance(value, list):
        return []
    if words is None:
        return [v for v in value if v is not None]
    keys = tuple((field or "").split("."))
    return [v for v in value if str(_walk(v, keys)) in words]


def compile_getter(paths: str | Sequence[str]) -> Getter:
    """Return a function from a document to the first value that is there (not null, not empty text), else None."""
    wanted = [paths] if isinstance(paths, str) else list(paths)
    plain = [tuple(p.split(".")) if not set("[]*") & set(p) else None for p in wanted]
    general = [compile_path(p) for p in wanted]

    def get(document: Json) -> Json:
        for keys, values in zip(plain, general, strict=True):
            found = _walk(document, keys) if keys else next(iter(values(document)), None)
            if found is not None and found != "":
                return found
        return None

    return get


def _walk(document: Json, keys: tuple[str, ...]) -> Json:
    for key in keys:
        if type(document) is not dict:
            return None
        document = document.get(key)
    return document


def compile_test(when: Mapping[str, Json] | None) -> Test | None:
    """Return a test of a document: each path equals one of its values; `$present` and `$absent` ask for just that."""
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


def compile_formula(expression: Json) -> Formula:
    """Return a function from the slots of one exchange to an exact number, or None when nothing was reported."""
    if isinstance(expression, str):
        values = compile_path(expression)
        return lambda slots: _total(quantity(v) for v in values(slots))
    if isinstance(expression, list):
        return _first([compile_formula(e) for e in expression])
    if isinstance(expression, Mapping) and len(expression) == 1:
        operator, operands = next(iter(expression.items()))
        make = _OPERATORS.get(operator)
        if make is not None:
            return make(operands)
    raise WireDataError(f"expression {expression!r}: expected a path, a list or one of {sorted(_OPERATORS)}")


def _total(numbers: Any) -> Number | None:
    present = [n for n in numbers if n is not None]
    return sum(present) if present else None


def _first(formulas: list[Formula]) -> Formula:
    def first(slots: Json) -> Number | None:
        for formula in formulas:
            found = formula(slots)
            if found is not None:
                return found
        return None

    return first


def _over(combine: Callable[[list[Number]], Number]) -> Callable[[Json], Formula]:
    def make(operands: Json) -> Formula:
        formulas = [compile_formula(e) for e in operands]

        def value(slots: Json) -> Number | None:
            present = [n for n in (f(slots) for f in formulas) if n is not None]
            return combine(present) if present else None

        return value

    return make


def _minus(operands: Json) -> Formula:
    whole, *parts = [compile_formula(e) for e in operands]

    def value(slots: Json) -> Number | None:
        start = whole(slots)
        if start is None:
            return None
        return max(0, start - sum(p(slots) or 0 for p in parts))

    return value


def _count(path: Json) -> Formula:
    values = compile_path(path)

    def value(slots: Json) -> Number | None:
        return len(values(slots)) or None

    return value


def _positive(operand: Json) -> Formula:
    formula = compile_formula(operand)
    return lambda slots: formula(slots) or None


def _times(operands: Json) -> Formula:
    formula, factor = compile_formula(operands[0]), Fraction(operands[1])

    def value(slots: Json) -> Number | None:
        found = formula(slots)
        return None if found is None else found * factor

    return value


def _if(operands: Json) -> Formula:
    holds = _holds(operands["holds"]) if "holds" in operands else _equal(*operands["equal"])
    then, otherwise = compile_formula(operands["then"]), compile_formula(operands["else"])
    return lambda slots: then(slots) if holds(slots) else otherwise(slots)


def _holds(path: str) -> Test:
    values = compile_path(path)
    return lambda slots: any(v is True for v in values(slots))


def _equal(left: Json, right: Json) -> Test:
    one, other = compile_formula(left), compile_formula(right)

    def equal(slots: Json) -> bool:
        found = one(slots)
        return found is not None and found == other(slots)

    return equal


_OPERATORS: dict[str, Callable[[Json], Formula]] = {
    "sum": _over(lambda present: sum(present)),
    "max": _over(max),
    "min": _over(min),
    "minus": _minus,
    "count": _count,
    "positive": _positive,
    "times": _times,
    "if": _if,
}
