# SPDX-License-Identifier: Apache-2.0
"""`spancost.price`: the exact cost of one call, as a function of what was used."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from spancost.config import data
from spancost.core import call as core
from spancost.core.money import usd_decimal
from spancost.core.pricing.price import Pricer

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_PRICERS_KEPT = 16


class LineItem(NamedTuple):
    """One meter of a call.

    Attributes:
        meter: What was used, such as `input_tokens`.
        quantity: How much of it is charged, parts with rates of their own taken out.
        price: USD for `per` units.
        per: How many units the price is for.
        usd: What this item costs.
    """

    meter: str
    quantity: int | Fraction
    price: Decimal
    per: int
    usd: Decimal


class Cost:
    """What a call costs, or why that is unknown.

    Attributes:
        usd: The exact cost in USD; None when it is unknown (`unpriced`).
        list_usd: The list price, when a contract gave the cost; else None.
        status: `priced`, `free`, `estimated`, `partial` or `unpriced` (docs/statuses.md).
        reason: Why the status is not `priced`: a code of docs/statuses.md; else None.
        source: `rate_card`, `contract`, `hardware` or `manual`; None when it is unknown.
        pricing_version: The rate card, and the contract if there is one: with it the cost can be recomputed.
        rate_id: The entry of the rate card, its period and its conditions; None when no entry was found.
        line_items: One `LineItem` a meter; they add up to `usd`.
    """

    __slots__ = ("_cost", "_items", "_origin", "pricing_version")

    pricing_version: str

    def __init__(self, cost: core.Cost, pricing_version: str, origin: tuple[Pricer, core.Call]) -> None:
        self._cost = cost
        self._origin: tuple[Pricer, core.Call] | None = origin
        self._items: tuple[LineItem, ...] = ()
        self.pricing_version = pricing_version

    @property
    def usd(self) -> Decimal | None:
        """The exact cost in USD; None when it is unknown."""
        femto = self._cost.femto
        return None if femto is None else usd_decimal(femto)

    @property
    def list_usd(self) -> Decimal | None:
        """The list price, when a contract gave the cost."""
        femto = self._cost.list_femto
        return None if femto is None else usd_decimal(femto)

    @property
    def status(self) -> str:
        """How sure the cost is."""
        return self._cost.status

    @property
    def reason(self) -> str | None:
        """Why the status is not `priced`."""
        return self._cost.reason

    @property
    def source(self) -> str | None:
        """Where the cost comes from."""
        return self._cost.source

    @property
    def rate_id(self) -> str | None:
        """The entry of the rate card that was used."""
        return self._cost.rate_id

    @property
    def line_items(self) -> tuple[LineItem, ...]:
        """The cost meter by meter; worked out when it is first asked for."""
        if self._origin is not None:
            pricer, call = self._origin
            self._items = tuple(
                LineItem(item.meter, item.quantity, Decimal(item.price), item.per, usd_decimal(item.femto))
                for item in pricer.line_items(call)
            )
            self._origin = None
        return self._items

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}" for name in ("usd", "status", "reason", "source", "pricing_version")
        )
        return f"Cost({shown})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cost):
            return NotImplemented
        return (self._cost, self.pricing_version, self.line_items) == (
            other._cost,
            other.pricing_version,
            other.line_items,
        )

    def __hash__(self) -> int:
        return hash((self._cost, self.pricing_version))

    def __getstate__(self) -> tuple[core.Cost, str, tuple[LineItem, ...]]:
        return self._cost, self.pricing_version, self.line_items

    def __setstate__(self, state: tuple[core.Cost, str, tuple[LineItem, ...]]) -> None:
        self._cost, self.pricing_version, self._items = state
        self._origin = None


def price(
    *,
    provider: str,
    model: str,
    usage: Mapping[str, int | float | Fraction | Decimal],
    at: datetime | None = None,
    request_model: str | None = None,
    operation: str | None = None,
    service_tier: str | None = None,
    batch: bool = False,
    context: Mapping[str, str] | None = None,
    duration: timedelta | None = None,
    card: str | os.PathLike[str] | None = None,
    contract: str | os.PathLike[str] | None = None,
    account_facts: Sequence[str] = (),
) -> Cost:
    """Return what one call costs. No file but the card and the contract, and no setting, is read.

    An unknown provider, model or meter raises nothing: `status` and `reason` say it. CardError and ContractError (both
    ValueError) say that a card or a contract cannot be used; each is read once in a process.

    Attributes:
        provider: Who sells: `openai`, `aws.bedrock`, …; any spelling that OpenTelemetry's conventions ever had.
        model: The model as the response names it.
        usage: Meter (`input_tokens`, `cache_read_tokens`, …) -> quantity. A total includes its parts.
        at: When the call started, with its time zone; now by default.
        request_model: The model that was asked for; used where the card lacks the one that answered.
        operation: `chat`, `embeddings`, …
        service_tier: The tier that was served.
        batch: Whether the call was part of a batch.
        context: Facts that change prices (`speed`, `inference_geo`, …) or that contracts match (`tenant`, `team`, …).
        duration: How long the call took, for contracts that charge by time.
        card: The rate card: a file, or the version of a released one; the newest by default.
        contract: The contract to price with beside the card: a file.
        account_facts: Facts of your accounts, each as `provider:fact=value`.
    """
    if card is None and contract is None and not account_facts:
        pricer = data.default_pricer()
    else:
        pricer = _pricer(_path(card), _path(contract), tuple(account_facts))
    call = core.Call(
        provider,
        model,
        _exact(usage),
        time.time_ns() if at is None else _nanoseconds(at),
        request_model,
        operation,
        service_tier,
        core.BATCH if batch else None,
        context,
        None if duration is None else (duration // _MICROSECOND) * 1_000,
    )
    return Cost(pricer.price(call), pricer.version, (pricer, call))


def _exact(usage: Mapping[str, int | float | Fraction | Decimal]) -> dict[str, int | Fraction]:
    """Return a copy of *usage* with decimals as fractions; a decimal that is no number stays, and is refused there."""
    quantities = dict(usage)
    for meter, quantity in quantities.items():
        if quantity.__class__ is not int and isinstance(quantity, Decimal) and quantity.is_finite():
            quantities[meter] = Fraction(quantity)
    return quantities  # type: ignore[return-value]


def _nanoseconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise ValueError(
            f"at: found {at.isoformat()} without a time zone; expected one, as datetime.now(timezone.utc) has"
        )
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def _path(name: str | os.PathLike[str] | None) -> str | None:
    return None if name is None else os.fspath(name)


@lru_cache(maxsize=_PRICERS_KEPT)
def _pricer(card: str | None, contract: str | None, facts: tuple[str, ...]) -> Pricer:
    """Return what prices by the card, the contract and the facts of accounts of these names."""
    rates = data.default_card() if card is None else data.card_named(card)
    if contract is None and not facts:
        return data.pricer(rates)
    from spancost.config import contracts  # for those who have a contract only

    agreed = None if contract is None else contracts.load(Path(contract).expanduser())
    return data.pricer(rates, contracts.with_facts(agreed, facts, "account_facts"))
