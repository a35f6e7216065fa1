# SPDX-License-Identifier: Apache-2.0
"""What is kept of a trace: its calls and dollars, those of the last minutes, and the calls at once under a span."""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.feature import Feature
from spancost.core.detect.history import CHEAP, NEXT_CALLS, NEXT_FEMTO, SMALL

MINUTE_NS = 60 * 10**9


class Siblings:
    """The calls under one span that overlapped with another call of the trace."""

    __slots__ = ("calls", "cost_femto", "first_ns", "span_ids")

    def __init__(self, first_ns: int) -> None:
        self.calls = 0
        self.cost_femto = 0
        self.first_ns = first_ns
        self.span_ids: list[int] = []


class Trace:
    """One trace. The classes are those of `History`; next_calls and next_femto are where the trace leaves them.

    quiet_calls, quiet_femto: up to which nothing can happen by `rules`. minute_ns: begin of the running minute;
    elsewhere_femto: what the trace cost outside of it.
    """

    __slots__ = (
        "calls", "calls_class", "cost_class", "cost_femto", "elsewhere_femto", "end_ns", "fan", "fan_class", "fan_out",
        "feature", "first_ns", "minute_class", "minute_femto_before", "minute_ns", "next_calls", "next_femto",
        "quiet_calls", "quiet_femto", "rules", "runaway",
    )  # fmt: skip

    def __init__(self, feature: Feature, first_ns: int, end_ns: int) -> None:
        """*first_ns*, *end_ns*: begin and end of its first call."""
        self.feature = feature
        self.first_ns = first_ns
        self.end_ns = 0
        self.calls = 0
        self.next_calls = NEXT_CALLS
        self.cost_femto = 0
        self.next_femto = NEXT_FEMTO
        self.minute_ns = end_ns - end_ns % MINUTE_NS
        self.elsewhere_femto = self.minute_femto_before = 0
        self.rules = feature.rules
        self.quiet_calls, self.quiet_femto = feature.bounds.trace_calls, feature.bounds.trace_femto
        self.calls_class = self.fan_class = SMALL
        self.cost_class = self.minute_class = CHEAP
        self.fan: dict[int, Siblings] | None = None
        self.runaway: Episode | None = None
        self.fan_out: Episode | None = None

    @property
    def minute_femto(self) -> int:
        """What the trace cost in the running minute."""
        return self.cost_femto - self.elsewhere_femto

    def turn(self, since_ns: int, before_femto: int) -> None:
        """Begin the minute of a call that ends *since_ns* after the begin of the running one.

        before_femto: what the trace cost before the call.
        """
        if since_ns < 2 * MINUTE_NS:
            self.minute_femto_before = before_femto - self.elsewhere_femto
            self.minute_ns += MINUTE_NS
        else:
            self.minute_femto_before = 0
            self.minute_ns += since_ns - since_ns % MINUTE_NS
        self.elsewhere_femto = before_femto

    def last_minute_femto(self, now_ns: int) -> int:
        """Return what the trace cost in the minute before *now_ns*, about: the minute before counts in part."""
        rest = MINUTE_NS - now_ns % MINUTE_NS
        return self.minute_femto + self.minute_femto_before * rest // MINUTE_NS
