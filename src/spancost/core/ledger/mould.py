# SPDX-License-Identifier: Apache-2.0
"""What is written on spans that look alike, but for a few numbers: worked out once, from the first of them.

A mould holds for one scope, one order of keys, one combination of words, and the time in which one set of rates holds.
Its cost is that of the full reckoning to the last femto-dollar. Numbers that could make more of a difference than
themselves (parts that exceed totals, a total that tells more, a step reached, nothing to pay) are not for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from operator import mul
from typing import Any

from spancost.core.call import PARTIAL, Cost
from spancost.core.dialect.shape import MAX_COUNT, Frame
from spancost.core.ledger.counting import Counted
from spancost.core.ledger.written import TOKENS, Written
from spancost.core.money import BUCKET_BOUNDS, BUCKET_NAMES, FEMTO_PER_NANO, FEMTO_PER_USD, round_div
from spancost.core.pricing.kernel import Kernel
from spancost.core.pricing.price import Tariff
from spancost.core.semconv import (
    LLM_COST_BUCKET,
    LLM_REQUEST_COST_NANOUSD,
    LLM_REQUEST_COST_USD,
    LLM_REQUEST_ID,
    LLM_TOTAL_TOKENS,
)
from spancost.core.span import Attributes, AttributeValue

_EVER = 1 << 80

_HALF = FEMTO_PER_NANO // 2


class Mould:
    """What spans alike share.

    template: all that is written, in order, with the numbers of the first span in place. from_ns, until_ns: when calls
    must have begun. counts: fetches the numbers from a span, in one order throughout: `coefficients` and `bounds` (sums
    that must not be negative) are in that order, `tokens` pairs attributes with places in it, `within` places of parts
    with those of their totals. input, output: places of the totals, -1 for none. step, limit: the place whose number
    must stay below a limit. call: scope, models and meters told, as in `Counted`; 1 if the cost is in doubt, else 0.
    """

    __slots__ = (
        "bounds",
        "call",
        "coefficients",
        "constant",
        "counts",
        "denominator",
        "from_ns",
        "input",
        "limit",
        "output",
        "response",
        "step",
        "template",
        "tokens",
        "until_ns",
        "within",
    )

    template: dict[str, AttributeValue]
    from_ns: int
    until_ns: int
    counts: Callable[[Attributes], tuple[Any, ...]]
    response: str | None
    constant: int
    denominator: int
    coefficients: tuple[int, ...]
    within: tuple[tuple[int, int], ...]
    bounds: tuple[tuple[int, ...], ...]
    tokens: tuple[tuple[str, int], ...]
    input: int
    output: int
    step: int
    limit: int
    call: tuple[str, frozenset[str], frozenset[str] | None, int]

    def price(self, attributes: Attributes) -> tuple[tuple[Any, ...], int] | None:
        """Return the numbers of a span and its cost in femto-dollars; None when the numbers need the long way."""
        values = self.counts(attributes)
        femto = self.constant
        for value, coefficient in zip(values, self.coefficients, strict=False):
            if value.__class__ is not int or not 0 <= value < MAX_COUNT:
                return None
            femto += value * coefficient
        for part, whole in self.within:
            if values[part] > values[whole]:
                return None
        for bound in self.bounds:
            if sum(map(mul, bound, values)) < 0:
                return None
        if femto == self.constant or values[self.step] >= self.limit:
            return None
        return values, (femto if self.denominator == 1 else round_div(femto, self.denominator))

    def write(self, values: tuple[Any, ...], femto: int, response_id: str | None, written: Written) -> None:
        """Write a call with these numbers, this cost and this response id."""
        written.update(self.template)
        for name, place in self.tokens:
            written[name] = values[place]
        written[LLM_TOTAL_TOKENS] = values[self.input] + (values[self.output] if self.output >= 0 else 0)
        nano, rest = divmod(femto, FEMTO_PER_NANO)
        if rest >= _HALF and (rest > _HALF or nano & 1):
            nano += 1
        written[LLM_REQUEST_COST_USD] = femto / FEMTO_PER_USD
        written[LLM_REQUEST_COST_NANOUSD] = nano
        written[LLM_COST_BUCKET] = BUCKET_NAMES[bisect_right(BUCKET_BOUNDS, femto)]
        if response_id is not None:
            written[LLM_REQUEST_ID] = response_id


def mould_of(
    frame: Frame, tariff: Tariff, cost: Cost, counted: Counted, written: Mapping[str, AttributeValue]
) -> Mould | None:
    """Return the mould of spans in *frame* at *tariff*; None when their input is not stated or a step is not on it."""
    fields = frame.fields
    place = {field: number for number, field in enumerate(fields)}
    if "input_tokens" not in place:
        return None
    steps = [(meter, bound) for meter, bound in tariff.steps if meter in place]
    if len({meter for meter, _ in steps}) > 1:
        return None
    mould = Mould()
    mould.template = dict(written)
    mould.from_ns = -_EVER if tariff.from_ns is None else tariff.from_ns
    mould.until_ns = _EVER if tariff.until_ns is None else tariff.until_ns
    mould.counts, mould.response = frame.counts, frame.response
    kernel = tariff.kernel
    billed = dict(zip(tariff.meters, kernel.coefficients, strict=True))
    mould.constant, mould.denominator = kernel.constant, kernel.denominator
    mould.coefficients = tuple(billed.get(field, 0) for field in fields)
    bounds = _bounds(fields, tariff.meters, kernel)
    pairs = {bound: (bound.index(-1), bound.index(1)) for bound in bounds if sorted(filter(None, bound)) == [-1, 1]}
    mould.within = tuple(pairs.values())
    mould.bounds = tuple(bound for bound in bounds if bound not in pairs)
    mould.tokens = tuple((name, place[meter]) for meter, name in TOKENS if meter in place)
    mould.input, mould.output = place["input_tokens"], place.get("output_tokens", -1)
    mould.step = place[steps[0][0]] if steps else 0
    mould.limit = min(bound for _, bound in steps) if steps else MAX_COUNT
    mould.call = (counted.scope, counted.models, counted.told, int(cost.status == PARTIAL))
    return mould


def _bounds(fields: tuple[str, ...], meters: tuple[str, ...], kernel: Kernel) -> tuple[tuple[int, ...], ...]:
    """Return the sums that must not be negative, each once: the kernel's, and those that prove the figures plain."""

    def vector(parts: Mapping[str, int]) -> tuple[int, ...]:
        return tuple(parts.get(field, 0) for field in fields)

    found = [vector(dict(zip(meters, bound, strict=True))) for bound in kernel.bounds]
    if kernel.zeros:
        found.append(vector({meter: -zero for meter, zero in zip(meters, kernel.zeros, strict=True)}))
    found.append(vector({"input_tokens": 1, "cache_read_tokens": -1, "cache_write_tokens": -1}))
    if "output_tokens" in fields:
        found.append(vector({"output_tokens": 1, "reasoning_tokens": -1}))
        if "total_tokens" in fields:
            for sign in (1, -1):
                found.append(vector({"total_tokens": sign, "input_tokens": -sign, "output_tokens": -sign}))
    return tuple(dict.fromkeys(bound for bound in found if min(bound) < 0))
