# SPDX-License-Identifier: Apache-2.0
"""`LLMCostProcessor`: prices every LLM span as it ends and gives each span above it the totals."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanContext

from spancost.config.pricers import SpanLedger, carry_tags, new_ledger
from spancost.config.settings import Settings, load
from spancost.core import semconv
from spancost.core.generational import GenerationalCache
from spancost.core.ledger.ledger import ABOVE, AGAIN, CALL, IDLE
from spancost.core.span import AttributeValue
from spancost.otel import attribution, baggage, outcome
from spancost.otel.processor import strategy as strategies
from spancost.otel.processor.attribution import Completion, tag
from spancost.otel.processor.diagnostics import ErrorCounter
from spancost.otel.processor.duplicate_ids import as_on_spans, unique
from spancost.otel.processor.spans import (
    IS_REMOTE,
    SPAN_ID,
    TRACE_ID,
    Reader,
    context_of,
    identity,
    public_identity,
    write,
)
from spancost.otel.processor.wrap_end import wrap_end

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from spancost.config.settings import Arguments

SILENT_KEPT = 1024
"""Spans remembered as done without a trace on them, at least, so that one that comes by two ways is counted once."""


_living: weakref.WeakSet[LLMCostProcessor] = weakref.WeakSet()


class LLMCostProcessor(SpanProcessor):
    """Writes `llm.*` on LLM spans and the spans above them, before any exporter sees them.

    `provider.add_span_processor(LLMCostProcessor())` is all it takes, before or after the exporters. Nothing it does
    raises into the application. Keyword arguments are those of `Settings`; they win over *settings*, which take the
    place of the environment and the file. `stats` counts what happened.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        ledger: SpanLedger | None = None,
        **arguments: Unpack[Arguments],
    ) -> None:
        self.settings = load(arguments, base=settings)
        self.strategy = ""
        self._wraps = self._is_trying = False
        self._finished: SpanContext | None = None
        self._errors = ErrorCounter()
        reader = Reader()
        self._about, self._read, self._resource = reader.about, reader.read, reader.resource
        self._counts = {"attribution_missing": 0, "deferred": 0, "ids_repeated": 0}
        required = tuple(attribution.ATTRIBUTES[tag] for tag in self.settings.required_tags)
        self._completion = Completion(required)
        self._ledger = new_ledger(self.settings) if ledger is None else ledger
        self._ends = self._ledger.ends
        self.restart()
        outcome.heard = True
        if not self.settings.enabled:
            self.disable()
        elif self.settings.baggage != "off":
            carry_tags(self.settings)
        _living.add(self)

    def restart(self) -> None:
        """Begin with an empty ledger and a free lock: in a forked child, where another thread may hold the old one."""
        # A span may end inside our own work: a signal's handler or a finalizer that the garbage collector runs ends it,
        # in the thread that holds the lock. It waits until the work in hand is done.
        self._lock = threading.RLock()
        self._is_busy = self._ids_repeat = False
        self._deferred: deque[tuple[Any, ...]] = deque()
        self._silent = GenerationalCache[int, int](SILENT_KEPT)
        self._ledger.clear()

    def disable(self) -> None:
        """Do nothing from now on; a tracer provider keeps its processors for good."""
        self.strategy = "disabled"
        self._wraps = False
        self.on_start = self._on_ending = self.on_end = _do_nothing  # type: ignore[method-assign]

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tag *span* with the attribution in force; choose the strategy at the first span."""
        try:
            if not self.strategy:
                self._choose()
            if self._wraps:
                wrap_end(span, self._before_end)
            if attribution.used:
                tag(span, parent_context)
        except Exception as error:
            self._errors.record("on_start", error)

    def _on_ending(self, span: Span) -> None:
        if self._is_trying:
            self._settle(strategies.HOOK)
        if self.strategy == strategies.HOOK:
            self._on_ending = self._finish  # type: ignore[method-assign,assignment]
            self._rest()
        self._finish(span)

    def on_ending(self, span: Span) -> None:
        """Do what `_on_ending` does, for SDKs that give the hook its public name; a span is finished once."""
        self._on_ending(span)

    def _before_end(self, span: Span, end_ns: int) -> None:
        self._finish(span, end_ns, "end")

    def on_end(self, span: ReadableSpan) -> None:
        """Finish what nothing finished before. In `auto`, a hook that is not called makes spans be wrapped."""
        try:
            if context_of(span) is self._finished and not self._is_trying:
                return
        except AttributeError:
            self._errors.say(logging.DEBUG, "spancost: this SDK keeps contexts of spans in another place")
        if self._is_trying:
            self._settle(strategies.WRAP)
        if self._finish(span, 0, "on_end") and self._may_change:
            self._settle(strategies.WRAP)
            self._errors.say_once("on_end", "the hook for ending spans was not called; spans are wrapped from now on")

    def _finish(self, span: ReadableSpan, end_ns: int = 0, where: str = "on_ending") -> bool:
        """Price, roll up and write *span* unless that was done; return whether there was something to do.

        Never raises; a fault is told to have happened *where*.
        """
        try:
            try:
                context, parent, attributes = identity(span)
            except AttributeError:
                context, parent, attributes = public_identity(span)
            if context is self._finished:
                return False
            self._finished = context
            span_id = context[SPAN_ID]
            above = None if parent is None or parent[IS_REMOTE] else parent[SPAN_ID]
            if self._ids_repeat:
                todo = self._ends(*unique(context, above), attributes)
            else:
                todo = self._ends(span_id, above, attributes)
            if todo == IDLE and not (outcome.used and span_id in outcome.waiting):
                return False
            if todo == AGAIN:
                if self._silent.get(span_id) == context[TRACE_ID]:
                    return False
                todo = self._end_again(context, above, attributes)
            self._price(span, context, parent, todo, attributes, end_ns)
            if self._deferred:
                self._catch_up()
            return True
        except Exception as error:
            self._errors.record(where, error)
            return False

    def _end_again(self, context: Any, above: int | None, attributes: Any) -> int:
        """Note the end of a span whose id was another's, and return what there is to do for it.

        Python's `random.seed` makes the SDK repeat its ids (opentelemetry-python #4376). From the first time on, spans
        are told apart by their trace too; of a trace that is repeated as a whole, those above are taken as open again.
        """
        self._counts["ids_repeated"] += 1
        if not self._ids_repeat:
            self._ids_repeat = True
            self._errors.say_once("ids", "span ids repeat, as random.seed() makes them; backends will mix the traces")
            return self._ends(*unique(context, above), attributes)
        _, parent_id = unique(context, above)
        if parent_id is not None:
            with self._lock:
                self._ledger.reopen(parent_id)
        return CALL

    def _catch_up(self) -> None:
        """Price the spans that ended inside our own work."""
        while not self._is_busy:
            try:
                waiting = self._deferred.popleft()
            except IndexError:
                return
            self._price(*waiting)

    def _price(self, span: ReadableSpan, context: Any, parent: Any, todo: int, attributes: Any, end_ns: int) -> None:
        span_id = context[SPAN_ID]
        parent_id = None if parent is None else parent[SPAN_ID]
        if self._ids_repeat:
            span_id, parent_id = unique(context, parent_id)
        is_local_root = parent is None or parent[IS_REMOTE]
        about = self._about(span, end_ns)
        scope, times, name, resource, is_ended = about
        may_write = is_ended and attributes.__class__ is dict
        room: dict[str, AttributeValue] = attributes if may_write else {}
        written: dict[str, AttributeValue] = {}
        with self._lock:
            if self._is_busy:
                self._counts["deferred"] += 1
                self._silent.set(context[SPAN_ID], context[TRACE_ID])  # `on_end` may come before its turn does
                self._deferred.append((span, context, parent, todo, attributes, end_ns))
                return
            self._is_busy = True
            try:
                if todo == ABOVE:
                    if self._ledger.end_ancestor(span_id, parent_id, is_local_root, attributes, room):
                        written = room
                elif todo != IDLE:
                    place = (context[TRACE_ID], 0, self._resource(resource))
                    ids = (span_id, parent_id, is_local_root)
                    if self._ledger.try_plan(place, ids, times, scope, name, attributes, room):
                        written = room
                    else:
                        ended = self._read(span, context, parent, attributes.copy(), about)
                        if self._ids_repeat:
                            ended = ended._replace(span_id=span_id, parent_id=parent_id)
                        written = dict(self._ledger.process_uncached(ended))
            finally:
                self._is_busy = False
        if not written:
            self._silent.set(context[SPAN_ID], context[TRACE_ID])
        if outcome.used:
            above = None if is_local_root else parent[SPAN_ID]
            nearest = self._ledger.nearest_open
            nearest_open = as_on_spans(nearest, context) if self._ids_repeat else nearest
            text = outcome.take(context[SPAN_ID], above, nearest_open)
            if text is not None:
                written[semconv.APP_OUTCOME] = text
        if not written:
            return
        completion = self._completion
        if resource is not completion.silent_on and completion.add(attributes, resource, written):
            with self._lock:
                self._counts["attribution_missing"] += 1
        if not may_write:
            write(span, written)
        elif written is not attributes:
            attributes.update(written)

    @property
    def _may_change(self) -> bool:
        return self.settings.strategy == "auto" and self.strategy == strategies.HOOK

    def _choose(self) -> None:
        """Take the strategy that is set or works. In `auto`, spans are wrapped until the hook proves to be called.

        An SDK that has the hook says nothing of the wrappers between its provider and us, which may not forward it.
        """
        wanted = self.settings.strategy
        self._settle(strategies.best() if wanted == "auto" else wanted)
        if self._may_change:
            self._wraps = self._is_trying = True
            self._rest()
        if self.strategy == strategies.ON_END:
            self._on_ending = _do_nothing  # type: ignore[method-assign]

    def _settle(self, strategy: str) -> None:
        self._is_trying = False
        self._wraps = strategy == strategies.WRAP
        self.strategy = strategy
        self._rest()
        self._errors.say(logging.DEBUG, "spancost: strategy %s", strategy)

    def _rest(self) -> None:
        """Do nothing when spans start, for as long as there is nothing to do."""
        if (
            self._wraps
            or self._is_trying
            or attribution.used
            or self.strategy not in (strategies.HOOK, strategies.ON_END)
        ):
            vars(self).pop("on_start", None)
        else:
            self.on_start = _start_nothing  # type: ignore[method-assign]

    @property
    def stats(self) -> Mapping[str, int]:
        """Counts since the start of the process (or its fork): see docs/processor.md for each."""
        return {
            **self._ledger.counters,
            **self._counts,
            "tags_refused": attribution.refused,
            "outcomes_dropped": outcome.dropped,
            **baggage.counts,
            **self._errors.counts,
        }

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return True: nothing is held back. (A falsy result would stop later processors from flushing.)"""
        self._errors.say(logging.DEBUG, "spancost: %s", self.stats)
        return True

    def shutdown(self) -> None:
        """Log the counters; spans that end afterwards are still priced, as the SDK still delivers them."""
        self._errors.say(logging.DEBUG, "spancost: %s", self.stats)


def _tags_are_used() -> None:
    for processor in _living:
        if processor.strategy != "disabled":
            processor._rest()


attribution.when_used.append(_tags_are_used)


def _forget_in_child() -> None:
    for processor in _living:
        processor.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def _start_nothing(span: Span, parent_context: Context | None = None) -> None:
    """Stand in for `on_start` while there is nothing to do."""


def _do_nothing(*_: object, **__: object) -> None:
    """Stand in for a callback that is to do nothing."""
