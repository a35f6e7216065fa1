# SPDX-License-Identifier: Apache-2.0
"""The values that go into pricing and come out of it. Nothing here knows a provider."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple, TypeAlias

Quantity: TypeAlias = "int | Fraction"
"""How much of a meter was used: tokens and requests are whole, seconds may be a fraction."""

# Statuses, in the order in which one is worse than another (DESIGN: llm.cost_status).
PRICED = "priced"
FREE = "free"
NOT_BILLED = "not_billed"
ESTIMATED = "estimated"
PARTIAL = "partial"
UNPRICED = "unpriced"
DUPLICATE = "duplicate"
AGGREGATE = "aggregate"


class Call(NamedTuple):
    """One request to a model as it is to be priced.

    provider: provider, a value of `gen_ai.provider.name` (any known spelling is accepted by the matcher).
    model: model name as the response gave it, else as requested; request_model: the requested one, if both are known.
    usage: meter name -> quantity, inclusive (input_tokens holds cache reads, writes and every modality).
    at_ns: when the call started, nanoseconds since the Unix epoch, UTC.
    service_tier: the tier that was served; processing: "batch" or None.
    context: facts that can change the price: speed, inference_geo, data_residency, vertex_location, server_address,
    deployment_type, and for contracts tenant, team, account, api_key_alias, deployment, override_usd.
    duration_ns: how long the call took, for what is charged by time.
    """

    provider: str
    model: str
    usage: Mapping[str, Quantity]
    at_ns: int
    request_model: str | None = None
    operation: str | None = None
    service_tier: str | None = None
    processing: str | None = None
    context: Mapping[str, str] | None = None
    duration_ns: int | None = None


class Cost(NamedTuple):
    """What a call costs, or why that cannot be said.

    status: one of the statuses above; reason: a code of `core/reasons`, None when status is `priced`.
    femto: cost in 1e-15 USD; None exactly when no cost can be said (`unpriced`).
    rate_id: provider/model@era[;step…][;variant], enough with the card's version to find the rates again.
    source: llm.cost_source (rate_card, contract, provider, hardware, manual), None when unpriced.
    list_femto: the list price, when another source than the rate card gave the cost.
    """

    status: str
    reason: str | None
    femto: int | None
    rate_id: str | None = None
    source: str | None = None
    list_femto: int | None = None


class LineItem(NamedTuple):
    """One meter's quantity times its price on a call: `price` USD (decimal text) for `per` units; `femto` its cost."""

    meter: str
    quantity: Quantity
    price: str
    per: int
    femto: int
