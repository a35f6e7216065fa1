# SPDX-License-Identifier: Apache-2.0
"""What came of the work: `app.outcome` on the span that carries the trace's cost, for cost per successful outcome."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

from opentelemetry import trace

from spancost.core import semconv
from spancost.core.generational import GenerationalCache
from spancost.otel.attribution import is_unicode

MAX_WAITING = 4096
"""Outcomes kept while their spans are open, at least; further ones push out the oldest."""


class Outcome(NamedTuple):
    """An outcome and the order in which it was recorded: the last one recorded beneath a span is that span's."""

    order: int
    text: str


_order = itertools.count(1)
waiting: GenerationalCache[int, Outcome] = GenerationalCache(MAX_WAITING)
"""Span id -> outcome, for open spans; it moves to the nearest open ancestor as each span ends, until a local root takes
it."""

dropped = 0
"""Outcomes that were recorded where no span is open, or whose spans ended after their local root."""
used = False
"""Whether an outcome was ever recorded in this process; while not, spans end without a look for one."""
heard = False
"""Whether a processor of this process sees spans end; without one an outcome is written on its own span at once."""


def record_outcome(outcome: str, *, span: trace.Span | None = None) -> bool:
    """Record *outcome* ("success", "failure", "escalated", …) of the work the current span belongs to.

    It becomes `app.outcome` on the local root (the topmost span of this process), which carries `llm.trace_cost_usd`,
    so that cost by outcome is one group-by. The last one recorded wins. *span* names another open span than the current
    one. Returns False, and counts, when there is no open span or *outcome* is no text.
    """
    global dropped, used
    span = trace.get_current_span() if span is None else span
    context = span.get_span_context()
    is_text = isinstance(outcome, str) and outcome and is_unicode(outcome)
    if not is_text or not context.is_valid or not span.is_recording():
        dropped += 1
        return False
    used = True
    if heard:
        waiting.set(context.span_id, Outcome(next(_order), outcome))
    else:
        span.set_attribute(semconv.APP_OUTCOME, outcome)
    return True


def take(span_id: int, parent_id: int | None, nearest_open: Callable[[int], int | None]) -> str | None:
    """Return the outcome of a span that ends, if it is a local root (*parent_id* None).

    Else it goes to the first span that has not ended from the parent on upwards, which *nearest_open* tells.
    """
    outcome = waiting.pop(span_id)
    if outcome is None:
        return None
    if parent_id is None:
        return outcome.text
    _pass_up(parent_id, outcome, nearest_open)
    return None


def _pass_up(parent_id: int, outcome: Outcome, nearest_open: Callable[[int], int | None]) -> None:
    global dropped
    above = nearest_open(parent_id)
    while above is not None:
        earlier = waiting.get(above)
        if earlier is None or earlier.order < outcome.order:
            waiting.set(above, outcome)
        if nearest_open(above) == above:
            return
        # It ended in another thread meanwhile: what it did not take along goes on.
        left = waiting.pop(above)
        if left is None:
            return
        outcome, above = left, nearest_open(above)
    dropped += 1
