# SPDX-License-Identifier: Apache-2.0
"""What is kept of a trace: its calls and dollars, those of the last minutes, and the calls at once under a span."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.feature import Feature
from spancost.core.detect.history import BOUNDS, CHEAP, SMALL

MINUTE_NS = 60 * 10**9
MILLI = 10**12
"""Femto-dollars of a thousandth of a dollar, the unit of classes of cost."""
NEXT_CALLS = BOUNDS[SMALL]
NEXT_FEMTO = (BOUNDS[CHEAP] + 1) * MILLI - 1


class Siblings:
    """The calls under one span that overlapped with another call of the trace."""

    __slots__ = ("calls", "cost_femto", "first_ns", "span_ids")

    def __init__(self, first_ns: int) -> None:
        self.calls = 0
        self.cost_femto = 0
        self.first_ns = first_ns
        self.span_ids: list[int] = []


class Trace:
    """One trace. The classes are those of `History`; next_calls and next_femto are where the trace leaves them."""

    __slots__ = (
        "calls", "calls_class", "cost_class", "cost_femto", "end_ns", "fan", "fan_class", "fan_out", "feature",
        "first_ns", "minute", "minute_class", "minute_femto", "minute_femto_before", "next_calls", "next_femto",
        "runaway",
    )  # fmt: skip

    def __init__(self, feature: Feature, first_ns: int) -> None:
        self.feature = feature
        self.first_ns = first_ns
        self.end_ns = 0
        self.calls = 0
        self.next_calls = NEXT_CALLS
        self.cost_femto = 0
        self.next_femto = NEXT_FEMTO
        self.minute = self.minute_femto = self.minute_femto_before = 0
        self.calls_class = self.fan_class = SMALL
        self.cost_class = self.minute_class = CHEAP
        self.fan: dict[int, Siblings] | None = None
        self.runaway: Episode | None = None
        self.fan_out: Episode | None = None

    def last_minute_femto(self, now_ns: int) -> int:
        """Return what the trace cost in the minute before *now_ns*, about: the minute before counts in part."""
        rest = MINUTE_NS - now_ns % MINUTE_NS
        return self.minute_femto + self.minute_femto_before * rest // MINUTE_NS
