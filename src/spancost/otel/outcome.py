# SPDX-License-Identifier: Apache-2.0
"""The outcome of the work: `app.outcome` on the span that carries the trace's cost, for cost per successful outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from opentelemetry import trace

from spancost.core import semconv
from spancost.core.generational import GenerationalCache
from spancost.otel.attribution import is_unicode
from spancost.otel.registry import PROCESS

MAX_WAITING = 4096
"""Outcomes kept while their spans are open, at least; further ones evict the oldest."""


class Outcome(NamedTuple):
    """An outcome of an open span.

    Attributes:
        order: its place among all that were recorded. The last one recorded below a span is that span's.
        text: the outcome.
        own: the outcome that was recorded on this span itself, and so stands on it; None when it came from below.
    """

    order: int
    text: str
    own: str | None = None


class Taken(NamedTuple):
    """What an ended span does with its outcome: `write` it, or `remove` it because it moved to an ancestor."""

    write: str | None = None
    remove: str | None = None


class Outcomes:
    """The outcomes of the open spans of one processor.

    waiting: span id -> outcome. It moves to the nearest open ancestor as each span ends, until a local root takes it.
    dropped: outcomes whose spans ended after their local root.
    """

    def __init__(self) -> None:
        self.waiting: GenerationalCache[int, Outcome] = GenerationalCache(MAX_WAITING)
        self.is_used = False
        self.dropped = 0

    def record(self, span_id: int, order: int, text: str) -> None:
        """Keep the outcome of an open span."""
        self.is_used = True
        self.waiting.set(span_id, Outcome(order, text, text))

    def take(self, span_id: int, parent_id: int | None, nearest_open: Callable[[int], int | None]) -> Taken:
        """Return what to do with the outcome of a span that ends.

        A local root (*parent_id* None) writes it. Else it goes to the first open span from the parent on upwards, which
        *nearest_open* returns.
        """
        outcome = self.waiting.pop(span_id)
        if outcome is None:
            return Taken()
        if parent_id is None:
            return Taken(write=outcome.text)
        self._pass_up(parent_id, outcome, nearest_open)
        return Taken(remove=outcome.own)

    def _pass_up(self, parent_id: int, outcome: Outcome, nearest_open: Callable[[int], int | None]) -> None:
        above = nearest_open(parent_id)
        while above is not None:
            earlier = self.waiting.get(above)
            if earlier is None:
                self.waiting.set(above, outcome._replace(own=None))
            elif earlier.order < outcome.order:
                self.waiting.set(above, outcome._replace(own=earlier.own))
            if nearest_open(above) == above:
                return
            # It ended in another thread meanwhile: what it did not take along goes on.
            left = self.waiting.pop(above)
            if left is None:
                return
            outcome, above = left, nearest_open(above)
        self.dropped += 1


def record_outcome(outcome: str, *, span: trace.Span | None = None) -> bool:
    """Record *outcome* ("success", "failure", "escalated", …) of the work the current span belongs to.

    It is written on that span as `app.outcome`. A processor moves it to the local root (the topmost span of this
    process) as spans end, which carries `llm.trace_cost_usd`: cost by outcome is one group-by. The last one recorded
    wins. *span* names another open span than the current one. Returns False, and counts, when there is no open span or
    *outcome* is no string.
    """
    span = trace.get_current_span() if span is None else span
    context = span.get_span_context()
    is_text = isinstance(outcome, str) and outcome and is_unicode(outcome)
    if not is_text or not context.is_valid or not span.is_recording():
        PROCESS.outcomes_dropped += 1
        return False
    span.set_attribute(semconv.APP_OUTCOME, outcome)
    PROCESS.outcome_recorded(context.span_id, outcome)
    return True
