# SPDX-License-Identifier: Apache-2.0
"""Computes the reading of an answer from its slots: outcome, meters, ids, cost. This file knows no provider."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from spancost.core.wire import reading as outcomes
from spancost.core.wire.match import BATCH_JOB, Target, Wires
from spancost.core.wire.path import Json, Number
from spancost.core.wire.reading import AdditionalUsage, WireReading
from spancost.core.wire.shape import Shape, Slots

# A count cannot exceed the count that includes it. It is reported unchanged with a caveat; pricing limits it.
_INSIDE = (
    ("cache_read_tokens", "input_tokens"),
    ("cache_write_tokens", "input_tokens"),
    ("cache_write_5m_tokens", "cache_write_tokens"),
    ("cache_write_1h_tokens", "cache_write_tokens"),
    ("input_audio_tokens", "input_tokens"),
    ("input_image_tokens", "input_tokens"),
    ("reasoning_tokens", "output_tokens"),
    ("output_audio_tokens", "output_tokens"),
    ("output_image_tokens", "output_tokens"),
)
_WITHOUT_COUNTS = (outcomes.ERROR, outcomes.ADMIN, outcomes.COUNT_ONLY, outcomes.NO_USAGE)


class Answer(NamedTuple):
    """Status of an exchange, whether its whole answer was read, and whether any document was parsed."""

    status: int
    provider: str | None
    gateway: str | None
    complete: bool
    parsed: bool


def reading(wires: Wires, target: Target, shape: Shape | None, slots: Slots, answer: Answer) -> WireReading:
    """Return the reading of an answer's *slots*; *shape* is None when its format is unknown."""
    if shape is None:
        return WireReading(
            outcome=_outcome(target, None, slots, {}, answer),
            provider=answer.provider,
            operation=target.operation,
            usage={},
            complete=answer.complete,
            request_model=_request_model(target, slots),
            gateway=answer.gateway,
            upstream=target.upstream,
            context=_context(target, None, slots),
        )
    usage = {m: n for m, f in shape.meters.items() if (n := f(slots)) is not None}
    billed = {m: n for m, f in shape.billed.items() if (n := f(slots)) is not None}
    facts = {k: text(get(slots)) for k, get in shape.facts.items()}
    cost = shape.cost(slots) if shape.cost else None
    estimate = wires.estimate(slots) if cost is None else None
    outcome = _outcome(target, shape, slots, usage, answer)
    additional_usage = _additional(shape, slots)
    if outcome in _WITHOUT_COUNTS:
        usage, billed, additional_usage = {}, {}, ()
    return WireReading(
        outcome=outcome,
        provider=answer.provider,
        operation=target.operation,
        usage=usage,
        complete=answer.complete,
        request_model=_request_model(target, slots),
        response_model=facts.get("response_model"),
        response_id=facts.get("response_id"),
        service_tier=facts.get("service_tier"),
        finish_reason=facts.get("finish_reason"),
        provider_cost=_fraction(estimate if cost is None else cost),
        gateway=answer.gateway,
        upstream=target.upstream or facts.get("upstream"),
        additional_usage=additional_usage,
        caveats=tuple(f"{p}_exceeds_{w}" for p, w in _INSIDE if usage.get(p, 0) > usage.get(w, 0)),
        context=_context(target, shape, slots),
        billed=billed or None,
        cost_is_estimate=estimate is not None,
        sold_as=facts.get("sold_as"),
        sold_tier=_sold_tier(shape, facts.get("service_tier")),
        estimate=next((basis for test, basis in shape.assumed if test(slots)), None)
        if any(usage.values()) and not cost
        else None,
    )


def is_complete(shape: Shape, slots: Slots) -> bool:
    """Return whether a stream without a last event is complete."""
    return shape.complete is None or any(get(slots) is not None for get in shape.complete)


def text(value: Json) -> str | None:
    """Return *value* as a string when it is a string or a whole number, else None."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _outcome(target: Target, shape: Shape | None, slots: Slots, usage: Mapping[str, Number], answer: Answer) -> str:
    if answer.status >= 400:
        return outcomes.ERROR
    if target.kind in (outcomes.COUNT_ONLY, outcomes.ADMIN):
        return target.kind
    if _is_error(slots.get("error")):
        return outcomes.ERROR_IN_200
    if not any(usage.values()) and "input_tokens" not in usage:
        pending = shape is not None and shape.pending is not None and shape.pending(slots)
        return outcomes.ADMIN if pending or (target.kind == outcomes.RETRIEVAL and answer.parsed) else outcomes.NO_USAGE
    if target.kind in (outcomes.RETRIEVAL, outcomes.BATCH_RESULT):
        return target.kind
    return outcomes.USAGE if answer.complete else outcomes.PARTIAL_USAGE


def _is_error(error: Json) -> bool:
    # Some servers add an object of empty strings, or false, to a successful answer.
    return any(error.values()) if isinstance(error, Mapping) else bool(error)


def _request_model(target: Target, slots: Slots) -> str | None:
    return target.path.get("model") or text(slots["request"].get("model"))


def _context(target: Target, shape: Shape | None, slots: Slots) -> dict[str, str] | None:
    found = {k: v for k, v in target.path.items() if k not in ("model", BATCH_JOB)}
    for key, get in shape.context.items() if shape else ():
        word = text(get(slots))
        if word is not None:
            found[key] = word
    return found or None


def _additional(shape: Shape, slots: Slots) -> tuple[AdditionalUsage, ...]:
    found = []
    for form in shape.additional_usage:
        if form.test is not None and not form.test(slots):
            continue
        for row in form.rows(slots):
            usage = {m: n for m, f in form.meters.items() if (n := f(row)) is not None}
            if any(usage.values()):
                kind = text(form.kind(row)) if form.kind else None
                model = text(form.model(row)) if form.model else None
                model = model or (text(form.model_slot(slots)) if form.model_slot else None) or form.model_name
                model = "" if model is None and form.needs_model else model
                found.append(AdditionalUsage(kind or form.name, model, usage, form.inside))
    return tuple(found)


def _sold_tier(shape: Shape, service_tier: str | None) -> str | None:
    if not shape.tiers:
        return None
    return shape.tiers.get((service_tier or "").lower(), shape.tiers.get("*"))


def _fraction(value: Number | None) -> Fraction | None:
    return None if value is None else Fraction(value)
