# SPDX-License-Identifier: Apache-2.0
"""The processor of zero code, which hands its spans to a processor that the program sets up itself.

Both would see the same spans. Which one comes first depends on the order of registration, so one call would be priced
by the settings of the deployment and the next by those of the program.
"""

from __future__ import annotations

import logging
from dataclasses import fields

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span

from spancost.config.settings import Settings
from spancost.otel.processor.processor import LLMCostProcessor
from spancost.otel.registry import PROCESS

LOGGER = logging.getLogger("spancost")


class ZeroCodeProcessor(LLMCostProcessor):
    """An `LLMCostProcessor` that the program did not set up.

    successor: the program's own processor, once there is one; it then finishes the spans of this one too, by its own
    settings. differences: the names of the settings in which the two differ.
    """

    is_own = False
    successor: LLMCostProcessor | None = None
    differences: tuple[str, ...] = ()

    def yield_to(self, own: LLMCostProcessor) -> None:
        """Let *own* finish the spans of this processor from now on, and say so if that changes anything."""
        self.successor = own
        self._is_hooked = False
        self.differences = differences(self.settings, own.settings)
        PROCESS.leave(self)

        def on_start(span: Span, parent_context: Context | None = None) -> None:
            own.on_start(span, parent_context)

        def on_ending(span: Span) -> None:
            own.on_ending(span)

        def on_end(span: ReadableSpan) -> None:
            own.on_end(span)

        self.on_start, self._on_ending, self.on_end = on_start, on_ending, on_end  # type: ignore[method-assign]
        if self.differences:
            LOGGER.warning(
                "spancost: the program sets up an LLMCostProcessor of its own; its settings hold for all calls, in "
                "place of those of the environment or of opentelemetry-instrument (%s)",
                ", ".join(self.differences),
            )

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait for the listeners of this processor and of its successor."""
        if self.successor is not None:
            self.successor.force_flush(timeout_millis)
        return super().force_flush(timeout_millis)


def differences(first: Settings, second: Settings) -> tuple[str, ...]:
    """Return the names of the settings in which two differ."""
    return tuple(each.name for each in fields(first) if getattr(first, each.name) != getattr(second, each.name))
