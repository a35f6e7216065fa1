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


class AdditionalUsage(NamedTuple):
    """A model pass told beside the totals of a call (a compaction, an advisor, a tool's image model).

    kind: what it is. model: None means the call's own, "" that it is not known. inside: the totals hold it already (a
    breakdown by model, which matters when each part has its own price); else it is billed on top of them.
    """

    kind: str
    model: str | None
    usage: Mapping[str, Quantity]
    inside: bool = False


class WireReading(NamedTuple):
    """What an exchange says.

    outcome: usage (billed now) | partial_usage (a stream that was cut: what it said so far) | no_usage | error |
    error_in_200 | count_only | admin (nothing is billed by this exchange) | retrieval (the usage of an earlier call,
    told again) | batch_result (a sum over the calls of a batch).
    usage: inclusive meters (DESIGN: meters), empty when none are to be counted here.
    complete: the answer ran to its end. provider_cost: the provider's own cost of the call in USD; cost_is_estimate: a
    gateway reckoned it from a table of its own.
    billed: the meters that are sold in another quantity than was processed (Cohere), None when there are none.
    doubts: codes of what is inconsistent; the counts stand as they came.
    sold_as: the model's name as the provider bills it, where that is not the one in the answer (Bedrock's path).
    context: facts that can change the price (see `Call.context`).
    sold_tier: the tier in the rate card's word, where the answer has another for it.
    estimate: on what tokens or their split rest that the answer did not tell (a basis of `wire.estimate` or of the
    shape's `assumed`), None when all are its own.
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
    further: tuple[AdditionalUsage, ...] = ()
    caveats: tuple[str, ...] = ()
    context: Mapping[str, str] | None = None
    billed: Mapping[str, Quantity] | None = None
    cost_is_estimate: bool = False
    sold_as: str | None = None
    estimate: str | None = None
    sold_tier: str | None = None
