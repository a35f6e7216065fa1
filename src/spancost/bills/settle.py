# SPDX-License-Identifier: Apache-2.0
"""Puts the amounts of a bill on FOCUS rows, and spreads costs that no call carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from spancost.bills.focus_rows import BILLED, Row
from spancost.bills.line import BillError, BillLine
from spancost.bills.sides import ALL, Key, Side
from spancost.config.model_names import family_of
from spancost.core.money import FEMTO_PER_USD, usd_decimal
from spancost.store.meter_totals import shares

_KEPT = (
    *("BillingAccountId", "BillingAccountName", "BillingAccountType", "BillingCurrency", "BillingPeriodStart"),
    *("BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "InvoiceIssuerName", "ProviderName", "PublisherName"),
    *("ServiceProviderName", "HostProviderName", "ServiceName", "ServiceCategory", "ServiceSubcategory", "Tags"),
    *("x_Model", "x_Provider", "SubAccountId", "SubAccountName", "SubAccountType"),
)
"""Columns that a part of a shared cost has from the row that it is added to."""
RULES = ("tokens", "calls", "cost")
_DAY = timedelta(days=1)
_FEMTO = Fraction(FEMTO_PER_USD)


def settled(rows: Sequence[Row], bill: Mapping[Key, Side]) -> list[Row]:
    """Return *rows* with BilledCost from *bill*, and those amounts marked; rows that the bill has not keep theirs.

    The billed amount of a key is shared by its rows in proportion to their cost and adds up exactly. BillError when a
    bill of usage has no amount for any row: it is of another provider or time, or it has quantities only.
    """
    found = [dict(row) for row in rows]
    places: dict[Key, list[int]] = {}
    for index, row in enumerate(found):
        key = _key(row)
        if key not in bill and key._replace(meter=ALL) in bill:
            key = key._replace(meter=ALL)
        places.setdefault(key, []).append(index)
    for key, side in bill.items():
        held = places.get(key, [])
        if side.usd is None or not held:
            continue
        weights = {str(index): Fraction(found[index]["BilledCost"]) or Fraction(1, 10**15) for index in held}
        for name, femto in shares(weights, round(side.usd * _FEMTO)).items():
            found[int(name)] |= {"BilledCost": usd_decimal(femto), "x_Basis": BILLED}
    if bill and not any(row["x_Basis"] == BILLED for row in found):
        _refuse(bill)
    return found


def _refuse(bill: Mapping[Key, Side]) -> None:
    """Raise BillError: no row takes an amount of *bill*."""
    if all(side.usd is None for side in bill.values()):
        raise BillError("--bill: found quantities only; expected a bill with amounts")
    days, providers = sorted({key.day for key in bill}), sorted({key.provider for key in bill})
    raise BillError(
        f"--bill: found amounts of {', '.join(providers)} from {days[0]} to {days[-1]}; expected some of the calls' "
        "provider, time and models"
    )


def allocated(rows: Sequence[Row], lines: Iterable[BillLine], rule: str) -> list[Row]:
    """Return rows that spread costs without a call (seats, commitments, storage) over *rows*, marked as allocated.

    *rule*: in proportion to `tokens`, `calls` or `cost`. Each line is spread over the rows of its provider and period;
    its parts add up to it exactly. BillError when there is no row to spread it over.
    """
    if rule not in RULES:
        raise BillError(f"--allocate: found {rule!r}; expected one of {', '.join(RULES)}")
    made: list[Row] = []
    for line in lines:
        if line.amount is None or line.category in ("credit", "tax"):
            continue
        held = [row for row in rows if _is_of(row, line)]
        if not held:
            raise BillError(
                f"row {line.row} ({line.text}): found no usage in its period to spread {line.amount} USD over"
            )
        weights = {str(index): _weight(row, rule) for index, row in enumerate(held)}
        for index, femto in shares(weights, round(line.amount * _FEMTO)).items():
            if femto:
                made.append(_part(held[int(index)], line, usd_decimal(femto), rule))
    return made


def _part(row: Row, line: BillLine, amount: Decimal, rule: str) -> Row:
    return {
        **{name: row[name] for name in _KEPT if name in row},
        "ChargeCategory": "Purchase" if line.category == "fee" else "Adjustment",
        "ChargeDescription": f"allocated by {rule}: {line.text or line.category}",
        "ChargeFrequency": "Recurring",
        "BilledCost": amount,
        "EffectiveCost": amount,
        "ContractedCost": amount,
        "ListCost": amount,
        "AllocatedMethodId": f"spancost-{rule}",
        "AllocatedMethodDetails": f'{{"rule": "{rule}"}}',
        "x_Basis": "allocated",
        "x_CallCount": 0,
    }


def _is_of(row: Row, line: BillLine) -> bool:
    start = date.fromisoformat(row["ChargePeriodStart"][:10])
    is_provider = line.provider is None or row["x_Provider"] == line.provider
    return is_provider and line.start.date() <= start and start < max(line.end.date(), line.start.date() + _DAY)


def _weight(row: Row, rule: str) -> Fraction:
    if rule == "cost":
        return Fraction(row["EffectiveCost"])
    if rule == "calls":
        return Fraction(row["x_CallCount"])
    return Fraction(row["x_ConsumedQuantity"]) if row["ConsumedUnit"] == "Tokens" else Fraction(0)


def _key(row: Row) -> Key:
    day = date.fromisoformat(row["ChargePeriodStart"][:10])
    tier = str(row.get("SkuPriceDetails", "")).partition('"x_ServiceTier": "')[2].partition('"')[0]
    return Key(day, str(row["x_Provider"]), family_of(row["x_Model"] or ""), str(row.get("SkuMeter") or ""), tier)
