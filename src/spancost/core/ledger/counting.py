# SPDX-License-Identifier: Apache-2.0
"""The counting rule: which of the spans that report one call carries its cost. Nearest to the wire wins."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from spancost.core.call import Quantity
from spancost.core.ledger.memory import CountedCall, Process, RecentCalls, new_counted
from spancost.core.reading import CALL, Reading
from spancost.core.span import Span

OWN = "own"
DUPLICATE = "duplicate"
AGGREGATE = "aggregate"

SAME_RESPONSE = "same_response_id"
SAME_RESPONSE_DIFFERS = "same_response_other_tokens"
REPEATS = "repeats_call_beneath"
SUM = "sum_of_calls_beneath"
EXCEEDS = "exceeds_calls_beneath"
SAME_CALL = "same_call_elsewhere"
SAME_TOKENS = "same_tokens_elsewhere"
ONLY_CARRIER = "only_carrier"
LOCAL_CACHE = "local_cache"
"""Reason of a call that repeats, with its response id, one that its emitter reported and that had ended before."""
REPORTS_MORE = "reports_more"
"""Reason of a duplicate or aggregate, with the name of a meter that it alone reports and that changes the price."""

REASONS = (SAME_RESPONSE, SAME_RESPONSE_DIFFERS, REPEATS, SUM, EXCEEDS, SAME_CALL, SAME_TOKENS, REPORTS_MORE)
"""Why a span that reports usage is no call of its own; each has a counter."""

SLACK_NS = 1_000_000
"""How long after the other's end a span of another emitter may begin and still be the same call: LlamaIndex ends the
span of a stream before the client's begins, 0.2 ms when it is read at once (llama-index-llms-openai, 2026-11-22)."""


class Classification(NamedTuple):
    """What a span is: OWN (its usage is counted), DUPLICATE (of one call: `of`), AGGREGATE (of several)."""

    role: str
    reason: str | None = None
    of: CountedCall | None = None


_OWN = Classification(OWN)
_CARRIER = Classification(OWN, ONLY_CARRIER)


class Descendants(NamedTuple):
    """The counted calls below a span that report tokens: the latest of them, their number, and their tokens added up.

    without_usage: the latest call below it that reports none.
    """

    calls: list[CountedCall]
    number: int
    input: Quantity
    output: Quantity
    without_usage: CountedCall | None = None


def counted(reading: Reading, span: Span, process: Process) -> CountedCall:
    """Return what is to be remembered of a call that was counted."""
    usage = reading.usage
    return new_counted(
        (
            span.span_id,
            span.scope_name or reading.emitter,
            _bare_models(reading.model, reading.request_model),
            span.trace_id,
            usage.get("input_tokens"),
            usage.get("output_tokens"),
            process,
            reading.response_id,
            span.start_ns if reading.began_ns is None else reading.began_ns,
            span.end_ns,
            frozenset(usage),
            reading.provider,
            (usage.get("cache_read_tokens"), usage.get("cache_write_tokens"), usage.get("reasoning_tokens")),
            span.parent_id is not None,
        )
    )


@lru_cache(maxsize=1024)
def _bare_models(model: str | None, request_model: str | None) -> frozenset[str]:
    return frozenset(bare_model(name) for name in (model, request_model) if name)


def bare_model(name: str) -> str:
    """Return a model name without the vendor or path before it, in small letters, to compare by."""
    return name.rpartition("/")[2].lower()


def classify(
    reading: Reading, this: CountedCall, descendants: Descendants | None, memory: RecentCalls
) -> Classification:
    """Return whether *this*, as *reading* has it, is the call, repeats a counted one, or adds some up (DESIGN §6)."""
    reports = this.input is not None or this.output is not None
    if this.response_id:
        same = same_response(this, descendants, memory)
        if same is not None:
            return same
    if descendants is not None and not reports and (descendants.number or descendants.without_usage):
        return _classify_without_usage(descendants)
    if descendants is not None and descendants.number:
        classification = _classify_ancestor(reading, this, descendants)
        if classification is not None:
            return classification
    if reports:
        found = same_tokens(this, memory)
        if found is not None:
            return found
    return _OWN if reading.kind == CALL else _CARRIER


def meters_only_on(
    reading: Reading, classification: Classification, descendants: Descendants | None
) -> tuple[str, ...]:
    """Return the meters used by a duplicate or aggregate that no call counted in its place reports, in their own order.

    Of an aggregate the latest descendants are looked at (`KEPT_CALLS`). Nothing is known of calls of an earlier run.
    """
    calls = (
        [classification.of] if classification.of is not None else descendants.calls if descendants is not None else []
    )
    if any(call.reported_meters is None for call in calls):
        return ()
    return tuple(
        meter
        for meter, amount in sorted(reading.usage.items())
        if amount and not any(meter in (call.reported_meters or ()) for call in calls)
    )


def is_incomplete(reason: object) -> bool:
    """Whether a duplicate or aggregate with this reason says that what was counted in its place is not all."""
    return isinstance(reason, str) and (
        reason in (EXCEEDS, SAME_TOKENS, SAME_RESPONSE_DIFFERS) or reason.startswith(REPORTS_MORE)
    )


def _classify_ancestor(reading: Reading, this: CountedCall, descendants: Descendants) -> Classification | None:
    """Classify a span that reports usage and has counted descendants; None when it is a call of its own."""
    for other in reversed(descendants.calls):
        if (this.input, this.output) == (other.input, other.output):
            return Classification(DUPLICATE, REPEATS, other)
    within = (this.input or 0) <= descendants.input and (this.output or 0) <= descendants.output
    if reading.kind != CALL:
        return Classification(AGGREGATE, SUM if within else EXCEEDS)
    if _own_response(this, descendants.calls):
        return None
    if within:
        return Classification(AGGREGATE, SUM)
    only = descendants.calls[-1]
    if descendants.number == 1 and only.scope != this.scope and _same_model(this, only):
        return Classification(DUPLICATE, EXCEEDS, only)
    return None


def _classify_without_usage(descendants: Descendants) -> Classification:
    """Classify a call that reports no usage but has counted descendants (which may report none either)."""
    if descendants.number > 1:
        return Classification(AGGREGATE, SUM)
    return Classification(
        DUPLICATE, REPEATS, descendants.calls[-1] if descendants.number else descendants.without_usage
    )


def _own_response(this: CountedCall, others: list[CountedCall]) -> bool:
    """Whether *this* has a response id and each of *others* has another one, from the same emitter."""
    return this.response_id is not None and all(
        other.response_id is not None and other.response_id != this.response_id and other.scope == this.scope
        for other in others
    )


def same_response(this: CountedCall, descendants: Descendants | None, memory: RecentCalls) -> Classification | None:
    """Judge a span by the counted calls that have its response id; None when none of them is the same call.

    An id that no provider issued is no identity, nor one that came with other tokens. In the trace, spans of one
    emitter must agree in tokens and be one another's parent or have the same times; those of another emitter must
    overlap, as must those of a detached one in other traces of the process. Across other traces provider, model and
    every token count that both report must agree, and the times fit. Two emitters of one process that disagree about
    the tokens only report one call all the same: counted once, and the difference is said.
    """
    response_id = this.response_id or ""
    known = memory.response(response_id)
    form = memory.identity.form(response_id) if known else None
    if form is None:
        return None
    reports = this.input is not None or this.output is not None
    others = [other for other in reversed(known) if not (reports and other.reported_meters == frozenset())]
    for other in others:
        if not (_agree(this, other) or _may_differ(this, other, memory) or _is_misreported(this, other)):
            memory.reuse(response_id, this.provider)
    if memory.is_reused(response_id, this.provider):
        return None
    differing = None
    for other in others:
        if _is_replay(this, other, descendants, memory):
            return Classification(OWN, LOCAL_CACHE, other)
        if not (form.is_stored or _overlap(this, other) or _is_descendant(other, descendants)):
            continue
        if _may_differ(this, other, memory):
            if _agree(this, other):
                return Classification(DUPLICATE, SAME_RESPONSE, other)
            differing = differing or Classification(DUPLICATE, SAME_RESPONSE, other)
        elif other.trace_id != this.trace_id:
            if _agree(this, other):
                if _same_provider(this, other) and _same_model(this, other):
                    return Classification(DUPLICATE, SAME_RESPONSE, other)
            else:
                differing = differing or Classification(DUPLICATE, SAME_RESPONSE_DIFFERS, other)
        elif not reports or form.is_stored or _is_descendant(other, descendants) or _coincide(this, other):
            return Classification(DUPLICATE, SAME_RESPONSE, other)
    return differing


def same_tokens(this: CountedCall, memory: RecentCalls) -> Classification | None:
    """Classify a span by calls of other emitters with its model and tokens at its time; None when there is none.

    In its trace, or in its process where data says that one of the two emitters writes into a trace of its own. Sure is
    only what has the same response id too, or is the only such call of such emitters.
    """
    for others, is_detached in ((memory.here(this), False), (memory.elsewhere(this), True)):
        found = [
            other
            for other in others
            if other.scope != this.scope
            and _same_model(this, other)
            and _overlap(this, other)
            and not (is_detached and not (_agree(this, other) and _same_provider(this, other)))
            and not _are_two(this, other, memory)
            and not memory.is_claimed(other, this)
        ]
        if not found:
            continue
        named = [other for other in found if other.response_id and other.response_id == this.response_id]
        call = (named or found)[-1]
        memory.claim(call, this)
        known = memory.identity.is_detached
        is_sure = bool(named) or (len(found) == 1 and (known(this.scope) or known(call.scope)))
        return Classification(DUPLICATE, SAME_CALL if is_sure else SAME_TOKENS, call)
    return None


def _may_differ(this: CountedCall, other: CountedCall, memory: RecentCalls) -> bool:
    """Whether two spans with one response id may count tokens in their own ways: emitters of one trace, or detached."""
    if this.scope == other.scope:
        return False
    if this.trace_id == other.trace_id:
        return True
    known = memory.identity.is_detached
    return this.process is not None and this.process == other.process and (known(this.scope) or known(other.scope))


def _is_misreported(this: CountedCall, other: CountedCall) -> bool:
    """Whether two emitters of one process report a call with one response id at one time, and differ in its tokens."""
    return (
        this.scope != other.scope
        and this.process is not None
        and this.process == other.process
        and _overlap(this, other)
        and _same_provider(this, other)
        and _same_model(this, other)
    )


def _is_replay(this: CountedCall, other: CountedCall, descendants: Descendants | None, memory: RecentCalls) -> bool:
    """Whether *this* is an answer from the application's own cache, which repeats *other* with its response id."""
    return (
        this.scope == other.scope
        and memory.identity.replays(this.scope)
        and this.start_ns > other.end_ns
        and _agree(this, other)
        and _same_provider(this, other)
        and _same_model(this, other)
        and not _is_descendant(other, descendants)
    )


def _agree(this: CountedCall, other: CountedCall) -> bool:
    """Whether every token count that both report is the same."""
    pairs = ((this.input, other.input), (this.output, other.output), *zip(this.parts, other.parts, strict=True))
    return all(a is None or b is None or a == b for a, b in pairs)


def _same_provider(this: CountedCall, other: CountedCall) -> bool:
    return not this.provider or not other.provider or this.provider == other.provider


def _are_two(this: CountedCall, other: CountedCall, memory: RecentCalls) -> bool:
    """Whether both have ids of one form that differ: then these are two calls, however alike they are."""
    if not this.response_id or not other.response_id or this.response_id == other.response_id:
        return False
    form = memory.identity.form(this.response_id)
    return form is not None and form == memory.identity.form(other.response_id)


def _is_descendant(other: CountedCall, descendants: Descendants | None) -> bool:
    return descendants is not None and any(
        other.span_id == call.span_id for call in (*descendants.calls, descendants.without_usage) if call
    )


def _coincide(this: CountedCall, other: CountedCall) -> bool:
    """Whether the spans begin and end together, allowing a difference of `SLACK_NS`."""
    return abs(this.start_ns - other.start_ns) <= SLACK_NS and abs(this.end_ns - other.end_ns) <= SLACK_NS


def _same_model(this: CountedCall, other: CountedCall) -> bool:
    if not this.models or not other.models or this.models & other.models:
        return True
    return any(a.startswith(b) or b.startswith(a) for a in this.models for b in other.models)


def _overlap(this: CountedCall, other: CountedCall) -> bool:
    """Whether the spans overlap, allowing a gap of `SLACK_NS`."""
    return this.start_ns <= other.end_ns + SLACK_NS and other.start_ns <= this.end_ns + SLACK_NS
