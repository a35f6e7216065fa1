# SPDX-License-Identifier: Apache-2.0
"""The functions of moulds, made of text (core/straight) once for all moulds of the same build."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from spancost.core.dialect.shape import MAX_COUNT, is_plain_id
from spancost.core.money import BUCKET_BOUNDS, BUCKET_NAMES, FEMTO_PER_NANO, FEMTO_PER_USD, MOST_NANO, round_div
from spancost.core.semconv import (
    LLM_COST_BUCKET,
    LLM_REQUEST_COST_NANOUSD,
    LLM_REQUEST_COST_USD,
    LLM_REQUEST_ID,
    LLM_TOTAL_TOKENS,
)
from spancost.core.straight import is_odd, is_short, made

_BUILDS_KEPT = 256
_WORKED_OUT = {
    LLM_REQUEST_COST_USD: f"cost / {FEMTO_PER_USD}",
    LLM_REQUEST_COST_NANOUSD: "nano",
    LLM_COST_BUCKET: "names_of_buckets[bisect(bounds_of_buckets, cost)]",
    LLM_REQUEST_ID: "response_id",
}


class Build(NamedTuple):
    """What the text of a function depends on; numbers are places among the fields.

    fields: how many counts are fetched. billed: those with a coefficient. is_divided: whether the sum has a
    denominator. bounds: sums, as signs in the order of the fields, that must not be negative. stepped: the count that
    must stay below a limit. has_id: whether a response id is fetched. input, output: the totals; output -1 for none.
    parts: those of the input and output that calls are compared by; -1 for none.
    values: what is written, in order: an expression, or "" for what is the same on all.
    """

    fields: int
    billed: tuple[int, ...]
    is_divided: bool
    bounds: tuple[tuple[int, ...], ...]
    stepped: int
    has_id: bool
    input: int
    output: int
    parts: tuple[int, ...]
    values: tuple[str, ...]


class Given(NamedTuple):
    """What a function of some build is given: see `Build` and `core/ledger/mould.py`."""

    keys: tuple[str, ...]
    id_key: str | None
    constant: int
    denominator: int
    coefficients: tuple[int, ...]
    limit: int
    written: tuple[tuple[str, Any], ...]


def values_of(written: Mapping[str, Any], tokens: Mapping[str, int], input: int, output: int) -> tuple[str, ...]:
    """Return how each attribute of *written* is worked out for another span; *tokens*: places of counts by name."""
    total = f"v{input}" if output < 0 else f"v{input} + v{output}"
    made = {**_WORKED_OUT, LLM_TOTAL_TOKENS: total, **{name: f"v{place}" for name, place in tokens.items()}}
    return tuple(made.get(name, "") for name in written)


def straight(build: Build, given: Given) -> Callable[[Mapping[str, Any]], Any]:
    """Return the function of one mould: attributes in, `Poured` out, None when these numbers need the long way."""
    function: Callable[[Mapping[str, Any]], Any] = _maker(build)(given)
    return function


@lru_cache(maxsize=_BUILDS_KEPT)
def _maker(build: Build) -> Callable[[Given], Any]:
    """Return what makes functions of a build; a tenth of a second for all that a program ever needs."""
    return made(
        _text(build),
        bisect=bisect_right,
        bounds_of_buckets=BUCKET_BOUNDS,
        names_of_buckets=BUCKET_NAMES,
        is_plain_id=is_plain_id,
        round_div=round_div,
    )


def _text(build: Build) -> Iterator[str]:
    places = range(build.fields)
    yield "def make(given):"
    yield "    keys, id_key, constant, denominator, coefficients, limit, written = given"
    yield "".join(f"    k{place} = keys[{place}]\n" for place in places)
    yield "".join(f"    c{place} = coefficients[{place}]\n" for place in build.billed)
    yield "".join(f"    n{place}, t{place} = written[{place}]\n" for place in range(len(build.values)))
    yield "    def pour(attributes):"
    yield "".join(f"        v{place} = attributes[k{place}]\n" for place in places)
    for test in _odd(build):
        yield f"        if {test}: return None"
    if build.has_id:
        yield "        response_id = attributes[id_key]"
        yield "        if not is_plain_id(response_id): return None"
    yield f"        cost = {' + '.join(['constant', *(f'v{place} * c{place}' for place in build.billed)])}"
    yield "        if cost == constant: return None"
    if build.is_divided:
        yield "        cost = round_div(cost, denominator)"
    yield f"        nano, rest = divmod(cost, {FEMTO_PER_NANO})"
    half = FEMTO_PER_NANO // 2
    yield f"        if rest >= {half} and (rest > {half} or nano & 1): nano += 1"
    yield f"        if nano > {MOST_NANO}: nano = {MOST_NANO}"
    output = f"v{build.output}" if build.output >= 0 else "None"
    pairs = ", ".join(f"n{place}: {text or f't{place}'}" for place, text in enumerate(build.values))
    parts = ", ".join("None" if place < 0 else f"v{place}" for place in build.parts)
    response_id = "response_id" if build.has_id else "None"
    yield f"        return v{build.input}, {output}, {response_id}, cost, {{{pairs}}}, ({parts})"
    yield "    return pour"


def _odd(build: Build) -> Iterator[str]:
    """Yield what must not hold of the numbers."""
    for place in range(build.fields):
        yield is_odd(place, MAX_COUNT - 1)
    for bound in build.bounds:
        yield is_short(bound)
    yield f"v{build.stepped} >= limit"
