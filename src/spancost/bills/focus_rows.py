# SPDX-License-Identifier: Apache-2.0
"""Rows of the FOCUS Cost and Usage dataset from calls: one for each day, model, meter, tier and set of tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from spancost.bills.line import BillError
from spancost.config import data
from spancost.config.model_names import family_of
from spancost.core.money import usd_decimal
from spancost.reports.selection import Selection
from spancost.store import sql
from spancost.store.calls import Engine
from spancost.store.meter_totals import Group, Item, meter_totals, shares
from spancost.store.pricing_choice import PricingChoice

TAGS = ("feature", "environment", "team", "workspace_id", "experiment")
_DAY_NS = 86_400 * 10**9
_EPOCH = date(1970, 1, 1)
_EXACT = Context(prec=38)
_UNIT_PRICE_DIGITS = Decimal(1).scaleb(-15)
ESTIMATE, BILLED = "estimate", "billed"
Row = dict[str, Any]


class Account(NamedTuple):
    """The billing account of all rows. name, sub_account: None when unknown."""

    id: str
    name: str | None = None
    sub_account: str | None = None


@lru_cache(maxsize=1)
def definition() -> Mapping[str, Any]:
    """Return billing/focus.yaml as compiled."""
    found: Mapping[str, Any] = json.loads(data.read("billing/compiled/focus.json"))
    return found


def columns_of(version: str) -> tuple[str, ...]:
    """Return the columns of a version, those with `x_` last; BillError for an unknown version."""
    table = definition()
    if version not in table["versions"]:
        raise BillError(f"--version: found {version!r}; expected one of {', '.join(table['versions'])}")
    later = {name for since, names in table["since"].items() if since > version for name in names}
    gone = {name for until, names in table["until"].items() if until <= version for name in names}
    return tuple(name for name in table["columns"] if name not in later and name not in gone)


def focus_rows(engine: Engine, selection: Selection, account: Account, choice: PricingChoice) -> Iterator[Row]:
    """Yield a row for each day, model, meter, tier, status and set of tags. Their costs add up to those of the calls.

    Money and quantities are `Decimal`; a column that does not apply is missing.
    """
    day = sql.floor_divided(sql.nanoseconds("started_at", engine.dialect), _DAY_NS, engine.dialect)
    keys = {"day": day, "service": "service", **{name: name for name in TAGS}, "reason": "reason"}
    for group in meter_totals(engine, keys, selection.condition(engine.dialect), choice):
        items = group.items or (Item("requests", Fraction(group.calls), group.femto, None),)
        listed = _list_costs(items, group)
        for item in items:
            yield _row(group, item, listed.get(item.meter), account)


def _list_costs(items: Sequence[Item], group: Group) -> dict[str, int]:
    """Return meter -> list cost in femto-dollars, in proportion to the costs; they add up to that of the group."""
    if group.list_femto is None:
        return {}
    weights = {item.meter: Fraction(item.femto or 0) for item in items}
    return shares(weights, group.list_femto)


def _row(group: Group, item: Item, list_femto: int | None, account: Account) -> Row:
    table = definition()
    number, service, *tags, reason = group.keys
    day = _EPOCH + timedelta(days=int(number))
    provider = group.provider or "unknown"
    cost = usd_decimal(item.femto or 0)
    listed = usd_decimal(list_femto) if list_femto is not None else cost
    unit = "Tokens" if item.meter.endswith("_tokens") else table["units"].get(item.meter, "Units")
    issuer = table["providers"].get(provider, provider)
    quantity = _decimal(item.quantity)
    named = {f"app.{name}": value for name, value in zip(TAGS, tags, strict=True) if value}
    row: Row = {
        **{name: value for name, value in table["constants"].items() if value is not None},
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ContractedCost": cost,
        "ListCost": listed,
        "BillingAccountId": account.id,
        "BillingAccountName": account.name or account.id,
        "BillingPeriodStart": _instant(day.replace(day=1)),
        "BillingPeriodEnd": _instant((day.replace(day=28) + timedelta(days=4)).replace(day=1)),
        "ChargePeriodStart": _instant(day),
        "ChargePeriodEnd": _instant(day + timedelta(days=1)),
        "ChargeDescription": f"{group.model or 'unknown model'} {item.meter}",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": unit,
        "InvoiceIssuerName": issuer,
        **dict.fromkeys(("ProviderName", "PublisherName", "ServiceProviderName", "HostProviderName"), issuer),
        "ServiceName": table["services"].get(provider, provider),
        "Tags": json.dumps({**({"service.name": service} if service else {}), **named}, sort_keys=True),
        "x_Basis": ESTIMATE,
        "x_CallCount": group.calls,
        "x_ConsumedQuantity": quantity,
        "x_CostStatus": group.status,
        "x_CostReason": reason,
        "x_Model": group.model,
        "x_PricingVersion": group.pricing_version,
        "x_Provider": provider,
    }
    if account.sub_account is not None:
        row |= {"SubAccountId": account.sub_account, "SubAccountName": account.sub_account, "SubAccountType": "Project"}
    if item.femto is not None and group.rate_id is not None:
        row |= _price(group, item, listed, quantity, unit)
    return row


def _price(group: Group, item: Item, listed: Decimal, quantity: Decimal, unit: str) -> Row:
    """Return the columns of the price; they are empty for usage without one."""
    details = {
        "x_Model": family_of(group.model or ""),
        "x_TokenType": item.meter,
        **({"x_ServiceTier": group.tier} if group.tier else {}),
    }
    cost = usd_decimal(item.femto or 0)
    return {
        "PricingCategory": "Standard",
        "PricingCurrency": "USD",
        "PricingQuantity": quantity,
        "PricingUnit": unit,
        "SkuId": (group.rate_id or "").partition("@")[0],
        "SkuMeter": item.meter,
        "SkuPriceId": f"{group.rate_id} {group.pricing_version}",
        "SkuPriceDetails": json.dumps(details, sort_keys=True),
        "ContractedUnitPrice": _unit_price(cost, quantity),
        "ListUnitPrice": _unit_price(listed, quantity),
    }


def _unit_price(cost: Decimal, quantity: Decimal) -> Decimal:
    return (cost / quantity).quantize(_UNIT_PRICE_DIGITS, context=_EXACT) if quantity else Decimal(0)


def _decimal(value: Fraction) -> Decimal:
    return _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _instant(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
