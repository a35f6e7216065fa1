# SPDX-License-Identifier: Apache-2.0
"""The input and output values of pricing. This file knows no provider."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple, TypeAlias

Quantity: TypeAlias = "int | Fraction"
"""Quantity of a meter: tokens and requests are whole numbers, seconds may be fractions."""

# Values of llm.cost_status.
PRICED = "priced"
FREE = "free"
NOT_BILLED = "not_billed"
ESTIMATED = "estimated"
PARTIAL = "partial"
UNPRICED = "unpriced"
DUPLICATE = "duplicate"
AGGREGATE = "aggregate"

BATCH = "batch"
"""The value of `Call.processing` for batch processing, and the tier of its records."""


class Call(NamedTuple):
    """One request to a model, as input to pricing.

    provider: a value of `gen_ai.provider.name` (the matcher accepts any known spelling).
    model: the model name of the response, else of the request; request_model: the requested one, if both are known.
    usage: meter name -> quantity, inclusive (input_tokens includes cache reads, writes and every modality).
    at_ns: when the call started, nanoseconds since the Unix epoch, UTC.
    service_tier: the tier that was served; processing: "batch" or None.
    context: facts that can change the price: speed, inference_geo, data_residency, vertex_location, server_address,
    deployment_type, and for contracts tenant, team, account, api_key_alias, deployment, override_usd.
    duration_ns: duration of the call, for prices by time.
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
    """The cost of a call, or the reason why it is unknown.

    status: one of the statuses above; reason: a code of `core/reasons`, None when status is `priced`.
    femto: cost in 1e-15 USD; None exactly when the status is `unpriced`.
    rate_id: provider/model@period[;variant…][;tier]; with the card's version it identifies the rates.
    source: llm.cost_source (rate_card, contract, provider, hardware, manual), None when unpriced.
    list_femto: the list price, when the cost is from another source than the rate card.
    """

    status: str
    reason: str | None
    femto: int | None
    rate_id: str | None = None
    source: str | None = None
    list_femto: int | None = None


class LineItem(NamedTuple):
    """One meter of a call: `price` is USD (decimal text) per `per` units, `femto` the cost of the quantity."""

    meter: str
    quantity: Quantity
    price: str
    per: int
    femto: int
