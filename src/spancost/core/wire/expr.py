# SPDX-License-Identifier: Apache-2.0
"""Compiles expressions of the wire data to closures over the slots of an exchange. This file knows no provider.

An expression is a whole number, a path (core/wire/path), a list of alternatives (the first that is present), or an
object with one operator: `sum`, `minus`, `max`, `min`, `count`, `positive` (absent instead of 0),
`times` ([expression, decimal text]), `product` (of all its expressions), `number` (of a path whose value may be decimal
text), `divide_up` ([expression, whole number]: the quotient, rounded up), `if` (conditions, then, else). All conditions
of an `if` must be true: `equal: [a, b]` and `less: [a, b]` (expressions), `is_true: path` (a value is true),
`present: path`, `absent: path`, `matches: [path or paths, regular expression]` (searched in the first text found).
`else` may be left out.
A missing value stays missing (None). A sum has a value when at least one term has one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

from spancost.core.wire.path import (
    Json,
    Number,
    Test,
    WireDataError,
    compile_getter,
    compile_path,
    has_only_keys,
    quantity,
)

_DECIMAL = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")

Formula: TypeAlias = "Callable[[Json], Number | None]"


def compile_formula(expression: Json) -> Formula:
    """Return a function from the slots of an exchange to an exact number, or None when nothing was reported."""
    if type(expression) is int and expression >= 0:
        return lambda _: expression
    if isinstance(expression, str):
        if has_only_keys(expression):
            return _number_at([tuple(expression.split("."))])
        values = compile_path(expression)
        return lambda slots: _total(quantity(v) for v in values(slots))
    if isinstance(expression, list):
        if all(isinstance(e, str) and has_only_keys(e) for e in expression):
            return _number_at([tuple(e.split(".")) for e in expression])
        return _first([compile_formula(e) for e in expression])
    if isinstance(expression, Mapping) and len(expression) == 1:
        operator, operands = next(iter(expression.items()))
        make = _OPERATORS.get(operator)
        if make is not None:
            return make(operands)
    raise WireDataError(f"expression {expression!r}: expected a path, a list or one of {sorted(_OPERATORS)}")


def _number_at(places: list[tuple[str, ...]]) -> Formula:
    """Return a function that finds the first number at *places*. Most meters use it, so it makes no calls."""

    def number(slots: Json) -> Number | None:
        for keys in places:
            found = slots
            for key in keys:
                if type(found) is not dict:
                    found = None
                    break
                found = found.get(key)
            if type(found) is int and found >= 0:
                return found
            if found is not None and (exact := quantity(found)) is not None:
                return exact
        return None

    return number


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


def _combining(combine: Callable[[list[Number]], Number]) -> Callable[[Json], Formula]:
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


def _product(operands: Json) -> Formula:
    formulas = [compile_formula(operand) for operand in operands]

    def value(slots: Json) -> Number | None:
        found: Number = 1
        for formula in formulas:
            factor = formula(slots)
            if factor is None:
                return None
            found *= factor
        return found

    return value


def _divide_up(operands: Json) -> Formula:
    formula, size = compile_formula(operands[0]), int(operands[1])

    def value(slots: Json) -> Number | None:
        found = formula(slots)
        return None if found is None else -(-found // size)

    return value


def _number(operand: Json) -> Formula:
    get = compile_getter(operand)

    def value(slots: Json) -> Number | None:
        found = get(slots)
        if isinstance(found, str) and _DECIMAL.fullmatch(found):
            exact = Fraction(found)
            return exact.numerator if exact.denominator == 1 else exact
        return quantity(found)

    return value


def _if(operands: Json) -> Formula:
    holds = compile_conditions({name: of for name, of in operands.items() if name not in ("then", "else")})
    then = compile_formula(operands["then"])
    otherwise = compile_formula(operands["else"]) if "else" in operands else lambda _: None
    return lambda slots: then(slots) if holds(slots) else otherwise(slots)


def compile_conditions(conditions: Mapping[str, Json]) -> Test:
    """Return a test of slots that is true when all *conditions* of an `if` are."""
    if not conditions or not conditions.keys() <= _CONDITIONS.keys():
        raise WireDataError(f"conditions {conditions!r}: expected some of {sorted(_CONDITIONS)}")
    tests = [_CONDITIONS[name](of) for name, of in conditions.items()]
    if len(tests) == 1:
        return tests[0]
    return lambda slots: all(test(slots) for test in tests)


def _is_true(path: str) -> Test:
    values = compile_path(path)
    return lambda slots: any(v is True for v in values(slots))


def _equal(operands: Json) -> Test:
    one, other = map(compile_formula, operands)

    def equal(slots: Json) -> bool:
        found = one(slots)
        return found is not None and found == other(slots)

    return equal


def _less(operands: Json) -> Test:
    one, other = map(compile_formula, operands)

    def less(slots: Json) -> bool:
        small, large = one(slots), other(slots)
        return small is not None and large is not None and small < large

    return less


def _present(paths: Json) -> Test:
    get = compile_getter(paths)
    return lambda slots: get(slots) is not None


def _absent(paths: Json) -> Test:
    get = compile_getter(paths)
    return lambda slots: get(slots) is None


def _matches(operands: Json) -> Test:
    get, pattern = compile_getter(operands[0]), re.compile(operands[1])

    def matches(slots: Json) -> bool:
        found = get(slots)
        return isinstance(found, str) and pattern.search(found) is not None

    return matches


_CONDITIONS: dict[str, Callable[[Json], Test]] = {
    "absent": _absent,
    "equal": _equal,
    "is_true": _is_true,
    "less": _less,
    "matches": _matches,
    "present": _present,
}


_OPERATORS: dict[str, Callable[[Json], Formula]] = {
    "sum": _combining(lambda present: sum(present)),
    "max": _combining(max),
    "min": _combining(min),
    "minus": _minus,
    "count": _count,
    "positive": _positive,
    "times": _times,
    "product": _product,
    "number": _number,
    "divide_up": _divide_up,
    "if": _if,
}
