# SPDX-License-Identifier: Apache-2.0
"""The ledger a processor keeps, and how it is made from settings and the packaged data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from spancost.config.settings import Settings
from spancost.core.call import UNPRICED, Call, Cost
from spancost.core.dialect.dialects import Dialects
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.memory import Process
from spancost.core.ledger.options import Ended, LedgerOptions
from spancost.core.ledger.reading_pricer import Prices
from spancost.core.ledger.span_plan import PlannedCall
from spancost.core.record import CallRecord
from spancost.core.span import Attributes, AttributeValue, Span

LOGGER = logging.getLogger("spancost")
RATE_CARD_UNUSABLE = "rate_card_unusable"
HIGHEST_WITHOUT_CARD = (150 * 10**9, 600 * 10**9)
"""Femto-dollars for an input and an output token: the highest of the card of 2026-11-30, 150 and 600 USD a million."""
CONTRACT_UNUSABLE = "contract_unusable"


class SpanLedger(Protocol):
    """What a processor asks of a ledger (see `core/ledger/ledger.py`)."""

    makes_records: bool

    @property
    def counters(self) -> Mapping[str, int]:
        """The counters."""

    def ends(self, span_id: int, parent_id: int | None, attributes: Attributes) -> int:
        """Note the end of a span; return what there is to do: IDLE, ABOVE, CALL or AGAIN. Needs no lock."""

    def nearest_open(self, span_id: int) -> int | None:
        """Return the first span from *span_id* on upwards that has not ended, None when all have. Needs no lock."""

    def reopen(self, span_id: int) -> None:
        """Take a span and those above it as open: their ids are used again."""

    def try_plan(
        self,
        place: tuple[int, Process, Attributes | None],
        ids: tuple[int, int | None, bool, int, int],
        emitter: tuple[tuple[str, str, str], str],
        attributes: Attributes,
        written: dict[str, AttributeValue],
        /,
    ) -> PlannedCall | None:
        """Put the attributes of a span that has a plan into *written* and return its call; None for any other."""

    def record_planned(
        self,
        planned: PlannedCall,
        place: tuple[int, Process, Attributes | None],
        ids: tuple[int, int | None, bool, int, int],
        attributes: Attributes,
    ) -> CallRecord:
        """Return the record of a call that `try_plan` returned."""

    def end_ancestor(
        self,
        span_id: int,
        parent_id: int | None,
        is_local_root: bool,
        attributes: Attributes,
        written: dict[str, AttributeValue],
        /,
    ) -> bool:
        """Put into *written* the totals of a span above calls that speaks of none itself; False when there are none."""

    def failed_record(self, span: Span) -> CallRecord | None:
        """Return the record of an attempt that failed before anything was billed, None when *span* is none."""

    def process_uncached(self, span: Span) -> Ended:
        """Return what to write on *span*, which has no plan, and its record."""

    def clear(self) -> None:
        """Drop all state."""


class NoPrices:
    """Stands in for a rate card or a contract that cannot be used: every call is unpriced with that reason, none has a
    wrong price."""

    version = "unavailable"

    def __init__(self, reason: str) -> None:
        self._cost = Cost(UNPRICED, reason, None)

    def price(self, call: Call) -> Cost:
        """Return an unknown cost."""
        return self._cost


def highest_of(settings: Settings) -> Callable[[str, str], tuple[int, int]]:
    """Return the highest rates of each provider on the card of *settings* (`HighestRates.of`).

    Without a card they are those of `HIGHEST_WITHOUT_CARD`: a budget does not take an unknown price for 0.
    """
    from spancost.config import data
    from spancost.config.highest_rates import HighestRates

    try:
        card = data.default_card() if settings.card is None else data.card_named(settings.card)
    except Exception:  # `prices` has logged it
        return lambda provider, model: HIGHEST_WITHOUT_CARD
    return HighestRates(card, data.pricer(card)).of


def new_ledger(settings: Settings) -> SpanLedger:
    """Return an empty ledger under *settings*. A rate card that cannot be used is logged, and stood in for."""
    # Loaded here, so that a processor that is given its ledger loads no rate card.

    options = LedgerOptions(
        keep_provider=settings.keep_provider,
        roll_up=settings.rollup,
        one_process=True,
        open_spans=settings.max_open_parents,
    )
    dialects = _dialects(settings)
    return Ledger(dialects, prices(settings), options)


def _dialects(settings: Settings) -> Dialects:
    """Return the dialects under *settings*. Emitters that cannot be used are logged, and left out."""
    from spancost.config import data

    if settings.emitters is None:
        return data.default_dialects(settings.read_responses)
    from spancost.config import emitters

    try:
        return data.dialects(settings.read_responses, emitters.load(settings.emitters))
    except Exception as error:  # a file may be wrong in any way
        LOGGER.error("spancost: emitters %s cannot be used, so their calls are not read: %s", settings.emitters, error)
        return data.default_dialects(settings.read_responses)


def prices(settings: Settings) -> Prices:
    """Return what prices by the card of *settings* (a file, a released version, or the newest one packaged), by their
    contract and by the facts of accounts that they state."""
    from spancost.config import data

    card, contract, facts = settings.card, settings.contract, settings.account_facts
    try:
        rates = data.default_card() if card is None else data.card_named(card)
    except Exception as error:  # a file may be wrong in any way: nested too deep, packed and damaged, a home unknown
        LOGGER.error("spancost: rate card %s cannot be used, so no call is priced: %s", card or "in the package", error)
        return NoPrices(RATE_CARD_UNUSABLE)
    if contract is None and not facts:
        return data.pricer(rates)
    from spancost.config import contracts

    try:
        agreed = None if contract is None else contracts.load(Path(contract).expanduser())
        return data.pricer(rates, contracts.with_facts(agreed, facts, "account_facts"))
    except Exception as error:
        LOGGER.error("spancost: contract %s cannot be used, so no call is priced: %s", contract or "of facts", error)
        return NoPrices(CONTRACT_UNUSABLE)
