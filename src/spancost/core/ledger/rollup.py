# SPDX-License-Identifier: Apache-2.0
"""Totals passed up from child to parent as spans end: O(1) a span, state only for parents of calls, bounded."""

from __future__ import annotations

from typing import Any, TypeAlias

from spancost.core.call import Quantity
from spancost.core.dialect.identity import Identity
from spancost.core.generational import GenerationalCache
from spancost.core.ledger.classification import Descendants, is_incomplete
from spancost.core.ledger.ended_spans import EndedSpans
from spancost.core.ledger.memory import CountedCall, Record, call_of_record
from spancost.core.ledger.same_call import are_two_exchanges, same_model
from spancost.core.record import CallRecord

KEPT_CALLS = 64
"""How many of the calls below a span are kept for comparison; totals cover all of them."""


class Subtotal:
    """What the calls of a subtree add up to.

    femto: of the `priced` ones. doubtful: how many are partial or unpriced. calls, count: those that report tokens, the
    latest and how many; unreported, without_usage: the latest that reports none, and how many.
    """

    __slots__ = (
        "calls",
        "count",
        "doubtful",
        "femto",
        "input",
        "output",
        "priced",
        "requests",
        "unpriced",
        "unreported",
        "without_usage",
    )

    def __init__(self) -> None:
        self.femto = 0
        self.priced = 0
        self.input: Quantity = 0
        self.output: Quantity = 0
        self.requests = 0
        self.unpriced = 0
        self.doubtful = 0
        self.unreported: list[CountedCall] = []
        self.without_usage = 0
        self.calls: list[CountedCall | Record] = []
        self.count = 0

    def add(self, other: Subtotal) -> None:
        """Take another subtree into this one; *other* is not used afterwards."""
        self.femto += other.femto
        self.priced += other.priced
        self.input += other.input
        self.output += other.output
        self.requests += other.requests
        self.unpriced += other.unpriced
        self.doubtful += other.doubtful
        self.without_usage += other.without_usage
        if other.unreported:
            self.unreported = (self.unreported + other.unreported)[-KEPT_CALLS:]
        self.count += other.count
        if not self.calls:
            self.calls = other.calls
            return
        self.calls.extend(other.calls)
        if len(self.calls) > 2 * KEPT_CALLS:
            del self.calls[:-KEPT_CALLS]

    def add_records(self, records: list[Record]) -> None:
        """Take calls with costs into this subtree."""
        number = len(records)
        self.priced += number
        self.requests += number
        self.count += number
        for record in records:
            self.femto += record[-2]
            self.input += record[4] or 0
            self.output += record[5] or 0
            self.doubtful += record[-1]
        self.calls += records
        if len(self.calls) > 2 * KEPT_CALLS:
            del self.calls[:-KEPT_CALLS]

    def descendants(self) -> Descendants:
        """Return what the counting rule needs of this subtree."""
        calls = [call_of_record(call) for call in self.calls[-KEPT_CALLS:]]
        return Descendants(calls, self.count, self.input, self.output, self.unreported[-1] if self.unreported else None)

    @property
    def latest(self) -> CountedCall:
        """The latest call: of those that report tokens, if any."""
        return call_of_record(self.calls[-1]) if self.calls else self.unreported[-1]

    def absorb_unreported(self) -> list[CountedCall]:
        """Take back the calls without usage, whose usage the call above them reports; return the latest of them."""
        self.requests -= self.without_usage
        self.unpriced -= self.without_usage
        self.doubtful -= self.without_usage
        absorbed = self.unreported
        self.without_usage, self.unreported = 0, []
        return absorbed


def subtotal_of_call(call: CountedCall, femto: int | None, is_uncertain: bool) -> Subtotal:
    """Return the subtotal of one counted call."""
    subtotal = Subtotal()
    subtotal.input, subtotal.output = call.input or 0, call.output or 0
    subtotal.requests = 1
    if call.input is None and call.output is None and femto is None:
        subtotal.unreported, subtotal.without_usage = [call], 1
    else:
        subtotal.calls, subtotal.count = [call], 1
    subtotal.doubtful = int(is_uncertain)
    if femto is None:
        subtotal.unpriced = 1
    else:
        subtotal.femto, subtotal.priced = femto, 1
    return subtotal


def is_one_request(this: CountedCall, without_usage: CountedCall, identity: Identity) -> bool:
    """Whether a call that reports usage may be the request of one above or below it that reports none."""
    return (
        (this.scope != without_usage.scope or identity.nests(this.scope))
        and same_model(this, without_usage)
        and not are_two_exchanges(this, without_usage)
    )


def incomplete_subtotal(reason: object) -> Subtotal | None:
    """Return what makes the totals above a duplicate or aggregate incomplete; None when its reason does not."""
    if not is_incomplete(reason):
        return None
    subtotal = Subtotal()
    subtotal.doubtful = 1
    return subtotal


Held: TypeAlias = "Subtotal | Record | list[Subtotal | Record]"
"""What was passed up to a span: one call is held as its record, several as a list until they are asked for. Only the
first in a list may be a subtotal."""


def subtotal_of(held: Held) -> Subtotal:
    """Return what is held as one subtotal; a subtotal in it is added to."""
    if isinstance(held, Subtotal):
        return held
    if isinstance(held, tuple):
        held = [held]
    records: list[Any] = held
    if not isinstance(records[0], Subtotal):
        total = Subtotal()
        total.add_records(records)
        return total
    records[0].add_records(records[1:])
    return records[0]


class RollUp:
    """The open subtotals by the span id they belong to, and the spans that have ended.

    without_usage: calls that ended without usage, by span id, with their records where these were handed out.
    """

    def __init__(self, open_spans: int, closed_spans: int) -> None:
        self.pending: GenerationalCache[int, Held] = GenerationalCache(open_spans)
        self.closed = EndedSpans(closed_spans)
        self.without_usage: GenerationalCache[int, tuple[CountedCall, CallRecord | None]] = GenerationalCache(
            open_spans
        )
        self.late = 0

    def clear(self) -> None:
        """Forget all spans; `late` stays."""
        self.pending.clear()
        self.closed.clear()
        self.without_usage.clear()

    def take(self, span_id: int) -> Subtotal | None:
        """Take out what was passed up to this span."""
        held = self.pending.pop(span_id)
        return None if held is None else subtotal_of(held)

    def descendants(self, span_id: int) -> Subtotal | None:
        """Return what was passed up to an open span so far, None when nothing was; not to be changed."""
        held = self.pending.get(span_id)
        if held is None or isinstance(held, Subtotal):
            return held
        total = subtotal_of(held)
        self.pending.set(span_id, total)
        return total

    def late_parent(self, parent_id: int, call: Subtotal, identity: Identity) -> CallRecord | None:
        """Take back the parent's request when it ended as a call without usage: *call* is the same request.

        Return the parent's record, if one was handed out.
        """
        found = self.without_usage.get(parent_id)
        if found is None or not is_one_request(call.latest, found[0], identity):
            return None
        self.without_usage.pop(parent_id)
        call.requests -= 1
        call.unpriced -= 1
        call.doubtful -= 1
        return found[1]

    def take_record(self, span_id: int) -> CallRecord | None:
        """Return the record that was handed out for a call without usage, once; None when there is none."""
        found = self.without_usage.get(span_id)
        if found is None:
            return None
        self.without_usage.set(span_id, (found[0], None))
        return found[1]

    def nearest_open(self, span_id: int) -> int | None:
        """Return the first span from *span_id* on upwards that has not ended, None when all have."""
        if self.closed.waiting:
            self.closed.settle()
        target: int | None = span_id
        passed: set[int] | None = None
        while target:
            above = self.closed.get(target)
            if above is None:
                break
            passed = passed or set()
            passed.add(target)
            # Spans that name one another as parents have no ancestor that is open.
            target = above if above not in passed else None
        return target or None

    def pass_up(self, parent_id: int | None, subtotal: Subtotal) -> None:
        """Add *subtotal* to the nearest open ancestor from *parent_id* on; count it as late when none is left.

        None: there is no ancestor.
        """
        if parent_id is None:
            return
        closed, target = self.closed, parent_id
        if closed.waiting:
            closed.settle()
        if target in closed.new or target in closed.old:
            above = self.nearest_open(target)
            if above is None:
                self.late += max(subtotal.requests, subtotal.count)
                return
            target = above
        held = self.pending.get(target)
        if held is None:
            self.pending.set(target, subtotal)
        else:
            total = subtotal_of(held)
            total.add(subtotal)
            if total is not held:
                self.pending.set(target, total)
        if closed.waiting:
            closed.settle()
        if target in closed:
            self._pass_on(target)

    def pass_up_record(self, parent_id: int, record: Record) -> None:
        """Do what `pass_up` does with one call."""
        closed, pending = self.closed, self.pending
        if closed.waiting:
            closed.settle()
        if parent_id in closed.new or parent_id in closed.old:
            self.pass_up(parent_id, subtotal_of(record))
            return
        held = pending.new.get(parent_id)
        if held is None:
            held = pending.old.get(parent_id)
        if held is None:
            pending.set(parent_id, record)
        elif isinstance(held, list):
            held.append(record)
            if len(held) > KEPT_CALLS:
                held[:] = [subtotal_of(held)]
        else:
            pending.set(parent_id, [held, record])
        if closed.waiting:
            closed.settle()
        if parent_id in closed.new or parent_id in closed.old:  # it ended meanwhile, in another thread
            self._pass_on(parent_id)

    def pass_through(self, span_id: int, parent_id: int | None) -> bool:
        """Pass what was passed up to a span that ends, which has no call, to the span above it, if there is one.

        Return False: no total was made of it, so that there is none to write.
        """
        held = self.pending.pop(span_id)
        if held is not None and parent_id is not None:
            if isinstance(held, tuple):  # one call, as most spans above a call have
                self.pass_up_record(parent_id, held)
            else:
                self.pass_up(parent_id, subtotal_of(held))
        return False

    def _pass_on(self, ended: int) -> None:
        again = self.take(ended)
        if again is not None:
            self.pass_up(ended, again)
