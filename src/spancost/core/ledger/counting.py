# SPDX-License-Identifier: Apache-2.0
"""The counting rule: which of the spans that report one call carries its cost. Nearest to the wire wins."""

from __future__ import annotations

from functools import lru_cache

from spancost.core.call import Quantity
from spancost.core.ledger.classification import (
    AGGREGATE,
    DUPLICATE,
    EXCEEDS,
    LESS,
    ONLY_CARRIER,
    OWN,
    POSSIBLE_CACHE,
    REPEATS,
    SAME_TOKENS,
    SUM,
    Classification,
    Descendants,
)
from spancost.core.ledger.memory import CountedCall, Process, RecentCalls, new_counted
from spancost.core.ledger.same_call import (
    are_two_calls,
    are_two_exchanges,
    are_two_issued,
    may_be_cached,
    same_model,
    same_response,
    same_tokens,
)
from spancost.core.reading import CALL, Reading
from spancost.core.semconv import LLM_CAPTURE
from spancost.core.span import Span

MOST_SUMS = 4_096
"""How many sums of calls below a container are tried; beyond, it is not known whether some add up to its usage."""
_OWN = Classification(OWN)
_POSSIBLE_CACHE = Classification(OWN, POSSIBLE_CACHE)
_CARRIER = Classification(OWN, ONLY_CARRIER)


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
            LLM_CAPTURE in span.attributes,
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
        return _classify_without_usage(reading, this, descendants, memory) or _OWN
    if descendants is not None and descendants.number:
        classification = _classify_ancestor(reading, this, descendants, memory)
        if classification is not None:
            return classification
    if reports:
        found = same_tokens(this, memory)
        if found is not None:
            return found
    if reading.kind != CALL:
        return _CARRIER
    return _POSSIBLE_CACHE if reports and may_be_cached(this, memory) else _OWN


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


def _classify_ancestor(
    reading: Reading, this: CountedCall, descendants: Descendants, memory: RecentCalls
) -> Classification | None:
    """Classify a span that reports usage and has counted descendants; None when it is a call of its own."""
    calls, is_call = descendants.calls, reading.kind == CALL
    repeated = _repeats(this, calls, is_call, memory)
    if repeated is not None:
        return repeated
    is_within = (this.input or 0) <= descendants.input and (this.output or 0) <= descendants.output
    is_sum = this.input in (None, descendants.input) and this.output in (None, descendants.output)
    if not is_call:
        if not is_within:
            return Classification(AGGREGATE, EXCEEDS)
        return Classification(AGGREGATE, SUM if is_sum or _add_up(this, calls) else LESS)
    if _own_response(this, calls, memory) or _is_exchange_above(this, calls):
        return None
    only = calls[-1] if descendants.number == 1 else None
    is_part = only is not None and (this.input == only.input or this.output == only.output)
    if is_sum or (is_part and is_within and only is not None and _may_repeat(this, only, memory)):
        return Classification(AGGREGATE, SUM)
    if not is_part and not memory.identity.nests(this.scope) and all(other.scope == this.scope for other in calls):
        return None
    if is_within:
        return Classification(AGGREGATE, LESS)
    if only is not None and only.scope != this.scope and same_model(this, only):
        return Classification(DUPLICATE, EXCEEDS, only)
    return None


def _repeats(this: CountedCall, others: list[CountedCall], is_call: bool, memory: RecentCalls) -> Classification | None:
    """Return which of *others* below it a span repeats, the latest that nothing speaks against; None for none."""
    unsure = None
    for other in reversed(others):
        if (this.input, this.output) != (other.input, other.output) or are_two_exchanges(this, other):
            continue
        if not is_call or _may_repeat(this, other, memory):
            return Classification(DUPLICATE, REPEATS, other)
        if not are_two_calls(this, other, memory):
            unsure = unsure or Classification(DUPLICATE, SAME_TOKENS, other)
    return unsure


def _may_repeat(this: CountedCall, other: CountedCall, memory: RecentCalls) -> bool:
    """Whether nothing speaks against a call that repeats one below it.

    Against it speak: two issued ids; in one process another model, or the same emitter, unless data says that it
    reports a call on spans above one another; a span of this emitter that repeats the other already.
    """
    if are_two_issued(this, other, memory):
        return False
    if memory.identity.nests(this.scope):
        return True
    is_apart = this.process is not None and other.process is not None and this.process != other.process
    return (is_apart or (this.scope != other.scope and same_model(this, other))) and not memory.is_claimed(other, this)


def _add_up(this: CountedCall, calls: list[CountedCall]) -> bool:
    """Whether one choice of *calls* alone adds up to the usage of *this*: a container may count its own calls only."""
    goal = (this.input or 0, this.output or 0)
    ways: dict[tuple[Quantity, Quantity], int] = {(0, 0): 1}
    for call in calls:
        entered = 0 if this.input is None else call.input or 0
        left = 0 if this.output is None else call.output or 0
        for (i, o), number in list(ways.items()) if entered or left else ():
            if i + entered <= goal[0] and o + left <= goal[1]:
                more = (i + entered, o + left)
                ways[more] = min(ways.get(more, 0) + number, 2)
        if len(ways) > MOST_SUMS:
            return False
    return ways.get(goal) == 1


def _classify_without_usage(
    reading: Reading, this: CountedCall, descendants: Descendants, memory: RecentCalls
) -> Classification | None:
    """Classify a span that reports no usage but has counted descendants (which may report none either).

    None when it is a call of its own.
    """
    calls = descendants.calls
    is_call = reading.kind == CALL and (reading.billed or not reading.reported_femto)
    latest = calls[-1] if descendants.number else descendants.without_usage
    if latest is None or are_two_exchanges(this, latest):
        return None
    if not descendants.number or (descendants.number == 1 and (not is_call or _may_repeat(this, latest, memory))):
        return Classification(DUPLICATE, REPEATS, latest)
    if not is_call:
        return Classification(AGGREGATE, SUM)
    is_one_emitter = all(other.scope == this.scope for other in calls) and not memory.identity.nests(this.scope)
    return None if is_one_emitter or descendants.number == 1 else Classification(AGGREGATE, LESS)


def _is_exchange_above(this: CountedCall, others: list[CountedCall]) -> bool:
    """Whether *this* is an exchange, which is no sum of those below it in its process."""
    return this.is_exchange and any(other.process == this.process for other in others)


def _own_response(this: CountedCall, others: list[CountedCall], memory: RecentCalls) -> bool:
    """Whether *this* has a response id and each of *others* another one, of the same emitter or of one provider."""
    return this.response_id is not None and all(
        other.response_id is not None
        and other.response_id != this.response_id
        and (other.scope == this.scope or are_two_calls(this, other, memory))
        for other in others
    )
