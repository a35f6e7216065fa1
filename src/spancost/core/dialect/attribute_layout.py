# SPDX-License-Identifier: Apache-2.0
"""How the values that a reading depends on are fetched from spans with one tuple of attribute keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, NamedTuple

from spancost.core.dialect.encoded import MAX_CHARACTERS, parse
from spancost.core.span import Attributes

Fetch = Callable[[Any], tuple[Any, ...]]
Tree = dict[str, Any]
"""Steps of paths inside an encoded attribute; a string stands for a value and is its name: `attribute$path`."""
Encoded = tuple[str, Tree, tuple[str, ...], bool, tuple[str, ...]]
"""An attribute, the tree of its values, words of which its text must hold one, whether it is a provider's answer, and
keys: when each of them has a value, those in the text are not read."""


class AttributeLayout(NamedTuple):
    """What to fetch, and the plans by categorical values.

    encoded: attributes to look into first; *plans* then holds layouts by the names of what is found, which say the
    rest. fields: of the values that vary
    from call to call: `counts` counts, then response id and stated cost. limits, equal: places of varying
    values, each with the number or the values that rules compare it with. is_named: plans depend on the span's name.
    """

    encoded: tuple[Encoded, ...]
    fields: tuple[str, ...] = ()
    counts: int = 0
    varying: Fetch = tuple
    categorical: Fetch = tuple
    limits: tuple[tuple[int, int], ...] = ()
    equal: tuple[tuple[int, frozenset[Any]], ...] = ()
    is_named: bool = False
    plans: dict[Any, Any] = {}  # noqa: RUF012  a default of a tuple; nothing is put into it


UNPLANNED = AttributeLayout(())
"""The layout of spans that have no plans."""


def tree_of(attribute: str, paths: Iterable[tuple[str, ...]]) -> Tree:
    """Return the tree of the values at *paths* inside *attribute*; AttributeError when one is part of another."""
    tree: Tree = {}
    for path in sorted(paths, key=len):
        node = tree
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = f"{attribute}${'.'.join(path)}"
    return tree


def values_inside(attributes: Attributes, encoded: tuple[Encoded, ...]) -> dict[str, Any]:
    """Return the values inside the encoded ones of *attributes*, under names of their own.

    A text that holds none of the words is not parsed, unless it holds `\\u`: JSON may escape the letters of a key.
    Answers of providers are not looked into for that, here as on the slow path.
    """
    found: dict[str, Any] = {}
    for attribute, tree, words, is_answer, instead in encoded:
        if instead and all(map(attributes.__getitem__, instead)):
            continue
        text = attributes[attribute]
        if may_hold(text, words) or (not is_answer and isinstance(text, str) and "\\u" in text):
            _collect(parse(text), tree, found)
    return found


def _collect(content: object, tree: Tree, flat: dict[str, Any]) -> None:
    if isinstance(content, dict):
        for step, value in content.items():
            branch = tree.get(step)
            if branch is not None and value is not None:
                if branch.__class__ is str:
                    flat[branch] = value
                else:
                    _collect(value, branch, flat)


def fetcher(keys: tuple[Any, ...]) -> Fetch:
    """Return what fetches the values of *keys* as a tuple, also of one key or none."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda values: tuple([values[key] for key in keys])


def may_hold(text: object, words: tuple[str, ...]) -> bool:
    """Return whether a provider's answer contains one of *words*; most answers need no parsing."""
    if isinstance(text, str) and len(text) <= MAX_CHARACTERS:
        for word in words:  # a third of the time of `any`
            if word in text:
                return True
    return False
