# SPDX-License-Identifier: Apache-2.0
"""The results of verification."""

from __future__ import annotations

from dataclasses import dataclass, field

from spancost.core.span import AttributeValue
from spancost.diagnose.stated_costs import StatedCosts

CARD = "card"
ALONE = "llm_alone"
SOURCE = "source"
TOTAL = "total"


@dataclass(frozen=True)
class Place:
    """A span: ids in hex as OTLP has them, its name, and when it started (nanoseconds since the Unix epoch)."""

    trace_id: str
    span_id: str
    name: str
    start_ns: int


@dataclass(frozen=True)
class Difference:
    """An attribute that differs from the expected value; None means absent.

    basis: CARD (recomputed with the rate card of the span), ALONE (the same, but the instrumentation's attributes are
    no longer on the span, and `llm.*` does not report every meter), SOURCE (read from the instrumentation's
    attributes) or TOTAL (summed from the given spans).
    """

    place: Place
    attribute: str
    found: AttributeValue | None
    expected: AttributeValue | None
    basis: str


@dataclass(frozen=True)
class Unverified:
    """A span, or the totals of one, that could not be verified, and why."""

    place: Place
    why: str


@dataclass
class Report:
    """The result: number of spans, calls and totals, differences, and what could not be verified.

    Attributes:
        calls: Calls with a cost that was recomputed.
        stated: Costs that others put on the spans, by emitter and provider, beside ours.
        unpriced: Calls without a cost: the card has no price for them either, or they differ.
    """

    spans: int = 0
    traces: int = 0
    calls: int = 0
    unpriced: int = 0
    totals: int = 0
    versions: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unverified: list[Unverified] = field(default_factory=list)
    stated: list[StatedCosts] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether everything was verified and nothing differs."""
        return not self.differences and not self.unverified
