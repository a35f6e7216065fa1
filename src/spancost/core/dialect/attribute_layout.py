# SPDX-License-Identifier: Apache-2.0
"""How the values that a reading depends on are fetched from spans with one tuple of attribute keys.

Each value comes from an attribute, or from a path inside an encoded one. Values that differ from call to call (counts,
ids, durations, costs) are fetched apart from the categorical ones, which select a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from spancost.core.dialect.encoded import MAX_CHARACTERS, get_path, parse
from spancost.core.dialect.scalars import is_less
from spancost.core.span import Attributes

Fetch = Callable[[Attributes], tuple[Any, ...]]
Inner = Mapping[str, Sequence[tuple[int, tuple[str, ...], bool]]]
"""By the first step of a path: the place of the source, the rest of the path, and whether the value varies."""
Encoded = tuple[str, int, Inner, tuple[str, ...]]
"""An attribute, the number of its sources, these, and the words of which a provider's answer must hold one."""


class Source(NamedTuple):
    """Where the value of a field may be: in *attribute*, at *path* when that is encoded. The least rank wins."""

    attribute: str
    path: tuple[str, ...]
    field: str
    rank: int
    is_answer: bool = False


class AttributeLayout(NamedTuple):
    """What to fetch, and the plans by categorical values.

    sources: of the values that vary and of those inside encoded attributes, in order. is_named: plans depend on the
    name of the span. empty_values: texts that stand for no value. bounds: places of values, each with a number that
    rules compare it with. equal: keys of varying values, each with the values that rules look for.
    less: pairs of places of amounts that are compared.
    """

    sources: tuple[Source, ...]
    is_named: bool
    plain: Fetch
    categorical: Fetch
    encoded: tuple[Encoded, ...]
    empty_values: tuple[str, ...]
    bounds: tuple[tuple[int, int], ...]
    equal: tuple[tuple[str, frozenset[Any]], ...]
    less: tuple[tuple[int, int], ...]
    plans: dict[Any, Any]

    def fetch(self, attributes: Attributes) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return the values of `sources`, and the categorical ones, among them which of the former are there."""
        _, _, plain, fixed, encoded, empty_values, bounds, equal, less, _ = self
        values, categorical = plain(attributes), fixed(attributes)
        if empty_values:
            categorical += tuple(value in empty_values for value in values)
        for attribute, number, inner, words in encoded:
            text, found, present = attributes[attribute], [None] * number, []
            content = parse(text) if not words or may_hold(text, words) else None
            if isinstance(content, dict):
                for key, held in content.items():
                    for place, rest, varies in inner.get(key, ()):
                        value = get_path(held, rest)
                        if value is not None:
                            found[place] = value
                            present.append(place if varies else (place, value))
            values += tuple(found)
            categorical += (tuple(present),)
        if bounds:
            categorical += tuple([values[at].__class__ is int and values[at] >= least for at, least in bounds])
        for key, wanted in equal:
            value = attributes[key]
            is_wanted = isinstance(value, (str, bool, int)) and value in wanted
            categorical += ((value.__class__, value) if is_wanted else None,)
        for at, beside in less:
            categorical += (is_less(values[at], values[beside]),)
        return values, categorical


def fetcher(keys: tuple[str, ...]) -> Fetch:
    """Return what fetches the values of *keys* as a tuple, also of one key or none."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda attributes: tuple([attributes[key] for key in keys])


def may_hold(text: object, words: tuple[str, ...]) -> bool:
    """Return whether a provider's answer contains one of *words*; most answers need no parsing."""
    return isinstance(text, str) and len(text) <= MAX_CHARACTERS and any(word in text for word in words)
