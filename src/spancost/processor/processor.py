# SPDX-License-Identifier: Apache-2.0
"""`LLMCostProcessor`: prices every LLM span as it ends and gives each span above it the totals."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanContext

from spancost import attributing, baggage, outcome
from spancost.core import semconv
from spancost.core.recent import Recent
from spancost.core.span import AttributeValue
from spancost.core.span import Span as EndedSpan
from spancost.processor import strategy as strategies
from spancost.processor.attribution import Completion, tag
from spancost.processor.faults import Faults
from spancost.processor.ledgers import SpanLedger, carry_tags, make_ledger
from spancost.processor.spans import IS_REMOTE, SPAN_ID, Reader, held, write
from spancost.processor.wrapping import wrap_end
from spancost.settings import Settings, load

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from spancost.settings import Arguments

LOGGER = logging.getLogger("spancost")
DONE_KEPT = 8192
"""Spans remembered as done, at least, so that one that comes by two ways is counted once."""


_living: weakref.WeakSet[LLMCostProcessor] = weakref.WeakSet()


class LLMCostProcessor(SpanProcessor):
    """Writes `llm.*` on LLM spans and the spans above them, before any exporter sees them.

    `provider.add_span_processor(LLMCostProcessor())` is all it takes, before or after the exporters. Nothing it does
    raises into the application. *settings* are the settings in force; keyword arguments are those of `Settings` and win
    over the environment and the file. `stats` counts what happened.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        ledger: SpanLedger | None = None,
        **arguments: Unpack[Arguments],
    ) -> None:
        self.settings = settings if settings is not None and not arguments else load(arguments)
        self.strategy = ""
        self._wraps = self._is_trying = False
        self._finished: SpanContext | None = None
        self._faults = Faults()
        self._read = Reader().read
        self._counts = {"attribution_missing": 0}
        required = tuple(attributing.ATTRIBUTES[tag] for tag in self.settings.required_tags)
        self._complete = Completion(required).add
        self._ledger = make_ledger(self.settings) if ledger is None else ledger
        self.restart()
        outcome.heard = True
        if not self.settings.enabled:
            self.disable()
        elif self.settings.baggage != "off":
            carry_tags(self.settings)
        _living.add(self)

    def restart(self) -> None:
        """Begin with an empty ledger and a free lock: in a forked child, where another thread may hold the old one."""
        self._lock = threading.Lock()
        self._done = Recent[tuple[int, int], bool](DONE_KEPT)
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
            if attributing.used:
                tag(span, parent_context)
        except Exception as error:
            self._faults.record("on_start", error)

    def _on_ending(self, span: Span) -> None:
        try:
            if self._is_trying:
                self._settle(strategies.HOOK)
            context = span.context
            if context is not self._finished:
                self._finish(span, context, 0)
        except Exception as error:
            self._faults.record("on_ending", error)

    def on_ending(self, span: Span) -> None:
        """Do what `_on_ending` does, for SDKs that give the hook its public name; a span is finished once."""
        self._on_ending(span)

    def _before_end(self, span: Span, end_ns: int) -> None:
        try:
            self._finish(span, span.context, end_ns)
        except Exception as error:
            self._faults.record("end", error)

    def on_end(self, span: ReadableSpan) -> None:
        """Finish what nothing finished before. In `auto`, a hook that is not called makes spans be wrapped."""
        try:
            if self._is_trying:
                self._settle(strategies.WRAP)
            context = span.context
            if context is not self._finished and self._finish(span, context, 0) and self._may_change:
                self._settle(strategies.WRAP)
                self._faults.say_once(
                    "on_end", "the hook for ending spans was not called; spans are wrapped from now on"
                )
        except Exception as error:
            self._faults.record("on_end", error)

    def _finish(self, span: ReadableSpan, context: Any, end_ns: int) -> bool:
        """Price, roll up and write *span* unless that was done; return whether there was something to do."""
        span_id = context[SPAN_ID]
        parent: Any = span.parent
        self._finished = context
        attributes: Any = held(span)
        if attributes is None:
            attributes = dict(span.attributes or {})
        if self._ledger.passes(
            span_id, None if parent is None or parent[IS_REMOTE] else parent[SPAN_ID], attributes
        ) and not (outcome.used and span_id in outcome.waiting):
            return False
        ended = self._read(span, attributes.copy(), end_ns)
        key = (ended.trace_id, span_id)
        with self._lock:
            if key in self._done:
                return False
            self._done.set(key, True)
            written = dict(self._ledger.end(ended))
        self._attribute(ended, written)
        if written:
            write(span, written)
        return True

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
        if self.strategy == strategies.ON_END:
            self._on_ending = _do_nothing  # type: ignore[method-assign]

    def _settle(self, strategy: str) -> None:
        self._is_trying = False
        self._wraps = strategy == strategies.WRAP
        self.strategy = strategy
        LOGGER.debug("spancost: strategy %s", strategy)

    def _attribute(self, span: EndedSpan, written: dict[str, AttributeValue]) -> None:
        """Add to *written* what attribution has to say about *span*: outcome, environment, tags that lack."""
        if outcome.used:
            above = None if span.is_local_root else span.parent_id
            text = outcome.take(span.span_id, above, self._ledger.nearest_open)
            if text is not None:
                written[semconv.APP_OUTCOME] = text
        if written and self._complete(span, written):
            with self._lock:
                self._counts["attribution_missing"] += 1

    @property
    def stats(self) -> Mapping[str, int]:
        """Counts since the start of the process (or its fork): see docs/processor.md for each."""
        return {
            **self._ledger.counters,
            **self._counts,
            "tags_refused": attributing.refused,
            "outcomes_homeless": outcome.homeless,
            **baggage.counts,
            **self._faults.counts,
        }

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return True: nothing is held back. (A falsy result would stop later processors from flushing.)"""
        LOGGER.debug("spancost: %s", self.stats)
        return True

    def shutdown(self) -> None:
        """Log the counters; spans that end afterwards are still priced, as the SDK still delivers them."""
        LOGGER.debug("spancost: %s", self.stats)


def _forget_in_child() -> None:
    for processor in _living:
        processor.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def _do_nothing(*_: object, **__: object) -> None:
    """Stand in for a callback that is to do nothing."""
