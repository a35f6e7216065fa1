# SPDX-License-Identifier: Apache-2.0
"""Which requests capture watches, by the kind of their target, and which answers are no call."""

from __future__ import annotations

from spancost.core.wire import reading as outcomes
from spancost.core.wire.match import Target
from spancost.core.wire.reading import WireReading

UNKNOWN = "none"
"""The kind of a request to a known provider at a path that nobody listed."""
FOUND_AT_END = frozenset({outcomes.RETRIEVAL, UNKNOWN})
"""Kinds of requests whose answers show whether they are calls."""
_KINDS = frozenset({"call", outcomes.RETRIEVAL})


def holds_batch(target: Target) -> bool:
    """Tell whether the answer of *target* can hold the answers of a batch."""
    return target.shape is not None and target.shape.batch is not None


def is_watched(target: Target, method: str) -> bool:
    """Tell whether the answer of *target* can be that of a call."""
    return target.kind in _KINDS or holds_batch(target) or (target.kind == UNKNOWN and method == "POST")


def has_usage(reading: WireReading) -> bool:
    """Tell whether an answer reports usage, in a form that was read or in an unknown one."""
    return bool(reading.usage) or outcomes.ENDPOINT_UNKNOWN in reading.caveats
