# SPDX-License-Identifier: Apache-2.0
"""The short way of a span that looks like one seen before.

Law: what is cast is what the ledger works out in full, in the same order, or nothing is cast. A mould (core/mould) is
made of a span that was worked out in full, and kept only when it gives that span's answer again. What depends on other
spans is looked at each time: calls beneath, tokens or a response id that were counted lately, a parent that waits for
its figures. Such a span goes the long way. So do the first two of a kind: to make a mould of the first would cost spans
that never look alike three times what they cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from spancost.core.call import Call, Cost
from spancost.core.dialect.dialects import Dialects
from spancost.core.dialect.shape import PLAIN
from spancost.core.ledger.counting import OWN
from spancost.core.ledger.memory import Counted, Memory, Process
from spancost.core.ledger.mould import Mould, mould_of
from spancost.core.ledger.rollup import RollUp, subtotal_of
from spancost.core.ledger.written import Written, write_trace
from spancost.core.pricing.price import Pricer
from spancost.core.recent import Recent
from spancost.core.semconv import (
    LLM_COST_STATUS,
    LLM_SUBTREE_COST_USD,
    LLM_TRACE_COST_USD,
)
from spancost.core.span import Attributes, AttributeValue, Span

MOULDS_KEPT = 4_096
"""Moulds at most; one more, and all are forgotten. A mould and its place take about 2 KB."""
MAX_KEYS = 64
SEEN_KEPT = 8_192
_OURS = frozenset((LLM_COST_STATUS, LLM_TRACE_COST_USD, LLM_SUBTREE_COST_USD))


class Likeness(NamedTuple):
    """One order of keys: how to fetch the words, whether the span's name is one of them, and the moulds by words.

    A mould of None: spans with these words are to be worked out in full.
    """

    words: Callable[[Attributes], tuple[Any, ...]]
    is_named: bool
    moulds: dict[Any, Mould | None]


class Moulds:
    """The moulds of every scope; bounded. Not thread-safe, as the ledger is not.

    roll_up, join_services: see `LedgerOptions`. counts: counters of the ledger.
    """

    def __init__(
        self, dialects: Dialects, pricer: Pricer, counts: dict[str, int], roll_up: bool, join_services: bool
    ) -> None:
        self._dialects = dialects
        self._pricer = pricer
        self._counts = counts
        self._roll_up = roll_up
        self._join_services = join_services
        self._likenesses: dict[tuple[str, str, str], dict[tuple[str, ...], Likeness]] = {}
        self._made_so_far = 0
        self._seen: Recent[int, bool] = Recent(SEEN_KEPT)

    def attach(self, rollup: RollUp, memory: Memory) -> None:
        """Use the state of a ledger, from now on."""
        self._rollup = rollup
        self._memory = memory

    def cast(
        self,
        place: tuple[int, Process],
        span_id: int,
        parent_id: int | None,
        is_local_root: bool,
        times: tuple[int, int],
        scope: tuple[str, str, str],
        name: str,
        attributes: Attributes,
        written: Written,
    ) -> bool:
        """End a span that looks like one seen before, by what is written; False, and nothing is done, for any other.

        place: trace id and process. The other arguments are those of `Span`; times: start and end; scope: name, version
        and language. The span must have been noted as closed. *written* may be *attributes*.
        """
        try:
            likeness = self._likenesses[scope][tuple(attributes)]
            words = likeness.words(attributes)
            mould = likeness.moulds[(words, name) if likeness.is_named else words]
        except (KeyError, TypeError):  # not seen before, or a list among the words
            return False
        rollup = self._rollup
        pending, blanks = rollup.pending, rollup.blanks
        start_ns, end_ns = times
        if mould is None or not mould.from_ns <= start_ns < mould.until_ns:
            return False
        if span_id in pending.new or span_id in pending.old or parent_id in blanks.new or parent_id in blanks.old:
            return False
        poured = mould.pour(attributes)
        if poured is None:
            return False
        entered, left, response_id, femto, made, parts = poured
        scope_name, models, told, provider, is_detached, is_doubtful = mould.call
        trace_id, process = place
        record = (
            span_id, scope_name, models, trace_id, entered, left, process, response_id, start_ns, end_ns, told,
            provider, parts, femto, is_doubtful
        )  # fmt: skip
        if not self._memory.add_unlike(record, is_detached):
            return False
        self._counts[OWN] += 1
        written.update(made)
        if is_local_root:
            if self._roll_up:
                write_trace(subtotal_of(record), written)
            if not self._join_services:
                return True
        if parent_id is not None:
            rollup.pass_up_record(parent_id, record)
        return True

    def learn(
        self,
        span: Span,
        call: Callable[[], Call],
        cost: Cost,
        counted: Counted,
        written: Mapping[str, AttributeValue],
    ) -> None:
        """Make a mould of a span that was worked out in full, alone, unless there is one that holds at its time.

        It is made of the second span with these keys, and of the second with these words.
        """
        attributes = span.attributes
        keys = tuple(attributes)
        if len(keys) > MAX_KEYS or not _OURS.isdisjoint(attributes):
            return
        scope_of = (span.scope_name, span.scope_version, span.language)
        likeness = self._likenesses.get(scope_of, {}).get(keys)
        is_new = likeness is None
        if likeness is None:
            if self._is_first((scope_of, keys)):
                return
            shape, is_named = self._dialects.program(span).shape(attributes)
            if shape.words is None or shape.responses:
                return
            likeness = Likeness(shape.words, is_named, {})
        try:
            words: Any = likeness.words(attributes)
            words = (words, span.name) if likeness.is_named else words
            known = likeness.moulds.get(words)
            if known is None and (words in likeness.moulds or (not is_new and self._is_first((scope_of, keys, words)))):
                return
        except TypeError:
            return
        if known is not None and known.from_ns <= span.start_ns < known.until_ns:
            return
        if self._made_so_far >= MOULDS_KEPT:
            self._likenesses, self._made_so_far = {}, 0
            likeness = likeness._replace(moulds={})
        self._made_so_far += 1
        likeness.moulds[words] = self._made(span, call(), cost, counted, written)
        self._likenesses.setdefault(scope_of, {})[keys] = likeness

    def _is_first(self, kind: tuple[Any, ...]) -> bool:
        """Note a kind of span; return whether none like it was noted lately. Raises TypeError for a list among it."""
        sight = hash(kind)
        if sight in self._seen:
            return False
        self._seen.set(sight, True)
        return True

    def _made(
        self, span: Span, call: Call, cost: Cost, counted: Counted, written: Mapping[str, AttributeValue]
    ) -> Mould | None:
        frame = self._dialects.program(span).frame(span)
        tariff = self._pricer.tariff(call)
        if frame is None or tariff is None or cost.femto is None or not PLAIN.issuperset(frame.fields):
            return None
        mould = mould_of(frame, tariff, cost, counted, self._dialects.identity.is_detached(counted.scope), written)
        if mould is None:
            return None
        poured = mould.pour(span.attributes)
        if poured is None or poured[2:4] != (counted.response_id, cost.femto):
            return None
        return mould if list(poured[4].items()) == list(written.items()) else None


def moulds_of(
    dialects: object, pricer: object, counts: dict[str, int], roll_up: bool, join_services: bool
) -> Moulds | None:
    """Return the moulds of a ledger that reads and prices by these; None unless they tell what spans have in common.

    A pricer with a contract does not: what it says depends on more than the words that are read of a span.
    """
    if type(dialects) is Dialects and type(pricer) is Pricer:
        return Moulds(dialects, pricer, counts, roll_up, join_services)
    return None
