# SPDX-License-Identifier: Apache-2.0
"""The ledger a processor keeps, and how it is made from settings and the packaged data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from spancost.core.span import Attributes, AttributeValue, Span
from spancost.settings import Settings


class SpanLedger(Protocol):
    """What a processor asks of a ledger (see `core/ledger.py`)."""

    @property
    def counters(self) -> Mapping[str, int]:
        """What was counted so far."""

    def passes(self, span_id: int, parent_id: int | None, attributes: Attributes) -> bool:
        """Note the end of a span; return whether there is nothing to do for it. Needs no lock."""

    def end(self, span: Span) -> Mapping[str, AttributeValue]:
        """Return the attributes to write on *span*."""

    def clear(self) -> None:
        """Forget every span in hand."""


def make_ledger(settings: Settings) -> SpanLedger:
    """Return an empty ledger under *settings*."""
    # Loaded here, so that a processor that is given its ledger loads no rate card.
    from spancost import data
    from spancost.core.ledger import Ledger, LedgerOptions
    from spancost.core.price import Pricer

    options = LedgerOptions(
        keep_provider=settings.keep_provider, roll_up=settings.rollup, open_spans=settings.max_open_parents
    )
    card = data.default_card() if settings.card is None else data.card(settings.card)
    return Ledger(data.default_dialects(), Pricer(card), options)
