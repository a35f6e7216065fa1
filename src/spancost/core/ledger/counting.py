# SPDX-License-Identifier: Apache-2.0
"""The counting rule: which of the spans that report one call carries its cost. Nearest to the wire wins."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

from spancost.core.call import Quantity
from spancost.core.reading import CALL, Reading
from spancost.core.recent import Recent
from spancost.core.span import Span

OWN = "own"
DUPLICATE = "duplicate"
AGGREGATE = "aggregate"

SAME_RESPONSE = "same_response_id"
REPEATS = "repeats_call_beneath"
SUM = "sum_of_calls_beneath"
EXCEEDS = "exceeds_calls_beneath"
SAME_CALL = "same_call_elsewhere"
ONLY_CARRIER = "only_carrier"
TELLS_MORE = "tells_more"
"""Reason of a duplicate or aggregate, with the name of a meter that it alone tells and that changes the price."""

SLACK_NS = 1_000_000
"""How long after the other's end a span of another emitter may begin and still be the same call: LlamaIndex ends the
span of a stream before the client's begins, 0.2 ms when it is read at once (llama-index-llms-openai, 2026-11-22)."""
_PER_TOKENS = 8


class Counted(NamedTuple):
    """A call that was counted: what later spans are compared with.

    input, output: inclusive token counts, None when unknown. told: the meters it reports, be
    they 0; None when that is not known any more.
    """

    span_id: int
    scope: str
    models: frozenset[str]
    input: Quantity | None
    output: Quantity | None
    response_id: str | None
    start_ns: int
    end_ns: int
    told: frozenset[str] | None = None


_counted = partial(tuple.__new__, Counted)  # a third of the time of Counted(...)


Record: TypeAlias = "tuple[Any, ...]"
"""A call counted with a cost, as quick to make and as small as can be: the fields of `Counted`, then its cost in
femto-dollars, and 1 if that is in doubt, else 0."""


def counted_of(call: Counted | Record) -> Counted:
    """Return the call that a record holds, which may be one already."""
    return call if isinstance(call, Counted) else Counted._make(call[:_FIELDS])


_FIELDS = len(Counted._fields)


class Verdict(NamedTuple):
    """What a span is: OWN (its usage is counted), DUPLICATE (of one call: `of`), AGGREGATE (of several)."""

    role: str
    reason: str | None = None
    of: Counted | None = None


_OWN = Verdict(OWN)
_CARRIER = Verdict(OWN, ONLY_CARRIER)


class Memory:
    """Calls counted lately, in this trace or another, by response id and by tokens; bounded."""

    def __init__(self, size: int) -> None:
        self._by_response: Recent[str, Counted | Record] = Recent(size)
        self._claims: Recent[tuple[int, str], bool] = Recent(size)
        self._by_tokens: Recent[tuple[Quantity | None, Quantity | None], list[Counted | Record] | Record] = Recent(size)

    def add(self, call: Counted) -> None:
        """Remember *call*."""
        if call.response_id:
            self._by_response.set(call.response_id, call)
        tokens = (call.input, call.output)
        if tokens != (None, None):
            self._by_tokens.set(tokens, [*self._alike(tokens)[1 - _PER_TOKENS :], call])

    def add_unlike(self, record: Record) -> bool:
        """Remember a call, unless its response id is known or another scope has its tokens: then return False."""
        by_response, by_tokens = self._by_response, self._by_tokens
        response_id = record[5]
        known = by_response.new
        if response_id in known or response_id in by_response.old:
            return False
        tokens = record[3:5]
        held = by_tokens.new
        if tokens in held or tokens in by_tokens.old:
            alike = self._alike(tokens)
            scope = record[1]
            for other in alike:
                if other[1] != scope:
                    return False
            if len(alike) == _PER_TOKENS:
                del alike[0]
            alike.append(record)
            by_tokens.set(tokens, alike)
        else:
            held[tokens] = record
            if len(held) >= by_tokens.size:
                by_tokens.turn()
        if response_id is not None:
            known[response_id] = record
            if len(known) >= by_response.size:
                by_response.turn()
        return True

    def _alike(self, tokens: tuple[Quantity | None, Quantity | None]) -> list[Counted | Record]:
        held = self._by_tokens.get(tokens)
        if isinstance(held, list):
            return held
        return [] if held is None else [held]

    def also_known(self, response_id: str, call: Counted) -> None:
        """Remember that *call* is known by another response id too: gateways give ids of their own."""
        self._by_response.set(response_id, call)

    def claim(self, call: Counted, by: Counted) -> bool:
        """Let *by* repeat *call*; false when another span of the same emitter has: then there are two calls."""
        key = (call.span_id, by.scope)
        if key in self._claims:
            return False
        self._claims.set(key, True)
        return True

    def response(self, response_id: str) -> Counted | None:
        """Return the call with this response id."""
        held = self._by_response.get(response_id)
        return None if held is None else counted_of(held)

    def tokens(self, entered: Quantity | None, left: Quantity | None) -> list[Counted]:
        """Return the calls with exactly these tokens, oldest first."""
        return [counted_of(held) for held in self._alike((entered, left))]


class Beneath(NamedTuple):
    """The calls beneath a span that report tokens: the latest of them, their number, and their tokens added up.

    blank: the latest call beneath that reports none.
    """

    calls: list[Counted]
    number: int
    input: Quantity
    output: Quantity
    blank: Counted | None = None


def counted(reading: Reading, span: Span) -> Counted:
    """Return what is to be remembered of a call that was counted."""
    usage = reading.usage
    return _counted(
        (
            span.span_id,
            span.scope_name or reading.emitter,
            _bare_models(reading.model, reading.request_model),
            usage.get("input_tokens"),
            usage.get("output_tokens"),
            reading.response_id,
            span.start_ns if reading.began_ns is None else reading.began_ns,
            span.end_ns,
            frozenset(usage),
        )
    )


@lru_cache(maxsize=1024)
def _bare_models(model: str | None, request_model: str | None) -> frozenset[str]:
    return frozenset(bare_model(name) for name in (model, request_model) if name)


def bare_model(name: str) -> str:
    """Return a model name without the vendor or path before it, in small letters, to compare by."""
    return name.rpartition("/")[2].lower()


def judge(reading: Reading, this: Counted, beneath: Beneath | None, memory: Memory) -> Verdict:
    """Return whether *this*, as *reading* has it, is the call, repeats a counted one, or adds some up (DESIGN §6)."""
    reports = this.input is not None or this.output is not None
    if reading.response_id:
        same = memory.response(reading.response_id)
        if same is not None and not (reports and same.told == frozenset()):
            return Verdict(DUPLICATE, SAME_RESPONSE, same)
    if beneath is not None and not reports and (beneath.number or beneath.blank):
        return _blank(beneath)
    if beneath is not None and beneath.number:
        verdict = _over(reading, this, beneath)
        if verdict is not None:
            return verdict
    if reports:
        for other in reversed(memory.tokens(this.input, this.output)):
            if other.scope == this.scope or not _same_model(this, other) or not _overlap(this, other):
                continue
            if memory.claim(other, this):
                return Verdict(DUPLICATE, SAME_CALL, other)
    return _OWN if reading.kind == CALL else _CARRIER


def only_here(reading: Reading, verdict: Verdict, beneath: Beneath | None) -> tuple[str, ...]:
    """Return the meters used by a duplicate or aggregate that no call counted in its place tells, in their own order.

    Of an aggregate the latest calls beneath are looked at (`KEPT_CALLS`). Nothing is known of calls of an earlier run.
    """
    calls = [verdict.of] if verdict.of is not None else beneath.calls if beneath is not None else []
    if any(call.told is None for call in calls):
        return ()
    return tuple(
        meter
        for meter, amount in sorted(reading.usage.items())
        if amount and not any(meter in (call.told or ()) for call in calls)
    )


def is_short(reason: object) -> bool:
    """Whether a duplicate or aggregate with this reason says that what was counted in its place is not all."""
    return isinstance(reason, str) and (reason == EXCEEDS or reason.startswith(TELLS_MORE))


def _over(reading: Reading, this: Counted, beneath: Beneath) -> Verdict | None:
    """Judge a span that reports usage above calls already counted; None when it is a call of its own."""
    for other in reversed(beneath.calls):
        if (this.input, this.output) == (other.input, other.output):
            return Verdict(DUPLICATE, REPEATS, other)
    within = (this.input or 0) <= beneath.input and (this.output or 0) <= beneath.output
    if reading.kind != CALL:
        return Verdict(AGGREGATE, SUM if within else EXCEEDS)
    if _own_response(this, beneath.calls):
        return None
    if within:
        return Verdict(AGGREGATE, SUM)
    only = beneath.calls[-1]
    if beneath.number == 1 and only.scope != this.scope and _same_model(this, only):
        return Verdict(DUPLICATE, EXCEEDS, only)
    return None


def _blank(beneath: Beneath) -> Verdict:
    """Judge a model call without usage above calls already counted, be they without usage too."""
    if beneath.number > 1:
        return Verdict(AGGREGATE, SUM)
    return Verdict(DUPLICATE, REPEATS, beneath.calls[-1] if beneath.number else beneath.blank)


def _own_response(this: Counted, others: list[Counted]) -> bool:
    """Whether *this* has a response id and each of *others* has another one, from the same emitter's hand."""
    return this.response_id is not None and all(
        other.response_id is not None and other.response_id != this.response_id and other.scope == this.scope
        for other in others
    )


def _same_model(this: Counted, other: Counted) -> bool:
    if not this.models or not other.models or this.models & other.models:
        return True
    return any(a.startswith(b) or b.startswith(a) for a in this.models for b in other.models)


def _overlap(this: Counted, other: Counted) -> bool:
    """Whether the two spans share an instant, or one begins as good as when the other ends."""
    return this.start_ns <= other.end_ns + SLACK_NS and other.start_ns <= this.end_ns + SLACK_NS
