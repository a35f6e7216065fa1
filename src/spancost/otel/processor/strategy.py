# SPDX-License-Identifier: Apache-2.0
"""Which way of writing on an ending span works with the SDK that is installed: tried out, not looked up by version."""

from __future__ import annotations

import functools
import logging
import warnings
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from spancost.otel.processor.sdk_access import write
from spancost.otel.processor.wrap_end import wrap_end

LOGGER = logging.getLogger("spancost")

HOOK = "hook"
"""Everything in `_on_ending`: seen by every exporter, whatever the order of registration. SDK 1.40 and later."""
WRAP = "wrap"
"""`span.end` is wrapped when the span starts: as good, but slower. For older SDKs and wrappers that hide the hook."""
ON_END = "on_end"
"""Everything in `on_end`: only exporters registered after the processor are sure to see it."""
STRATEGIES = (HOOK, WRAP, ON_END)

_PROBE = "spancost.probe"


class _Probe(SpanProcessor):
    """Writes one attribute by one strategy."""

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if self.strategy == WRAP:
            wrap_end(span, lambda ending, _end_ns: write(ending, {_PROBE: 1}))

    def _on_ending(self, span: Any) -> None:
        if self.strategy == HOOK:
            write(span, {_PROBE: 1})

    on_ending = _on_ending

    def on_end(self, span: ReadableSpan) -> None:
        if self.strategy == ON_END:
            write(span, {_PROBE: 1})


class _Seen(SpanProcessor):
    """Keeps what an exporter would get, as (attributes before, attributes after) the probe in order."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def on_end(self, span: ReadableSpan) -> None:
        self.attributes = dict(span.attributes or {})


def works(strategy: str) -> bool | None:
    """Return whether an attribute written by *strategy* reaches an exporter; None when the SDK makes no spans at all.

    `on_end` is held to less: the exporter registered after the probe must see the attribute.
    """
    seen = _Seen()
    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource.get_empty(), shutdown_on_exit=False)
    order = (_Probe(strategy), seen) if strategy == ON_END else (seen, _Probe(strategy))
    for processor in order:
        provider.add_span_processor(processor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        span = provider.get_tracer("spancost.probe").start_span("probe", attributes={"kept": 1})
        if not span.is_recording():
            return None
        span.end()
    return seen.attributes.get(_PROBE) == 1 and seen.attributes.get("kept") == 1


@functools.cache
def best() -> str:
    """Return the first strategy that works with this SDK, tried once a process; log loudly when none does."""
    for strategy in STRATEGIES:
        try:
            found = works(strategy)
        except Exception as error:  # any failure of a probe means only that this strategy is not to be used
            LOGGER.debug("spancost: strategy %s does not work with this SDK: %s", strategy, type(error).__name__)
            continue
        if found is not False:
            return strategy
    LOGGER.error(
        "spancost: no way of writing on an ending span works with this opentelemetry-sdk, so spans leave WITHOUT llm.* "
        "attributes; tried %s. Please report the SDK's version.",
        ", ".join(STRATEGIES),
    )
    return ON_END
