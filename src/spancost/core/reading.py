# SPDX-License-Identifier: Apache-2.0
"""The reading of one span: a model call in the common vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from spancost.core.call import Quantity

CALL = "call"
"""The span's operation is a model call (chat, generate_content, text_completion, embeddings, …)."""
CONTAINER = "container"
"""The span's operation holds calls (agent, workflow, chain, tool, request, …); usage on it is a sum or a copy."""


class Reading(NamedTuple):
    """The reading of a span.

    emitter: the family of instrumentation that made the span (a dialect's id, such as `openllmetry`).
    kind: CALL or CONTAINER. operation: our word for it (chat, embeddings, invoke_agent, …).
    provider: provider as a value of `gen_ai.provider.name`, None when the span does not say.
    model, request_model, response_id, finish_reason, service_tier, processing: as reported, None when absent.
    usage: inclusive meters (DESIGN §3); empty when the span reports none.
    caveat: None, or (status, reason) when a fact is missing: ("partial" | "estimated" | "unpriced", code).
    context: facts that can change the price (see `Call.context`).
    reported_femto: a cost somebody else put on the span, in 1e-15 USD; billed: it is the provider's own bill.
    began_ns: start of the call, when the span reports a duration longer than its own.
    """

    emitter: str
    kind: str
    operation: str
    provider: str | None
    model: str | None
    usage: Mapping[str, Quantity]
    request_model: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    service_tier: str | None = None
    processing: str | None = None
    caveat: tuple[str, str] | None = None
    context: Mapping[str, str] | None = None
    reported_femto: int | None = None
    billed: bool = False
    began_ns: int | None = None
