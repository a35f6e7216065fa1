# SPDX-License-Identifier: Apache-2.0
"""Selects the dialect of a span and reads it. Dialects are data: `semconv/dialects/`, compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spancost.core.dialect.failure import Failures
from spancost.core.dialect.identity import Identity
from spancost.core.dialect.program import MARKING_FIELDS, Names, Program
from spancost.core.dialect.rule import name_matches
from spancost.core.generational import GenerationalCache
from spancost.core.reading import Reading
from spancost.core.span import Span

FORMAT = 1
"""The supported format of compiled dialects."""

_KNOWN_SCOPES = 1024
_OWN_FIRST = 1 << 20


class DialectError(ValueError):
    """The compiled dialects have an unsupported format."""


class Dialects:
    """All dialects, prepared to read spans.

    markers: a span of a model call has at least one of these keys. identity: decides that spans of
    different traces may be one call. record_keys: what the record of a call takes from a span
    (`semconv/dialects/record.yaml`).
    """

    def __init__(self, compiled: Mapping[str, Any], names: Names, *, read_responses: bool = True) -> None:
        """Prepare the compiled dialects.

        read_responses: where an emitter reports tokens and put the provider's answer into an attribute, figures that it
        reports nowhere else are taken from that answer's usage member; nothing else of it is kept.
        """
        if compiled.get("format") != FORMAT:
            raise DialectError(f"compiled dialects: format is {compiled.get('format')!r}, expected {FORMAT}")
        self._names = names
        self._read_responses = read_responses
        self._entries: list[dict[str, Any]] = compiled["dialects"]
        self._by_id = {entry["id"]: entry for entry in self._entries}
        self._programs: GenerationalCache[tuple[str, str, str, str], Program] = GenerationalCache(_KNOWN_SCOPES)
        self._scopes: GenerationalCache[str, str] = GenerationalCache(_KNOWN_SCOPES)
        self._detect_by: list[tuple[frozenset[str], str]] = [
            (frozenset(entry["detect_by"]), str(entry["id"])) for entry in self._entries if entry.get("detect_by")
        ]
        self._detect_always = [
            (key, str(entry["id"])) for entry in self._entries for key in entry.get("detect_always", ())
        ]
        self._detect_by_keys = frozenset(key for keys, _ in self._detect_by for key in keys)
        self._by_keys_found: GenerationalCache[frozenset[str], str] = GenerationalCache(_KNOWN_SCOPES)
        self._detect_always_keys = frozenset(key for key, _ in self._detect_always)
        self._by_scope: GenerationalCache[tuple[str, str, str], Program] = GenerationalCache(_KNOWN_SCOPES)
        self._fallback: str = compiled["fallback"]
        self._default_providers: list[tuple[str, str]] = compiled.get("default_providers", [])
        self._failures = Failures(compiled["errors"])
        self._two_sided: frozenset[str] = frozenset(compiled.get("two_sided", ()))
        self._costs_without_usage: frozenset[str] = frozenset(compiled.get("costs_without_usage", ()))
        self._input_without_cache: frozenset[str] = frozenset(compiled.get("input_without_cache", ()))
        self.record_keys: Mapping[str, Any] = compiled.get("record", {})
        self.identity = Identity(
            compiled.get("identity", {}),
            (scope for entry in self._entries for scope in entry.get("detached", ())),
            (scope for entry in self._entries for scope in entry.get("replays", ())),
            (scope for entry in self._entries for scope in entry.get("nests", ())),
            (scope for entry in self._entries for scope in entry.get("beside", ())),
        )
        self.markers: frozenset[str] = frozenset(
            key.partition("$")[0]
            for entry in self._entries
            for field, keys in entry["keys"].items()
            if field in MARKING_FIELDS
            for key in keys
        )

    def read(self, span: Span) -> Reading | None:
        """Return the reading of a model call on *span*, None when it has none.

        Never raises, whatever the attributes contain; a value of a wrong type adds a caveat to the reading.
        """
        if self.markers.isdisjoint(span.attributes):
            return None
        return self.program(span).read(span)

    def may_be_billed(self, span: Span, reading: Reading) -> bool:
        """Return whether a failed call without usage may have been billed."""
        return self._failures.may_be_billed(span.attributes, span.raised, reading.response_id)

    def program(self, span: Span) -> Program:
        """Return the tables and rules by which *span* is read."""
        scope = (span.scope_name, span.scope_version, span.language)
        if self._detect_always_keys.isdisjoint(span.attributes):
            known = self._by_scope.get(scope)
            if known is not None:
                return known
            dialect = self._scopes.get(span.scope_name)
        else:
            dialect = next(chosen for key, chosen in self._detect_always if key in span.attributes)
        if dialect is None:
            dialect = self._dialect_of_scope(span.scope_name)
            self._scopes.set(span.scope_name, dialect)
        needs_keys = not dialect
        if needs_keys:
            dialect = self._dialect_of_keys(span)
        key = (dialect, *scope)
        program = self._programs.get(key)
        if program is None:
            program = Program(
                self._by_id[dialect],
                scope,
                self._names,
                self._read_responses,
                self._two_sided,
                self._input_without_cache,
                self._costs_without_usage,
                self._default_provider(dialect, span.scope_name),
            )
            self._programs.set(key, program)
        if not needs_keys and self._detect_always_keys.isdisjoint(span.attributes):
            self._by_scope.set(scope, program)
        return program

    def source(self, span: Span) -> tuple[str, str, tuple[str, ...]] | None:
        """Return the id of the span's or record's dialect, the signal that it prefers, and the keys of its session.

        None when its emitter is not known to report calls as spans and as log records of its own.
        """
        entry = self._by_id[self.program(span).id]
        source = entry.get("source")
        return (entry["id"], source["prefer"], tuple(source["session"])) if source else None

    def _dialect_of_scope(self, scope_name: str) -> str:
        """Return the dialect whose scope pattern fits best (the longest one), "" when none does."""
        best, chosen = -1, ""
        for entry in self._entries:
            for pattern in entry["scopes"]:
                rank = len(pattern) + _OWN_FIRST * entry.get("is_own", False)
                if rank > best and name_matches((pattern,), scope_name):
                    best, chosen = rank, entry["id"]
        return chosen

    def _default_provider(self, dialect: str, scope_name: str) -> str | None:
        """Return the configured provider of calls whose spans name none."""
        fitting = [pair for pair in self._default_providers if name_matches((pair[0],), scope_name)]
        longest = max(fitting, key=lambda pair: len(pair[0]), default=("", None))[1]
        return self._names.canonical(longest or self._by_id[dialect].get("provider"))

    def _dialect_of_keys(self, span: Span) -> str:
        """Return the first dialect with a `detect_by` key on the span, for a span of an unknown scope."""
        found = self._detect_by_keys.intersection(span.attributes)
        dialect = self._by_keys_found.get(found)
        if dialect is None:
            dialect = next(
                (dialect_id for keys, dialect_id in self._detect_by if not keys.isdisjoint(found)), self._fallback
            )
            self._by_keys_found.set(found, dialect)
        return dialect
