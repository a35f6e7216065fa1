# SPDX-License-Identifier: Apache-2.0
"""The counting rule: which of the spans that report one call carries its cost. Nearest to the wire wins."""

from __future__ import annotations

from functools import lru_cache

from spancost.core.ledger.classification import (
    AGGREGATE,
    DUPLICATE,
    EXCEEDS,
    ONLY_CARRIER,
    OWN,
    REPEATS,
    SUM,
    Classification,
    Descendants,
)
from spancost.core.ledger.memory import CountedCall, Process, RecentCalls, new_counted
from spancost.core.ledger.same_call import are_two_exchanges, same_model, same_response, same_tokens
from spancost.core.reading import CALL, Reading
from spancost.core.semconv import LLM_CAPTURE
from spancost.core.span import Span

_OWN = Classification(OWN)
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
        return _classify_without_usage(this, descendants) or _OWN
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


def _classify_ancestor(reading: Reading, this: CountedCall, descendants: Descendants) -> Classification | None:
    """Classify a span that reports usage and has counted descendants; None when it is a call of its own."""
    for other in reversed(descendants.calls):
        if (this.input, this.output) == (other.input, other.output) and not are_two_exchanges(this, other):
            return Classification(DUPLICATE, REPEATS, other)
    within = (this.input or 0) <= descendants.input and (this.output or 0) <= descendants.output
    if reading.kind != CALL:
        return Classification(AGGREGATE, SUM if within else EXCEEDS)
    if _own_response(this, descendants.calls) or _is_exchange_above(this, descendants.calls):
        return None
    if within:
        return Classification(AGGREGATE, SUM)
    only = descendants.calls[-1]
    if descendants.number == 1 and only.scope != this.scope and same_model(this, only):
        return Classification(DUPLICATE, EXCEEDS, only)
    return None


def _classify_without_usage(this: CountedCall, descendants: Descendants) -> Classification | None:
    """Classify a call that reports no usage but has counted descendants (which may report none either)."""
    latest = descendants.calls[-1] if descendants.number else descendants.without_usage
    if latest is not None and are_two_exchanges(this, latest):
        return None
    return Classification(AGGREGATE, SUM) if descendants.number > 1 else Classification(DUPLICATE, REPEATS, latest)


def _is_exchange_above(this: CountedCall, others: list[CountedCall]) -> bool:
    """Whether *this* is an exchange, which is no sum of those below it in its process."""
    return this.is_exchange and any(other.process == this.process for other in others)


def _own_response(this: CountedCall, others: list[CountedCall]) -> bool:
    """Whether *this* has a response id and each of *others* has another one, from the same emitter."""
    return this.response_id is not None and all(
        other.response_id is not None and other.response_id != this.response_id and other.scope == this.scope
        for other in others
    )
