# SPDX-License-Identifier: Apache-2.0
"""Functions without loops or look-ups, made of text, as dataclasses make theirs.

What is done for every call is a few multiplications and comparisons; half of the time of doing it step by step would go
into deciding what to do next. The text holds only names made by us and whole numbers of ours: what comes from a span or
a card (keys, words, rates) is handed to the function that the text makes, as a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


def made(lines: Iterable[str], **names: Any) -> Callable[..., Any]:
    """Return the function `make` that the text defines; *names* are what it may use beside builtins."""
    exec("\n".join(lines), names)
    maker: Callable[..., Any] = names["make"]
    return maker


def is_odd(place: int, most: int) -> str:
    """Return text that holds when the variable v*place* is no whole number from 0 to *most*."""
    return f"v{place}.__class__ is not int or not 0 <= v{place} <= {most}"


def is_short(bound: tuple[int, ...]) -> str:
    """Return text that holds when the sum of v0, v1 … times the numbers in *bound* is negative."""
    return f"{' + '.join(_terms(bound, 1)) or '0'} < {' + '.join(_terms(bound, -1)) or '0'}"


def _terms(bound: tuple[int, ...], sign: int) -> Iterator[str]:
    for place, factor in enumerate(bound):
        if factor * sign > 0:
            yield f"v{place}" if abs(factor) == 1 else f"{abs(factor)} * v{place}"
