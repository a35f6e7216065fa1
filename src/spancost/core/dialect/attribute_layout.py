# SPDX-License-Identifier: Apache-2.0
"""How the values that matter are fetched from spans with one tuple of attribute keys.

An emitter's spans have few sets of keys. For each set, one layout says which attributes hold counts, which hold
categorical values (model, operation, host), and which holds the response id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from spancost.core.dialect.fields import COUNTED
from spancost.core.span import Attributes

Fetch = Callable[[Attributes], tuple[Any, ...]]
Thresholds = tuple[tuple[tuple[str, int], ...], ...]
"""For each rule with a least number: the fields that must reach it, each with that number."""
Equal = tuple[tuple[str, frozenset[Any]], ...]
"""Keys of counts and ids whose value rules compare, each with the values that matter."""


class Fetched(NamedTuple):
    """What a span holds.

    fields: count fields, in order. counts: their values. categorical: everything else that a reading depends on.
    response_id, duration: as they stand, None when absent.
    """

    fields: tuple[str, ...]
    counts: tuple[Any, ...]
    categorical: tuple[Any, ...]
    response_id: Any
    duration: Any


class DirectLayout:
    """Every value is an attribute of its own.

    counts: field -> key. categorical: keys. response_id, duration: keys, None when absent.
    """

    __slots__ = ("_categorical", "_counts", "_duration", "_equal", "_response_id", "_thresholds", "fields")

    def __init__(
        self,
        counts: Mapping[str, str],
        categorical: tuple[str, ...],
        response_id: str | None,
        duration: str | None,
        thresholds: Thresholds,
        equal: Equal,
    ) -> None:
        self.fields = tuple(counts)
        self._counts = fetcher(tuple(counts.values()))
        self._categorical = fetcher(categorical)
        self._response_id = response_id
        self._duration = duration
        self._thresholds = thresholds
        self._equal = equal

    def fetch(self, attributes: Attributes) -> Fetched:
        """Return what *attributes*, which have the keys of this layout, hold."""
        counts, categorical = self._counts(attributes), self._categorical(attributes)
        if self._thresholds:
            categorical += reached(self._thresholds, dict(zip(self.fields, counts, strict=True)))
        if self._equal:
            categorical += compared(self._equal, attributes)
        return Fetched(
            self.fields,
            counts,
            categorical,
            None if self._response_id is None else attributes[self._response_id],
            None if self._duration is None else attributes[self._duration],
        )


class GatheredLayout:
    """Some values are inside encoded attributes: the dialect gathers them all.

    gather: returns field -> value. asked: keys whose values rules ask for. numbers: fields that only differ in amount.
    """

    __slots__ = ("_asked", "_equal", "_gather", "_numbers", "_thresholds")

    def __init__(
        self,
        gather: Callable[[Attributes], dict[str, Any]],
        asked: tuple[str, ...],
        numbers: frozenset[str],
        thresholds: Thresholds,
        equal: Equal,
    ) -> None:
        self._gather = gather
        self._asked = fetcher(asked)
        self._numbers = numbers
        self._thresholds = thresholds
        self._equal = equal

    def fetch(self, attributes: Attributes) -> Fetched:
        """Return what *attributes*, which have the keys of this layout, hold."""
        found = self._gather(attributes)
        response_id = found.get("response_id")
        fields = tuple(field for field in found if field in COUNTED)
        others = [(field, value) for field, value in found.items() if field not in self._numbers]
        return Fetched(
            fields,
            tuple(found[field] for field in fields),
            (
                tuple(found),
                *((field, tuple(value) if isinstance(value, list) else value) for field, value in others),
                *self._asked(attributes),
                *reached(self._thresholds, found),
                *compared(self._equal, attributes),
            ),
            response_id,
            found.get("duration_seconds"),
        )


Layout = DirectLayout | GatheredLayout


def fetcher(keys: tuple[str, ...]) -> Fetch:
    """Return what fetches the values of *keys* as a tuple, also of one key or none."""
    if len(keys) > 1:
        return itemgetter(*keys)
    if keys:
        only = keys[0]
        return lambda attributes: (attributes[only],)
    return lambda attributes: ()


def reached(thresholds: Thresholds, values: Mapping[str, Any]) -> tuple[bool, ...]:
    """Return for each threshold whether every field reaches its least number."""
    return tuple(
        all(isinstance(values.get(field), (int, float)) and values[field] >= least for field, least in threshold)
        for threshold in thresholds
    )


def compared(equal: Equal, attributes: Attributes) -> tuple[Any, ...]:
    """Return for each key its value when that is one that matters, with its type, else None."""
    return tuple(
        (value.__class__, value) if isinstance(value := attributes[key], (str, bool, int)) and value in values else None
        for key, values in equal
    )
