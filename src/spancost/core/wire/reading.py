# SPDX-License-Identifier: Apache-2.0
"""Usage that one HTTP exchange with a model provider reports."""

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

LISTS_NOT_READ = "lists_not_read"
"""Caveat: the document was too long to keep whole, and its lists (searches, tool calls) were not counted."""
ENDPOINT_UNKNOWN = "endpoint_unknown"
"""Caveat: an answer of an unknown endpoint reports usage in an unknown form, which was not read."""


class AdditionalUsage(NamedTuple):
    """Usage of another model pass in a call (a compaction, an advisor, a tool's image model).

    kind: its name. model: None for the model of the call, "" when unknown. inside: the totals include it (a breakdown
    by model, which matters when the parts have different prices); otherwise it is billed in addition to them.
    """

    kind: str
    model: str | None
    usage: Mapping[str, Quantity]
    inside: bool = False


class WireReading(NamedTuple):
    """The reading of one exchange.

    outcome: usage (billed now) | partial_usage (a truncated stream: what it reported so far) | no_usage | error |
    error_in_200 | count_only | admin (this exchange bills nothing) | retrieval (an earlier call's usage, reported
    again) | batch_result (a sum over the calls of a batch).
    usage: inclusive meters, empty when this exchange counts none.
    complete: the whole answer was read. provider_cost: the provider's own cost of the call in USD. cost_is_estimate: a
    gateway computed it from its own price table.
    billed: meters billed in another quantity than was processed (Cohere), None when there are none.
    caveats: codes of inconsistent counts, which are unchanged, and of what was not read.
    sold_as: the billed model name, where it differs from the one in the answer (Bedrock's path).
    context: facts that can change the price (see `Call.context`).
    sold_tier: the rate card's name of the tier, where the answer has another.
    estimate: the basis of tokens, or of their split, that the answer did not report (of `wire.estimate` or of the
    shape's `assumed`), None when it reported them all.
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
    additional_usage: tuple[AdditionalUsage, ...] = ()
    caveats: tuple[str, ...] = ()
    context: Mapping[str, str] | None = None
    billed: Mapping[str, Quantity] | None = None
    cost_is_estimate: bool = False
    sold_as: str | None = None
    estimate: str | None = None
    sold_tier: str | None = None
