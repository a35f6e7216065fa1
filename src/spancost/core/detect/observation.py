# SPDX-License-Identifier: Apache-2.0
"""What the detectors look at of one call: whole numbers, made once from its record for all rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spancost.core.record import CallRecord


class Observation:
    """A call as the rules see it, kept as evidence too. cost_femto is 0 when the cost is unknown."""

    __slots__ = (
        "cache_read", "cache_write", "cost_femto", "end_ns", "error", "input", "model", "output", "span_id", "start_ns",
    )  # fmt: skip

    def __init__(self, record: CallRecord) -> None:
        self.span_id = record.span_id
        self.start_ns = record.start_ns
        self.end_ns = record.start_ns + record.duration_ns
        usage: Mapping[str, Any] = record.usage
        count = usage.get
        self.input: int = count("input_tokens", 0)
        self.output: int = count("output_tokens", 0)
        self.cache_read: int = count("cache_read_tokens", 0)
        self.cache_write: int = count("cache_write_tokens", 0)
        self.cost_femto = record.cost_femto or 0
        self.error = record.error
        self.model = record.model
