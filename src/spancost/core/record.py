# SPDX-License-Identifier: Apache-2.0
"""One counted call with its final cost: the value that metrics, budgets, guards and reports read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from spancost.core.call import BATCH, Call, Quantity
from spancost.core.call import Cost as Cost


class CallRecord(NamedTuple):
    """A counted call, made once by the ledger after its cost is final. Duplicates and aggregates have none.

    Attributes:
        trace_id, span_id, parent_id: the span that carries the cost; parent_id is None at the root of a trace.
        start_ns, duration_ns: when the call began (nanoseconds since the epoch) and how long it took.
        service: `service.name` of the resource, None when unknown.
        session_id: the session, conversation or thread of the call, else the trace id as 32 hexadecimal digits.
        provider, model, operation, tier: as on the span; None when unknown. tier is "batch" for batch processing.
        usage: meter name -> quantity, inclusive.
        cost_femto: cost in 1e-15 USD, None when unknown. list_cost_femto: the same at list price, None when unknown.
        status, reason, source, pricing_version, rate_id: provenance of the cost, as on the span.
        tags: `app.*` attributes that hold a string, by attribute name.
        error: the error's type when the call failed, else None.
        finish_reason, prompt_name, prompt_version, outcome, time_to_first_token_ns: None when unknown.
    """

    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    duration_ns: int
    service: str | None
    session_id: str
    provider: str | None
    model: str | None
    operation: str | None
    tier: str | None
    usage: Mapping[str, Quantity]
    cost_femto: int | None
    list_cost_femto: int | None
    status: str
    reason: str | None
    source: str | None
    pricing_version: str | None
    rate_id: str | None
    tags: Mapping[str, str]
    error: str | None
    finish_reason: str | None
    prompt_name: str | None
    prompt_version: str | None
    outcome: str | None
    time_to_first_token_ns: int | None

    @property
    def cost(self) -> Cost:
        """Return the cost of the call, as on its span."""
        return Cost(self.status, self.reason, self.cost_femto, self.rate_id, self.source, self.list_cost_femto)

    @property
    def call(self) -> Call:
        """Return the call as input to pricing, as far as a record holds it: without the context."""
        tier, processing = (None, BATCH) if self.tier == BATCH else (self.tier, None)
        return Call(
            self.provider or "", self.model or "", self.usage, self.start_ns, None, self.operation,
            tier, processing, None, self.duration_ns,
        )  # fmt: skip


class Correction(NamedTuple):
    """A record that was handed out and is not counted any more: another span reports the same call.

    Attributes:
        record: the record as it was handed out.
        counted_on: id of the span that carries the call now.
    """

    record: CallRecord
    counted_on: int


CallEvent: TypeAlias = "CallRecord | Correction"
"""What a listener is called with."""
