# SPDX-License-Identifier: Apache-2.0
"""What a span that speaks of a call is: the call, a duplicate, an aggregate; and the closed list of reasons."""

from __future__ import annotations

from typing import NamedTuple

from spancost.core.call import Quantity
from spancost.core.ledger.memory import CountedCall

OWN = "own"
DUPLICATE = "duplicate"
AGGREGATE = "aggregate"

SAME_RESPONSE = "same_response_id"
SAME_RESPONSE_DIFFERS = "same_response_other_tokens"
REPEATS = "repeats_call_beneath"
SUM = "sum_of_calls_beneath"
EXCEEDS = "exceeds_calls_beneath"
LESS = "less_than_calls_below"
"""Reason of an aggregate that is not the sum of calls below it, nor of some of them: it may be of another call."""
SAME_CALL = "same_call_elsewhere"
SAME_TOKENS = "same_tokens_elsewhere"
ONLY_CARRIER = "only_carrier"
LOCAL_CACHE = "local_cache"
"""Reason of a call that repeats, with its response id, one that its emitter reported and that had ended before."""
POSSIBLE_CACHE = "possible_local_cache"
"""Reason of a call that may be an answer from the application's own cache: no id shows it."""
REPORTS_MORE = "reports_more"
"""Reason of a duplicate or aggregate, with the name of a meter that it alone reports and that changes the price."""

REASONS = (SAME_RESPONSE, SAME_RESPONSE_DIFFERS, REPEATS, SUM, EXCEEDS, LESS, SAME_CALL, SAME_TOKENS, REPORTS_MORE)
"""Why a span that reports usage is no call of its own; each has a counter."""


class Classification(NamedTuple):
    """What a span is: OWN (its usage is counted), DUPLICATE (of one call: `of`), AGGREGATE (of several)."""

    role: str
    reason: str | None = None
    of: CountedCall | None = None


class Descendants(NamedTuple):
    """The counted calls below a span that report tokens: the latest of them, their number, and their tokens added up.

    without_usage: the latest call below it that reports none.
    """

    calls: list[CountedCall]
    number: int
    input: Quantity
    output: Quantity
    without_usage: CountedCall | None = None


def is_incomplete(reason: object) -> bool:
    """Whether a duplicate or aggregate with this reason says that what was counted in its place is not all."""
    return isinstance(reason, str) and (
        reason in (EXCEEDS, LESS, SAME_TOKENS, SAME_RESPONSE_DIFFERS) or reason.startswith(REPORTS_MORE)
    )
