# SPDX-License-Identifier: Apache-2.0
"""What is written on spans that look alike, but for a few numbers: worked out once, from the first of them.

A mould holds for one scope, one order of keys, one combination of words, and the time in which one set of rates holds.
Its cost is that of the full reckoning to the last femto-dollar. Numbers that could make more of a difference than
themselves (parts that exceed totals, a total that tells more, a step reached, nothing to pay) are not for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from spancost.core.call import PARTIAL, Cost
from spancost.core.dialect.shape import MAX_COUNT, Frame
from spancost.core.ledger.memory import Counted
from spancost.core.ledger.pouring import Build, Given, straight, values_of
from spancost.core.ledger.written import TOKENS
from spancost.core.pricing.kernel import Kernel
from spancost.core.pricing.price import Tariff
from spancost.core.span import Attributes, AttributeValue

_EVER = 1 << 80
PARTS = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")

Poured: TypeAlias = "tuple[int, int | None, str | None, int, dict[str, AttributeValue], tuple[int | None, ...]]"
"""A call's input and output tokens, its response id, its cost in femto-dollars, all that is written on its span, and
its cached, written and reasoning tokens."""


class Mould(NamedTuple):
    """What spans alike share.

    from_ns, until_ns: when calls must have begun. call: scope, models, meters told and provider, as in `Counted`;
    whether the emitter is detached; 1 if the cost is in doubt, else 0. pour: gives what a span's numbers make; None
    when they need the long way.
    """

    from_ns: int
    until_ns: int
    call: tuple[str, frozenset[str], frozenset[str] | None, str | None, bool, int]
    pour: Callable[[Attributes], Poured | None]


def mould_of(
    frame: Frame, tariff: Tariff, cost: Cost, counted: Counted, is_detached: bool, written: Mapping[str, AttributeValue]
) -> Mould | None:
    """Return the mould of spans in *frame* at *tariff*; None when their input is not stated or a step is not on it.

    written: what was worked out in full for the first of these spans.
    """
    place = {field: number for number, field in enumerate(frame.fields)}
    if "input_tokens" not in place or ("total_tokens" in place and "output_tokens" not in place):
        return None
    steps = [(place[meter], bound) for meter, bound in tariff.steps if meter in place]
    if len({meter for meter, _ in steps}) > 1:
        return None
    kernel = tariff.kernel
    if not place.keys() >= set(tariff.meters):
        return None
    billed = {place[meter]: rate for meter, rate in zip(tariff.meters, kernel.coefficients, strict=True) if rate}
    tokens = {name: place[meter] for meter, name in TOKENS if meter in place}
    entered, left = place["input_tokens"], place.get("output_tokens", -1)
    build = Build(
        fields=len(place),
        billed=tuple(sorted(billed)),
        is_divided=kernel.denominator != 1,
        bounds=_bounds(frame.fields, tariff.meters, kernel),
        stepped=steps[0][0] if steps else 0,
        has_id=frame.response is not None,
        input=entered,
        output=left,
        parts=tuple(place.get(meter, -1) for meter in PARTS),
        values=values_of(written, tokens, entered, left),
    )
    given = Given(
        keys=frame.keys,
        id_key=frame.response,
        constant=kernel.constant,
        denominator=kernel.denominator,
        coefficients=tuple(billed.get(number, 0) for number in place.values()),
        limit=min((bound for _, bound in steps), default=MAX_COUNT),
        written=tuple(written.items()),
    )
    return Mould(
        -_EVER if tariff.from_ns is None else tariff.from_ns,
        _EVER if tariff.until_ns is None else tariff.until_ns,
        (counted.scope, counted.models, counted.told, counted.provider, is_detached, int(cost.status == PARTIAL)),
        straight(build, given),
    )


def _bounds(fields: tuple[str, ...], meters: tuple[str, ...], kernel: Kernel) -> tuple[tuple[int, ...], ...]:
    """Return the sums that must not be negative, each once: the kernel's, and those that prove the figures plain."""

    def vector(parts: Mapping[str, int]) -> tuple[int, ...]:
        return tuple(parts.get(field, 0) for field in fields)

    found = [vector(dict(zip(meters, bound, strict=True))) for bound in kernel.bounds]
    found.append(vector({"input_tokens": 1, "cache_read_tokens": -1, "cache_write_tokens": -1}))
    if "output_tokens" in fields:
        found.append(vector({"output_tokens": 1, "reasoning_tokens": -1}))
        if "total_tokens" in fields:
            for sign in (1, -1):
                found.append(vector({"total_tokens": sign, "input_tokens": -sign, "output_tokens": -sign}))
    return tuple(dict.fromkeys(bound for bound in found if min(bound) < 0))
