# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry span processor: `llm.*` on spans as they end, before any exporter sees them."""

from __future__ import annotations

from spancost.otel.processor.processor import LLMCostProcessor

__all__ = ["LLMCostProcessor"]
