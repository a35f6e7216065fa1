# SPDX-License-Identifier: Apache-2.0
"""The short way of a span that looks like one seen before: what is written on both differs in a few numbers.

Law: a cast is what the ledger works out in full, to the last femto-dollar and in the same order, or there is none. A
mould is made of a span that was worked out in full, and kept only when it gives that span's answer again. It holds for
one scope, one order of keys, one combination of words, and the time in which one set of rates holds. Whatever the
numbers of a span could make different (parts that exceed totals, a step, nothing to pay, tokens or a response id that
were counted lately, calls beneath, a parent that waits for its figures) has no cast and goes the long way.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from operator import mul
from typing import Any, NamedTuple

from spancost.core import semconv as names
from spancost.core.call import PARTIAL, Call, Cost
from spancost.core.counting import Counted
from spancost.core.dialect import Dialects
from spancost.core.dialect_shape import MAX_COUNT, PLAIN, Frame
from spancost.core.kernel import Kernel
from spancost.core.money import BUCKET_BOUNDS, BUCKET_NAMES, FEMTO_PER_NANO, FEMTO_PER_USD, round_div
from spancost.core.price import Pricer, Tariff
from spancost.core.span import Attributes, AttributeValue, Span
from spancost.core.written import TOKENS

MOULDS_KEPT = 4_096
"""Moulds at most; one more, and all are forgotten. A mould and its place take about 2 KB."""
MAX_KEYS = 64
_EVER = 1 << 80

_OURS = frozenset((names.LLM_COST_STATUS, names.LLM_TRACE_COST_USD, names.LLM_SUBTREE_COST_USD))
_PER_NANO_HALF = FEMTO_PER_NANO // 2


class Mould:
    """What spans alike share.

    template: all that is written, in order, with the numbers of the first span in place. from_ns, until_ns: when calls
    must have begun. counts: fetches the numbers from a span, in one order throughout: `coefficients` and `bounds` (sums
    that must not be negative) are in that order, `tokens` pairs attributes with places in it. input, output: places of
    the totals, -1 for none. step, limit: the place whose number must stay below a limit.
    """

    __slots__ = (
        "bounds",
        "coefficients",
        "constant",
        "counts",
        "denominator",
        "from_ns",
        "input",
        "is_doubtful",
        "limit",
        "models",
        "output",
        "response",
        "scope",
        "step",
        "template",
        "tokens",
        "told",
        "until_ns",
    )

    template: dict[str, AttributeValue]
    from_ns: int
    until_ns: int
    counts: Callable[[Attributes], tuple[Any, ...]]
    response: str | None
    constant: int
    denominator: int
    coefficients: tuple[int, ...]
    bounds: tuple[tuple[int, ...], ...]
    tokens: tuple[tuple[str, int], ...]
    input: int
    output: int
    step: int
    limit: int
    scope: str
    models: frozenset[str]
    told: frozenset[str] | None
    is_doubtful: int

    def fill(
        self, attributes: Attributes, response_id: str | None
    ) -> tuple[dict[str, AttributeValue], int, int, int | None] | None:
        """Return what is to be written, and femto-dollars, input and output; None when numbers need the long way."""
        values = self.counts(attributes)
        femto = self.constant
        for value, coefficient in zip(values, self.coefficients, strict=False):
            if value.__class__ is not int or not 0 <= value < MAX_COUNT:
                return None
            femto += value * coefficient
        for bound in self.bounds:
            if sum(map(mul, bound, values)) < 0:
                return None
        if not femto or values[self.step] >= self.limit:
            return None
        written = self.template.copy()
        for name, place in self.tokens:
            written[name] = values[place]
        entered = values[self.input]
        if self.output < 0:
            left = None
            written[names.LLM_TOTAL_TOKENS] = entered
        else:
            left = values[self.output]
            written[names.LLM_TOTAL_TOKENS] = entered + left
        if self.denominator != 1:
            femto = round_div(femto, self.denominator)
        nano, rest = divmod(femto, FEMTO_PER_NANO)
        if rest >= _PER_NANO_HALF and (rest > _PER_NANO_HALF or nano & 1):
            nano += 1
        written[names.LLM_REQUEST_COST_USD] = femto / FEMTO_PER_USD
        written[names.LLM_REQUEST_COST_NANOUSD] = nano
        written[names.LLM_COST_BUCKET] = BUCKET_NAMES[bisect_right(BUCKET_BOUNDS, femto)]
        if response_id is not None:
            written[names.LLM_REQUEST_ID] = response_id
        return written, femto, entered, left


class Likeness(NamedTuple):
    """One order of keys: how to fetch the words, whether the span's name is one of them, and the moulds by words.

    A mould of None: spans with these words are to be worked out in full.
    """

    words: Callable[[Attributes], tuple[Any, ...]]
    is_named: bool
    moulds: dict[Any, Mould | None]


class Moulds:
    """The moulds of every scope; bounded. Not thread-safe, as the ledger is not."""

    def __init__(self, dialects: Dialects, pricer: Pricer) -> None:
        self._dialects = dialects
        self._pricer = pricer
        self._likenesses: dict[tuple[str, str], dict[tuple[str, ...], Likeness]] = {}
        self._kept = 0

    def find(self, scope: tuple[str, str], name: str, attributes: Attributes) -> Mould | None:
        """Return the mould of a span of *scope* (name and version), None when it has none."""
        try:
            likeness = self._likenesses[scope][tuple(attributes)]
            words = likeness.words(attributes)
            return likeness.moulds[(words, name) if likeness.is_named else words]
        except (KeyError, TypeError):  # not seen before, or a list among the words
            return None

    def learn(
        self,
        span: Span,
        call: Callable[[], Call],
        cost: Cost,
        counted: Counted,
        written: Mapping[str, AttributeValue],
    ) -> None:
        """Make a mould of a span that was worked out in full, alone, unless there is one that holds at its time."""
        attributes = span.attributes
        keys = tuple(attributes)
        if len(keys) > MAX_KEYS or not _OURS.isdisjoint(attributes):
            return
        scope = self._likenesses.get((span.scope_name, span.scope_version), {})
        likeness = scope.get(keys)
        if likeness is None:
            shape, is_named = self._dialects.program(span).shape(attributes)
            if shape.words is None or shape.responses:
                return
            likeness = Likeness(shape.words, is_named, {})
        try:
            words: Any = likeness.words(attributes)
            words = (words, span.name) if likeness.is_named else words
            known = likeness.moulds.get(words)
        except TypeError:
            return
        if known is None and words in likeness.moulds:
            return
        if known is not None and known.from_ns <= span.start_ns < known.until_ns:
            return
        if self._kept >= MOULDS_KEPT:
            self._likenesses, self._kept = {}, 0
        self._kept += 1
        likeness.moulds[words] = self._made(span, call(), cost, counted, written)
        self._likenesses.setdefault((span.scope_name, span.scope_version), {})[keys] = likeness

    def _made(
        self, span: Span, call: Call, cost: Cost, counted: Counted, written: Mapping[str, AttributeValue]
    ) -> Mould | None:
        frame = self._dialects.program(span).frame(span)
        tariff = self._pricer.tariff(call)
        if frame is None or tariff is None or cost.femto is None or not PLAIN.issuperset(frame.fields):
            return None
        mould = _mould(frame, tariff, cost, counted, written)
        if mould is None:
            return None
        filled = mould.fill(span.attributes, counted.response_id)
        expected = (written, cost.femto, counted.input, counted.output)
        if filled != expected or list(filled[0]) != list(written):
            return None
        return mould


def moulds_of(dialects: object, pricer: object) -> Moulds | None:
    """Return the moulds of a ledger that reads and prices by these; None unless they tell what spans have in common.

    A pricer with a contract does not: what it says depends on more than the words that are read of a span.
    """
    if type(dialects) is Dialects and type(pricer) is Pricer:
        return Moulds(dialects, pricer)
    return None


def _mould(
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
    mould.bounds = _bounds(fields, tariff.meters, kernel)
    mould.tokens = tuple((name, place[meter]) for meter, name in TOKENS if meter in place)
    mould.input, mould.output = place["input_tokens"], place.get("output_tokens", -1)
    mould.step = place[steps[0][0]] if steps else 0
    mould.limit = min(bound for _, bound in steps) if steps else MAX_COUNT
    mould.scope, mould.models, mould.told = counted.scope, counted.models, counted.told
    mould.is_doubtful = int(cost.status == PARTIAL)
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
