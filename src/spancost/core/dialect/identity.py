# SPDX-License-Identifier: Apache-2.0
"""Decides whether two spans may be one call, by data: formats of response ids, detached emitters, processes."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from spancost.core.generational import GenerationalCache
from spancost.core.span import Attributes

_KNOWN_SCOPES = 1024
_HEX = "0123456789abcdef"
_ALNUM = string.ascii_letters + string.digits
_ALPHABETS = {
    "hex": frozenset(_HEX),
    "uuid": frozenset(_HEX + "-"),
    "alnum": frozenset(_ALNUM),
    "url": frozenset(_ALNUM + "-_"),
}
_SMALL, _CAPITAL = frozenset(string.ascii_lowercase), frozenset(string.ascii_uppercase)
_SERVICE = ("service.namespace", "service.name")


class Form(NamedTuple):
    """A form of response ids (semconv/dialects/identity.yaml): members as there, `least` and `most` for `length`."""

    number: int
    prefix: str
    alphabet: frozenset[str]
    least: int
    most: int
    is_mixed: bool
    is_stored: bool


class Identity:
    """Identifies calls by response id, detached emitters by scope, and processes by resource."""

    def __init__(
        self,
        table: Mapping[str, Any],
        detached: Iterable[str],
        replays: Iterable[str] = (),
        nests: Iterable[str] = (),
        beside: Iterable[str] = (),
    ) -> None:
        """Prepare the compiled data: its member `identity`, and the scopes that dialects list in four members."""
        self._distinct: int = table.get("distinct", 0)
        self._forms = tuple(
            Form(
                number,
                form["prefix"],
                _ALPHABETS[form["alphabet"]],
                form["length"][0],
                form["length"][1],
                form.get("mixed", False),
                form.get("stored", False),
            )
            for number, form in enumerate(table.get("response_ids", ()))
        )
        self._processes: tuple[tuple[str, ...], ...] = tuple(tuple(keys) for keys in table.get("process", ()))
        self._detached = tuple(detached)
        self._replays = frozenset(replays)
        self._nests = tuple(nests)
        self._beside = frozenset(beside)
        self._nesting: GenerationalCache[str, bool] = GenerationalCache(_KNOWN_SCOPES)
        self._scopes: GenerationalCache[str, bool] = GenerationalCache(_KNOWN_SCOPES)
        self._last: tuple[Attributes | None, str | None] = (None, None)

    def form(self, response_id: str) -> Form | None:
        """Return the format of an issued id, None for a number, a placeholder or a word."""
        for form in self._forms:
            if response_id.startswith(form.prefix) and form.least <= len(response_id) - len(form.prefix) <= form.most:
                used = set(response_id[len(form.prefix) :])
                is_mixed = not form.is_mixed or bool(used & _SMALL and used & _CAPITAL)
                if is_mixed and used <= form.alphabet and len(used) >= self._distinct:
                    return form
        return None

    def is_detached(self, scope: str) -> bool:
        """Return whether this emitter may report a call in a separate trace."""
        known = self._scopes.get(scope)
        if known is None:
            known = _matches(scope, self._detached)
            self._scopes.set(scope, known)
        return known

    def replays(self, scope: str) -> bool:
        """Whether this emitter reports an answer from the application's own cache as a call, with the first's id."""
        return scope in self._replays

    def is_beside(self, scope: str) -> bool:
        """Whether this emitter wraps clients, and its span of a call is a sibling of the span of another emitter."""
        return scope in self._beside

    def nests(self, scope: str) -> bool:
        """Whether this emitter may report one call on spans above one another."""
        known = self._nesting.get(scope)
        if known is None:
            known = _matches(scope, self._nests)
            self._nesting.set(scope, known)
        return known

    def process(self, resource: Attributes | None) -> str | None:
        """Return a string that identifies the process, None when *resource* does not show it."""
        if resource is None:
            return None
        last, found = self._last
        if last is not resource:
            found = self._process(resource)
            self._last = (resource, found)
        return found

    def _process(self, resource: Attributes) -> str | None:
        for number, keys in enumerate(self._processes):
            values = [_text(resource.get(key)) for key in keys]
            if all(values):
                return "\0".join((str(number), *(_text(resource.get(key)) for key in _SERVICE), *values))
        return None


def _matches(scope: str, patterns: Iterable[str]) -> bool:
    return any(scope.startswith(pattern[:-1]) if pattern.endswith("*") else scope == pattern for pattern in patterns)


def _text(value: object) -> str:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


NO_IDENTITY = Identity({}, ())
"""Has no id format, detached emitter or process: spans of different traces are different calls."""
