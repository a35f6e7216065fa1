# SPDX-License-Identifier: Apache-2.0
"""Reads the rules of the detectors from data, with what a file of one's own overrides."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from spancost.core.detect.logarithm import units
from spancost.core.detect.rule import KINDS, Rules
from spancost.core.money import FEMTO_PER_USD

VERSION = 1


class DetectorError(ValueError):
    """Rules that cannot be used; the message says where, what was found and what was expected."""


_UNITS = (("_ns", "_seconds", 10**9), ("_femto", "_usd", FEMTO_PER_USD), ("_permille", "_share", 1000))
"""End of a field, end of its name in a file, and how many of the first make one of the second."""
_TABLES = frozenset(("growth", "output", "pace"))
_USUAL = frozenset(("usual_growth", "usual_output", "usual_pace"))
_POINTS = frozenset(("alarm_points", "most_points"))
_NEGATIVE = frozenset(("other_pace", "least_points"))


class RuleSet:
    """The rules for everything, and those for features with others."""

    def __init__(self, given: Mapping[str, Any], where: str, base: RuleSet | None = None) -> None:
        """*given*: the content of a file; what it leaves out is as in *base*. DetectorError names what is wrong."""
        expect(where, given, "mapping with detectors: 1", isinstance(given, Mapping))
        expect(f"{where}: detectors", given.get("detectors"), str(VERSION), given.get("detectors") == VERSION)
        known(where, given, ("detectors", "limits", "rules", "features"))
        written = given.get("rules") or {}
        self.default: Rules = rules_of(
            where, written, given.get("limits") or {}, None if base is None else base.default
        )
        features = given.get("features") or {}
        expect(f"{where}: features", features, "a mapping of features", isinstance(features, Mapping))
        self.features: dict[str, Rules] = {} if base is None else dict(base.features)
        for feature, written in features.items():
            self.features[str(feature)] = rules_of(f"{where}: features.{feature}", written, {}, self.default)

    def of(self, feature: str | None) -> Rules:
        """Return the rules for a feature."""
        return self.features.get(feature, self.default) if feature is not None else self.default


def rules_of(where: str, written: Any, limits: Any, base: Rules | None) -> Rules:
    """Return *written* rules over *base*; without a base, every value must be there."""
    expect(where, written, "a mapping of rules", isinstance(written, Mapping))
    known(where, written, Rules._fields[1:])
    parts: list[Any] = [part(f"{where}: limits", KINDS[0], limits, None if base is None else base.limits)]
    for index, name in enumerate(Rules._fields[1:], 1):
        given = written.get(name) or {}
        parts.append(part(f"{where}: {name}", KINDS[index], given, None if base is None else base[index]))
    return Rules(*parts)


def part(where: str, kind: Any, written: Any, base: Any) -> Any:
    """Return one rule, a value of *kind*, from its written form over *base*."""
    expect(where, written, "a mapping", isinstance(written, Mapping))
    names = {written_name(field): field for field in kind._fields}
    known(where, written, tuple(names))
    values = {}
    for name, field in names.items():
        if name in written:
            values[field] = value_of(f"{where}.{name}", field, written[name])
        elif base is not None:
            values[field] = getattr(base, field)
        else:
            raise DetectorError(f"{where}: found no {name}; expected one")
    return kind(**values)


def written_name(field: str) -> str:
    """Return how a field is named in a file."""
    for end, written, _ in _UNITS:
        if field.endswith(end):
            return field.removesuffix(end) + written
    return field


def value_of(where: str, field: str, found: Any) -> Any:
    """Return a written value in the unit of its field."""
    if field in ("enabled", "blocks"):
        expect(where, found, "true or false", isinstance(found, bool))
        return found
    if field.endswith("text"):
        expect(where, found, "a sentence", isinstance(found, str))
        return found
    if field in _TABLES:
        expect(where, found, "a list of pairs", isinstance(found, list) and all(len(pair) == 2 for pair in found))
        return tuple((ratio(where, bound), number(where, points, 100)) for bound, points in found)
    if field in _USUAL:
        expect(where, found, "a value and a ratio", isinstance(found, list) and len(found) == 2)
        return number(where, found[0], 1000), ratio(where, found[1])
    if field in _POINTS:
        expect(where, found, "a list of 3 numbers", isinstance(found, list) and len(found) == 3)
        return tuple(number(where, each, 100) for each in found)
    if field in _NEGATIVE or field.endswith("_points"):
        return number(where, found, 100)
    if field.endswith("_ratio"):
        return ratio(where, found)
    unit = next((unit for end, _, unit in _UNITS if field.endswith(end)), 1)
    least = 0 if unit > 1 or field.endswith("tokens") else 1
    value = number(where, found, unit)
    expect(where, found, f"at least {least}", value >= least)
    return value


def number(where: str, found: Any, unit: int) -> int:
    """Return a number as a whole number of the *unit*-th part of one."""
    expect(where, found, "a number", isinstance(found, (int, float, str)) and not isinstance(found, bool))
    try:
        value = Fraction(str(found)) * unit
    except (ValueError, ZeroDivisionError):
        raise DetectorError(f"{where}: found {found!r}; expected a number") from None
    expect(where, found, "a whole number" if unit == 1 else f"at most {unit} parts", value.denominator == 1)
    return int(value)


def ratio(where: str, found: Any) -> int:
    """Return a ratio of at least 1 in the units of `logarithm`."""
    value = number(where, found, 1000)
    expect(where, found, "at least 1", value >= 1000)
    return units(value) - units(1000)


def known(where: str, found: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Refuse names that are not *names*."""
    for name in found:
        if name not in names:
            raise DetectorError(f"{where}: found {name!r}; expected one of {', '.join(names)}")


def expect(where: str, found: Any, expected: str, holds: bool) -> None:
    """Raise DetectorError unless *holds*."""
    if not holds:
        raise DetectorError(f"{where}: found {found!r}; expected {expected}")
