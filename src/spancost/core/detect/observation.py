# SPDX-License-Identifier: Apache-2.0
"""What the detectors look at of one call: whole numbers, made once from its record for all rules."""

from __future__ import annotations

from spancost.core.detect.anomaly import Seen
from spancost.core.record import CallRecord


class Observation:
    """A call as the rules see it. cost_femto is 0 when the cost is unknown; `error` whether the call failed."""

    __slots__ = (
        "cache_read", "cache_write", "cost_femto", "end_ns", "error", "input", "model", "output", "record", "start_ns",
    )  # fmt: skip

    def __init__(self) -> None:
        self.record: CallRecord
        self.start_ns = self.end_ns = self.input = self.output = self.cache_read = self.cache_write = 0
        self.cost_femto = 0
        self.error = False
        self.model: str | None = None

    def read(self, record: CallRecord) -> None:
        """Take what *record* tells."""
        self.record = record
        self.start_ns = start = record.start_ns
        self.end_ns = start + record.duration_ns
        count = record.usage.get
        self.input = int(count("input_tokens", 0))
        self.output = int(count("output_tokens", 0))
        self.cache_read = int(count("cache_read_tokens", 0))
        self.cache_write = int(count("cache_write_tokens", 0))
        self.cost_femto = record.cost_femto or 0
        self.error = record.error is not None
        self.model = record.model

    def seen(self) -> Seen:
        """Return what is kept of the call as evidence."""
        return Seen(self.record.span_id, self.start_ns, self.end_ns, self.cost_femto)
