# SPDX-License-Identifier: Apache-2.0
"""What spans that look alike have in common, worked out once.

An emitter's spans have few sets of keys (shapes), and under one shape few combinations of words (models, operations,
hosts). Only counts and response ids differ from call to call; a `Frame` holds everything else. A span with anything odd
about it (a count that is no whole number, an encoded attribute, a reported cost) has no frame and is read in full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from spancost.core.call import Quantity
from spancost.core.dialect.inclusive import inclusive
from spancost.core.reading import Reading
from spancost.core.recent import Recent

SHAPES_KEPT = 128
FRAMES_KEPT = 512
MAX_COUNT = 1 << 60

_reading = partial(tuple.__new__, Reading)  # a third of the time of Reading(...)
PLAIN = frozenset(
    ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "total_tokens")
)
"""Counts that stand for themselves, as long as no part exceeds its whole and the total is input and output."""


class Frame(NamedTuple):
    """A reading without its counts and its response id: those are fetched from the span.

    says: the reading, None when spans like this say nothing. fields: what `counts` fetches, in order. keys: the
    attributes that hold them. response: the attribute that holds the response id, if any. is_plain: all fields are
    meters as they stand. before, after: the reading's values before its usage and after its response id.
    """

    says: Reading | None
    fields: tuple[str, ...] = ()
    counts: Callable[[Mapping[str, Any]], tuple[Any, ...]] = tuple
    response: str | None = None
    is_plain: bool = False
    before: tuple[Any, ...] = ()
    after: tuple[Any, ...] = ()
    keys: tuple[str, ...] = ()


class Shape:
    """The keys of a span that matter: how to fetch the words under them, and the frames for the words seen so far.

    words: None when spans of this shape are to be read in full. responses: attributes that may hold a provider's
    answer, each with the words of the figures that nothing else of this shape tells; a span that holds one is read in
    full.
    """

    __slots__ = ("frames", "keys", "responses", "words")

    def __init__(
        self,
        words: Callable[[Mapping[str, Any]], tuple[Any, ...]] | None,
        keys: frozenset[str],
        responses: tuple[tuple[str, frozenset[str]], ...] = (),
    ) -> None:
        self.words = words
        self.keys = keys
        self.responses = responses
        self.frames: Recent[tuple[Any, ...], Frame] = Recent(FRAMES_KEPT)


def fetcher(keys: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return what fetches the values of *keys* as a tuple, also of one key or none."""
    if len(keys) > 1:
        return itemgetter(*keys)
    if keys:
        only = keys[0]
        return lambda attributes: (attributes[only],)
    return lambda attributes: ()


def with_floors(
    fetch: Callable[[Mapping[str, Any]], tuple[Any, ...]], floors: tuple[tuple[tuple[str, int], ...], ...]
) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return *fetch* with a word more for each of *floors*: whether its keys hold whole numbers that reach it."""

    def words(attributes: Mapping[str, Any]) -> tuple[Any, ...]:
        found = fetch(attributes)
        for floor in floors:
            for key, least in floor:
                value = attributes[key]
                if value.__class__ is not int or value < least:
                    found += (False,)
                    break
            else:
                found += (True,)
        return found

    return words if floors else fetch


def frame_of(reading: Reading | None, counts: Mapping[str, str], response: str | None) -> Frame:
    """Return the frame of spans that read as *reading*; *counts* maps count fields to the attributes that hold them."""
    fields, keys = tuple(counts), tuple(counts.values())
    return Frame(reading, fields, fetcher(keys), response, PLAIN.issuperset(fields), *_around(reading), keys)


def _around(reading: Reading | None) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    if reading is None:
        return (), ()
    return reading[: Reading._fields.index("usage")], reading[Reading._fields.index("response_id") + 1 :]


def fill(frame: Frame, says: Reading, attributes: Mapping[str, Any]) -> Reading | None:
    """Return *says* with the counts and the response id of one span, None when they must be read in full."""
    response_id = None
    if frame.response is not None:
        response_id = attributes[frame.response]
        if not is_plain_id(response_id):
            return None
    values = frame.counts(attributes)
    for value in values:
        if type(value) is not int or not 0 <= value < MAX_COUNT:
            return None
    if not any(values):
        return None
    usage: dict[str, Quantity] = dict(zip(frame.fields, values, strict=False))
    if frame.is_plain and _adds_up(usage):
        usage.pop("total_tokens", None)
    else:
        usage, split = inclusive(usage)
        if split is not None or usage.keys() != says.usage.keys():
            return None
    return _reading((*frame.before, usage, says.request_model, response_id, *frame.after))


def is_plain_id(value: Any) -> bool:
    """Whether a response id stands for itself: it is a text, and not one of another value."""
    return type(value) is str and value != "" and value[0] not in "\"['"


def _adds_up(figures: dict[str, Quantity]) -> bool:
    """Whether these figures prove nothing but themselves, so that `inclusive` would only leave out their total."""
    get = figures.get
    entered, left = get("input_tokens"), get("output_tokens")
    if entered is None or left is None:
        return False
    if len(figures) == 2:
        return True
    return (
        get("cache_read_tokens", 0) + get("cache_write_tokens", 0) <= entered
        and get("reasoning_tokens", 0) <= left
        and get("total_tokens", entered + left) == entered + left
    )
