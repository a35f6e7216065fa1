# SPDX-License-Identifier: Apache-2.0
"""Puts the outcome that was recorded on a span on the local root of its trace."""

from __future__ import annotations

from collections.abc import Callable

from spancost.core.semconv import APP_OUTCOME
from spancost.core.span import AttributeValue
from spancost.otel.outcome import Outcomes
from spancost.otel.processor.reentrancy import EndedSpan
from spancost.otel.processor.sdk_access import IS_REMOTE, SPAN_ID, remove


def move_outcome(
    ended: EndedSpan,
    writes: dict[str, AttributeValue],
    outcomes: Outcomes,
    nearest_open: Callable[[int], int | None],
) -> None:
    """Write the outcome of a local root, or let that of another span go to an ancestor.

    writes: what is written on the span, which may be its own attributes. nearest_open: finds the nearest open span.
    """
    span, context, parent, _, attributes, _ = ended
    above = None if parent is None or parent[IS_REMOTE] else parent[SPAN_ID]
    taken = outcomes.take(context[SPAN_ID], above, nearest_open)
    if taken.write is not None:
        writes[APP_OUTCOME] = taken.write
    elif taken.remove is not None and attributes.get(APP_OUTCOME) == taken.remove:
        remove(span, APP_OUTCOME)
        attributes.pop(APP_OUTCOME, None)
        if writes is not attributes:
            writes.pop(APP_OUTCOME, None)
