# SPDX-License-Identifier: Apache-2.0
"""What a call may cost at most, as far as its request tells, before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, TypeAlias

from spancost.core.budget.limit import ALLOW, WARN, CallFacts, Limit
from spancost.core.call import PARTIAL, Call, Cost, Quantity
from spancost.core.record import CallRecord

BYTES_PER_TOKEN = 3
"""Of a request's body. Texts in Latin script have 4 to 5 bytes a token with their JSON; scripts of 3 bytes have 3."""
TOKENS_PER_IMAGE = 1_600
"""For each run of base64: providers scale images down to about this many tokens."""

ASSUMED_OUTPUT = 4_096
"""Tokens of output of a call without a bound, where no upper bound is needed or none is known."""

_new_call = partial(tuple.__new__, Call)  # a third of the time of Call(...)

PriceOf: TypeAlias = "Callable[[Call], Cost]"
LargestOf: TypeAlias = "Callable[[str, str], int | None]"
"""Provider and model ("" when unknown) -> the most tokens of output, None when that is unknown."""
HighestOf: TypeAlias = "Callable[[str, str], tuple[int, int]]"
"""Provider and model ("" when unknown) -> the highest rates for an input and an output token, in femto-dollars."""


class Estimate(NamedTuple):
    """femto: the cost of a call at most. is_known: by the rates of its model; else by the highest of its provider."""

    femto: int
    is_known: bool


def input_tokens(size: int, encoded: int = 0, images: int = 0) -> int:
    """Return an upper estimate of the tokens in a request's body of *size* bytes.

    encoded, images: the bytes of base64 among them, and their number of runs.
    """
    return -(-max(size - encoded, 0) // BYTES_PER_TOKEN) + images * TOKENS_PER_IMAGE


def assumed_output(limit: Limit, largest: int | None) -> int:
    """Return the tokens of output that *limit* reserves for a call without a bound of its own.

    largest: the most that its model can put out, None when unknown. A limit that must not be exceeded needs it. One
    that only warns, or that one call may cross, would seem used up by what hardly any call needs.
    """
    if limit.assumed_output is None and largest is not None and not limit.may_cross and limit.at_limit != WARN:
        return largest
    assumed = ASSUMED_OUTPUT if limit.assumed_output is None else limit.assumed_output
    return assumed if largest is None else min(assumed, largest)


def call_of(facts: CallFacts, output_tokens: int, at_ns: int, context: Mapping[str, str] | None) -> Call:
    """Return the call that *facts* describe, with *output_tokens* of output; *context* as `Call` has it."""
    known = facts.values
    usage = {"input_tokens": facts.input_tokens, "output_tokens": output_tokens}
    provider, model, operation = known.get("provider", ""), known.get("model", ""), known.get("operation")
    return _new_call((provider, model, usage, at_ns, None, operation, None, None, context, None))


def estimate(call: Call, price: PriceOf, highest: HighestOf) -> Estimate:
    """Return what *call* may cost; its usage has `input_tokens` and `output_tokens`.

    A model without a rate for output (embeddings) has none to reserve for.
    """
    cost = price(call)
    if cost.femto is not None and cost.status == PARTIAL:
        cost = price(call._replace(usage={"input_tokens": call.usage["input_tokens"]}))
    if cost.femto is not None and cost.status != PARTIAL:
        return Estimate(cost.femto, True)
    return Estimate(by_highest(call.usage, (call.provider, call.model), highest), False)


def by_highest(usage: Mapping[str, Quantity], model: tuple[str | None, str | None], highest: HighestOf) -> int:
    """Return what *usage* costs at the highest rates of *model*'s provider; 0 when it has neither input nor output.

    model: provider and model.
    """
    rate_in, rate_out = highest(model[0] or "", model[1] or "")
    return int(usage.get("input_tokens", 0) * rate_in + usage.get("output_tokens", 0) * rate_out)


def charge(record: CallRecord, reserved: int, policy: str, highest: HighestOf) -> int:
    """Return what *record* counts in a budget: its cost; without one what *policy* says, never 0 unless it allows that.

    reserved: what was reserved for the call; it is charged when nothing tells what the call used.
    """
    if record.cost_femto is not None:
        return record.cost_femto
    if policy == ALLOW:
        return 0
    return by_highest(record.usage, (record.provider, record.model), highest) or reserved
