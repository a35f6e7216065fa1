# SPDX-License-Identifier: Apache-2.0
"""What verification finds."""

from __future__ import annotations

from dataclasses import dataclass, field

from spancost.core.span import AttributeValue

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
    """An attribute that is not what it ought to be; None: it is not there, or ought not to be.

    basis: CARD (recomputed with the rate card that the span names), ALONE (the same, but the instrumentation's own
    attributes are gone from the span, and `llm.*` does not tell every meter), SOURCE (read from what the
    instrumentation wrote on the span) or TOTAL (added up from the spans in hand).
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
    """The outcome: how many spans, calls and totals were looked at, what differs, and what could not be verified.

    Attributes:
        calls: Calls with a cost that was recomputed.
        unpriced: Calls without a cost, for which the card has none either, or which differ.
    """

    spans: int = 0
    traces: int = 0
    calls: int = 0
    unpriced: int = 0
    totals: int = 0
    versions: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unverified: list[Unverified] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether everything was verified and nothing differs."""
        return not self.differences and not self.unverified
