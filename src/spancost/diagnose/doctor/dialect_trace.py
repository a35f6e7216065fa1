# SPDX-License-Identifier: Apache-2.0
"""How one span is read: which dialect, by which of its keys, under which of its rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from spancost.core.dialect.inclusive import FIGURES
from spancost.core.dialect.program import TEXTS
from spancost.core.dialect.rule import Rule, rules_for
from spancost.core.reading import Reading
from spancost.core.span import Span

WORDS = ("gen_ai.", "llm.", "ai.", "traceloop.", "openinference.", "langfuse.", "mlflow.", "lmnr.")
"""How attributes begin that speak of model calls: on a span that no dialect reads they are worth a look."""


class Look(NamedTuple):
    """How a span is read. keys: the attributes that hold counts, model and provider. rules: in plain text."""

    dialect: str
    keys: tuple[str, ...]
    rules: tuple[str, ...]


class DialectTrace:
    """Tells how spans are read by the compiled dialects."""

    def __init__(self, compiled: Mapping[str, Any]) -> None:
        self._entries: dict[str, Mapping[str, Any]] = {entry["id"]: entry for entry in compiled["dialects"]}
        self._rules: dict[tuple[str, str, str], list[Rule]] = {}

    def look(self, span: Span, reading: Reading) -> Look:
        """Return how *span* came to say *reading*."""
        entry = self._entries[reading.emitter]
        told = dict(_reporting_keys(entry, span))
        scope = (reading.emitter, span.scope_name, span.scope_version)
        rules = self._rules.get(scope)
        if rules is None:
            rules = self._rules[scope] = list(rules_for(entry.get("rules", []), span.scope_name, span.scope_version))
        holding = (rule for rule in rules if rule.matches(span, reading.provider, told))
        return Look(reading.emitter, tuple(dict.fromkeys(told.values())), tuple(map(_in_words, holding)))


def _reporting_keys(entry: Mapping[str, Any], span: Span) -> Iterator[tuple[str, str]]:
    """Yield each field that the attributes tell, with the attribute that tells it."""
    for field in (*FIGURES, *TEXTS):
        for key in entry["keys"].get(field, ()):
            if key.partition("$")[0] in span.attributes:
                yield field, key.partition("$")[0]
                break


def _in_words(rule: Rule) -> str:
    said = [f"{figure} means {meaning}" for figure, meaning in rule.rename.items()]
    said += [f"{word} = {value}" for word, value in (("kind", rule.kind), ("operation", rule.operation)) if value]
    said += [f"provider = {rule.provider}"] if rule.provider else []
    said += [f"{rule.caveat[0]}: {rule.caveat[1]}"] if rule.caveat else []
    said += ["says nothing of its own"] if rule.ignore else []
    said += [f"without {', '.join(rule.drop)}"] if rule.drop else []
    said += ["the provider stands in the model's name"] if rule.provider_in_model else []
    return ", ".join(said) or "as it stands"
