# SPDX-License-Identifier: Apache-2.0
"""Reports which dialect, attributes and rules read a span."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from spancost.core.dialect.inclusive import FIGURES
from spancost.core.dialect.program import TEXTS
from spancost.core.dialect.rule import Rule, rules_for
from spancost.core.reading import Reading
from spancost.core.span import Span

CALL_PREFIXES = ("gen_ai.", "llm.", "ai.", "traceloop.", "openinference.", "langfuse.", "mlflow.", "lmnr.")
"""Prefixes of attributes about model calls. On a span that no dialect reads, they give a warning."""


class ReadingSource(NamedTuple):
    """How a span is read. keys: attributes with counts, model and provider. rules: the matching rules, as text."""

    dialect: str
    keys: tuple[str, ...]
    rules: tuple[str, ...]


class DialectTrace:
    """Explains how the compiled dialects read spans."""

    def __init__(self, compiled: Mapping[str, Any]) -> None:
        self._entries: dict[str, Mapping[str, Any]] = {entry["id"]: entry for entry in compiled["dialects"]}
        self._rules: dict[tuple[str, str, str], list[Rule]] = {}

    def source_of(self, span: Span, reading: Reading) -> ReadingSource:
        """Return the dialect, keys and rules that produced *reading* from *span*."""
        entry = self._entries[reading.emitter]
        reported = dict(_reporting_keys(entry, span))
        scope = (reading.emitter, span.scope_name, span.scope_version)
        rules = self._rules.get(scope)
        if rules is None:
            rules = self._rules[scope] = list(rules_for(entry.get("rules", []), span.scope_name, span.scope_version))
        matching = (rule for rule in rules if rule.matches(span, reading.provider, reported))
        return ReadingSource(reading.emitter, tuple(dict.fromkeys(reported.values())), tuple(map(_as_text, matching)))


def _reporting_keys(entry: Mapping[str, Any], span: Span) -> Iterator[tuple[str, str]]:
    """Yield each reported field with the attribute that reports it."""
    for field in (*FIGURES, *TEXTS):
        for key in entry["keys"].get(field, ()):
            if key.partition("$")[0] in span.attributes:
                yield field, key.partition("$")[0]
                break


def _as_text(rule: Rule) -> str:
    effects = [f"{figure} means {meaning}" for figure, meaning in rule.rename.items()]
    effects += [f"{name} = {value}" for name, value in (("kind", rule.kind), ("operation", rule.operation)) if value]
    effects += [f"provider = {rule.provider}"] if rule.provider else []
    effects += [f"{rule.caveat[0]}: {rule.caveat[1]}"] if rule.caveat else []
    effects += ["ignored"] if rule.ignore else []
    effects += [f"without {', '.join(rule.drop)}"] if rule.drop else []
    effects += ["provider taken from the model's name"] if rule.provider_in_model else []
    return ", ".join(effects) or "no change"
