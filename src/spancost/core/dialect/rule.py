# SPDX-License-Identifier: Apache-2.0
"""Rules of a dialect: exceptions to its tables for certain spans."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from spancost.core.span import Span

_BOUND = re.compile(r"\s*(<=|>=|<|>|=)\s*([0-9][0-9.]*)\s*")


class Rule(NamedTuple):
    """Conditions on a span, and the effects on the spans that match.

    rename: field -> the field that it really is. kind, operation, provider: set when not None.
    caveat: (status, reason) or None. ignore: the span has no reading. drop: fields to remove.
    provider_in_model: an unknown provider is the part of the model name before its slash.
    at_least: fields that must be reported, with their minimum.
    like: attributes whose text matches one of the patterns; not_like: attributes whose text matches none, or is absent.
    strip_suffix: field -> a suffix to remove from its text.
    """

    has: tuple[str, ...]
    without: tuple[str, ...]
    equals: tuple[tuple[str, frozenset[Any]], ...]
    missing: tuple[str, ...]
    providers: frozenset[str]
    names: tuple[str, ...]
    rename: Mapping[str, str]
    kind: str | None
    operation: str | None
    provider: str | None
    caveat: tuple[str, str] | None
    ignore: bool
    drop: tuple[str, ...]
    provider_in_model: bool
    at_least: tuple[tuple[str, int], ...] = ()
    like: tuple[tuple[str, tuple[str, ...]], ...] = ()
    not_like: tuple[tuple[str, tuple[str, ...]], ...] = ()
    strip_suffix: Mapping[str, str] = MappingProxyType({})

    def matches(self, span: Span, provider: str | None, reported: Mapping[str, Any]) -> bool:
        """Return whether every condition holds; *reported*: the fields that the span reports."""
        attributes = span.attributes
        if self.providers and provider not in self.providers:
            return False
        for key in self.has:
            if key not in attributes:
                return False
        for key in self.without:
            if key in attributes:
                return False
        for field in self.missing:
            if field in reported:
                return False
        for field, least in self.at_least:
            number = reported.get(field)
            if not isinstance(number, (int, float)) or not number >= least:
                return False
        for key, values in self.equals:
            found = attributes.get(key)
            if not isinstance(found, (str, bool, int)) or found not in values:
                return False
        for wanted, texts in ((True, self.like), (False, self.not_like)):
            for key, patterns in texts:
                found = attributes.get(key)
                if (isinstance(found, str) and name_matches(patterns, found)) is not wanted:
                    return False
        return not self.names or name_matches(self.names, span.name)

    def may_match(self, keys: Collection[str], reported: Collection[str]) -> bool:
        """Return whether the rule matches some span with these attribute keys that report these fields."""
        absent = any(key in keys for key in self.without) or any(field in reported for field in self.missing)
        return not absent and all(key in keys for key in self.has)


def name_matches(patterns: tuple[str, ...], name: str) -> bool:
    """Return whether *name* matches one of *patterns*: `a*` a prefix, `*a` a suffix, `*a*` any part."""
    for pattern in patterns:
        if pattern[0] == pattern[-1] == "*":
            if pattern.strip("*") in name:
                return True
        elif pattern[-1] == "*":
            if name.startswith(pattern[:-1]):
                return True
        elif pattern[0] == "*":
            if name.endswith(pattern[1:]):
                return True
        elif name == pattern:
            return True
    return False


def version_key(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: `0.62.4` -> (0, 62, 4), `1.3b0` -> (1, 3); () when there are none."""
    numbers: list[int] = []
    for part in text.split("."):
        digits = re.match(r"\d+", part)
        if digits is None:
            break
        numbers.append(int(digits.group()))
        if digits.end() != len(part):
            break
    return tuple(numbers)


def version_within(text: str, bounds: str) -> bool:
    """Return whether the version *text* is within *bounds* (`>=0.38 <0.61`); one without numbers never is."""
    found = version_key(text)
    if not found:
        return False
    for sign, limit_text in _BOUND.findall(bounds):
        limit = version_key(limit_text)
        width = max(len(found), len(limit))
        left, right = found + (0,) * (width - len(found)), limit + (0,) * (width - len(limit))
        holds = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right, "=": left == right}
        if not holds[sign]:
            return False
    return True


def rules_for(
    entries: list[dict[str, Any]], scope_name: str, scope_version: str, language: str = ""
) -> tuple[Rule, ...]:
    """Return, in order, the rules that apply to this scope, version and language."""
    chosen = []
    for entry in entries:
        when = entry["when"]
        scopes = tuple(when.get("scope", ()))
        if scopes and not name_matches(scopes, scope_name):
            continue
        if "versions" in when and not version_within(scope_version, when["versions"]):
            continue
        if language not in when.get("language", (language,)):
            continue
        then = entry["then"]
        caveat = then.get("caveat")
        chosen.append(
            Rule(
                has=tuple(when.get("has", ())),
                without=tuple(when.get("without", ())),
                equals=tuple((key, frozenset(values)) for key, values in sorted(when.get("equals", {}).items())),
                missing=tuple(when.get("missing", ())),
                providers=frozenset(when.get("provider", ())),
                names=tuple(when.get("name", ())),
                rename=then.get("rename", {}),
                kind=then.get("kind"),
                operation=then.get("operation"),
                provider=then.get("provider"),
                caveat=(caveat[0], caveat[1]) if caveat else None,
                ignore=then.get("ignore", False),
                drop=tuple(then.get("drop", ())),
                provider_in_model=then.get("provider_in_model", False),
                at_least=tuple(sorted(when.get("at_least", {}).items())),
                like=_patterns(when.get("like", {})),
                not_like=_patterns(when.get("not_like", {})),
                strip_suffix=then.get("strip_suffix", {}),
            )
        )
    return tuple(chosen)


def _patterns(texts: Mapping[str, list[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((key, tuple(patterns)) for key, patterns in sorted(texts.items()))


def remap_fields(values: dict[str, Any], rules: Sequence[Rule]) -> None:
    """Apply `drop`, `rename` and `strip_suffix` of *rules* to *values*."""
    for rule in rules:
        for field in rule.drop:
            values.pop(field, None)
        for field, meaning in rule.rename.items():
            if field in values:
                values[meaning] = values.pop(field)
        for field, end in rule.strip_suffix.items():
            if isinstance(text := values.get(field), str):
                values[field] = text.removesuffix(end)
