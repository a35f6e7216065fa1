# SPDX-License-Identifier: Apache-2.0
"""What one HTTP exchange with a model provider says was used."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from spancost.core.call import Quantity

USAGE = "usage"
PARTIAL_USAGE = "partial_usage"
NO_USAGE = "no_usage"
ERROR = "error"
ERROR_IN_200 = "error_in_200"
COUNT_ONLY = "count_only"
ADMIN = "admin"
RETRIEVAL = "retrieval"
BATCH_RESULT = "batch_result"


class FurtherUsage(NamedTuple):
    """A model pass billed with a call and outside its totals (a compaction, an advisor); model None: the call's."""

    kind: str
    model: str | None
    usage: Mapping[str, Quantity]


class WireReading(NamedTuple):
    """What an exchange says.

    outcome: usage (billed now) | partial_usage (a stream that was cut: what it said so far) | no_usage | error |
    error_in_200 | count_only | admin (nothing is billed by this exchange) | retrieval (the usage of an earlier call,
    told again) | batch_result (a sum over the calls of a batch).
    usage: inclusive meters (DESIGN: meters), empty when none are to be counted here.
    complete: the answer ran to its end. provider_cost: the provider's own cost of the call in USD.
    billed: the meters that are sold in another quantity than was processed (Cohere), None when there are none.
    doubts: codes of what was inconsistent and clamped. context: facts that can change the price (see `Call.context`).
    """

    outcome: str
    provider: str | None
    operation: str | None
    usage: Mapping[str, Quantity]
    complete: bool
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    service_tier: str | None = None
    finish_reason: str | None = None
    provider_cost: Fraction | None = None
    gateway: str | None = None
    upstream: str | None = None
    further: tuple[FurtherUsage, ...] = ()
    doubts: tuple[str, ...] = ()
    context: Mapping[str, str] | None = None
    billed: Mapping[str, Quantity] | None = None
