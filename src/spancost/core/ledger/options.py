# SPDX-License-Identifier: Apache-2.0
"""What a ledger is given and what it returns: its reader, its options, the end of a span."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from spancost.core.dialect.identity import Identity
from spancost.core.generational import GenerationalCache
from spancost.core.ledger.ended_spans import EndedSpans
from spancost.core.ledger.writes import Written
from spancost.core.reading import Reading
from spancost.core.record import CallRecord, Correction
from spancost.core.span import Span


class Reads(Protocol):
    """What the ledger asks of `Dialects`."""

    @property
    def markers(self) -> frozenset[str]:
        """Keys of which a span that speaks of a model call carries at least one."""

    @property
    def identity(self) -> Identity:
        """What tells that spans of different traces may be one call."""

    def read(self, span: Span) -> Reading | None:
        """Return what the span says about a model call."""

    @property
    def record_keys(self) -> Mapping[str, Any]:
        """What the record of a call takes from a span beside usage and cost."""

    def may_be_billed(self, span: Span, reading: Reading) -> bool:
        """Return whether a call that failed, and of which no usage is reported, may have been billed."""


class Ended(NamedTuple):
    """What the end of a span comes to.

    writes: the attributes to write on it. record: the record of its call when that is counted and records are made.
    corrections: records handed out before that are not counted any more.
    """

    writes: Written
    record: CallRecord | None = None
    corrections: tuple[Correction, ...] = ()


class Watched(NamedTuple):
    """What decides that there is nothing to do for a span that ends.

    That is so when it carries none of the *markers* and *pending* has nothing for its id, once its end is noted in
    *closed*.
    """

    markers: frozenset[str]
    closed: EndedSpans
    pending: GenerationalCache[int, Any]


class LedgerOptions(NamedTuple):
    """How a ledger behaves.

    keep_provider: an `llm.provider` already on the span stays. join_services: totals pass from a local root to its
    parent in another process too, for when all services' spans are in hand. roll_up: write totals above the calls.
    one_process: all spans are of this process, whatever their resources say. records: make a record of each call.
    open_spans, closed_spans, recent_calls: how many of each are remembered at least (at most twice as many).
    """

    keep_provider: bool = False
    join_services: bool = False
    roll_up: bool = True
    one_process: bool = False
    records: bool = False
    open_spans: int = 32_768
    closed_spans: int = 32_768
    recent_calls: int = 8_192
