# SPDX-License-Identifier: Apache-2.0
"""Which rate card and contract price spans of a source; a value that worker processes receive."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from spancost.config import contracts, data
from spancost.core.contract.terms import ContractError
from spancost.core.dialect.dialects import Dialects
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.pricing.card import CardError
from spancost.core.pricing.price import Pricer


class SourceError(ValueError):
    """A source, or an option about it, cannot be used: where, what was found, what was expected."""


class PricingChoice(NamedTuple):
    """How spans without `llm.*` are priced.

    card: a file or a released version, the newest card for None. contract: a contract file. account_facts: as
    `--account-fact` takes them. reprice: spans that carry `llm.*` are priced again from what their instrumentation
    reports; without it their cost stays.
    """

    card: str | None = None
    contract: str | None = None
    account_facts: tuple[str, ...] = ()
    reprice: bool = False

    def pricer(self) -> Pricer:
        """Return the pricer of this choice; SourceError when the card or the contract cannot be used."""
        try:
            card = data.default_card() if self.card is None else data.card_named(self.card)
            agreed = None if self.contract is None else contracts.load(Path(self.contract))
            return data.pricer(card, contracts.with_facts(agreed, self.account_facts, "--account-fact"))
        except (CardError, ContractError) as error:
            raise SourceError(str(error)) from error

    def pricer_of(self, version: str | None, otherwise: Pricer) -> Pricer:
        """Return what priced calls of a pricing version: a released card, else *otherwise* (that of this choice)."""
        if version is None or version == otherwise.version:
            return otherwise
        try:
            return data.pricer(data.card(version))
        except CardError:  # a card of the team's own
            return otherwise

    def ledger(self, dialects: Dialects, spans: int) -> Ledger:
        """Return an empty ledger that makes records and remembers all of *spans* spans."""
        options = LedgerOptions(
            join_services=True,
            records=True,
            roll_up=False,
            open_spans=spans,
            closed_spans=spans,
            recent_calls=spans,
        )
        return Ledger(dialects, self.pricer(), options)
