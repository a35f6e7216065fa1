# SPDX-License-Identifier: Apache-2.0
"""Tells the guards after a call what it used and what it costs."""

from __future__ import annotations

import time
from typing import Any

from opentelemetry.trace import Span

from spancost.capture import attributes
from spancost.capture.diagnostics import Counts
from spancost.control import guards
from spancost.core.call import Call
from spancost.core.ledger.reading_pricer import Prices
from spancost.core.wire.reading import WireReading


def tell(
    pricer: Prices,
    counts: Counts,
    asked: guards.CallRequest,
    reading: WireReading,
    told: attributes.Attributes,
    span: Span | None,
    started_ns: int,
) -> None:
    """Call every guard with the cost of *reading*; told: the attributes of its span. Never raises."""
    context = {**(reading.context or {}), "server_address": asked.host}
    facts_of = getattr(pricer, "facts_of", None)
    if facts_of is not None:  # a contract asks who the call is for
        said = {**(getattr(span, "attributes", None) or {}), **told}
        resource: Any = getattr(span, "resource", None)
        context = facts_of(context, said, getattr(resource, "attributes", None)) or context
    cost = pricer.price(
        Call(
            reading.provider or "",
            attributes.model_of(reading) or "",
            attributes.sold(reading),
            started_ns,
            reading.request_model,
            reading.operation,
            reading.sold_tier or reading.service_tier,
            None,
            context,
            time.time_ns() - started_ns,
        )
    )
    for guard in guards.after:
        try:
            guard(guards.CallResult(asked, reading, cost))
        except Exception as error:
            counts.fault("guard", error)
