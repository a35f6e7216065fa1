# SPDX-License-Identifier: Apache-2.0
"""One line of a provider's bill or usage report, exactly as the file has it."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

# Categories of a line.
USAGE, FEE, CREDIT, TAX, ADJUSTMENT = CATEGORIES = ("usage", "fee", "credit", "tax", "adjustment")


class BillError(ValueError):
    """A file cannot be read as a bill: where, what was found, what was expected."""


class BillLine(NamedTuple):
    """One line: one quantity, one amount, or both.

    Attributes:
        source: form of the file, such as `openai_costs`.
        provider: who bills, as `llm.provider`.
        account, project: as the file names them, None when it does not.
        start, end: the period in UTC, its end excluded.
        model_text: the model as the file names it. model: its family on the rate card, None when there is none.
        meter: what was used, parts apart from each other (`uncached_input_tokens`, `cache_read_tokens`, …).
        tier, endpoint, context: service tier, region class and context band, None for the usual ones.
        quantity: in units of the meter (tokens, requests, seconds), exact; None when the file has none.
        amount, list_amount: in `currency`, exact; None when the file has none.
        currency: ISO 4217 in capital letters, None for a line without an amount.
        category: one of CATEGORIES.
        mapped_by: the rule that gave model and meter; None for a line that no rule knows.
        row: number of the (first) row in its file, from 1. text: what the row says of itself, for people.
        rows: how many rows the line is the sum of.
    """

    source: str
    provider: str | None
    account: str | None
    project: str | None
    start: datetime
    end: datetime
    model_text: str | None
    model: str | None
    meter: str | None
    tier: str | None
    endpoint: str | None
    context: str | None
    quantity: Fraction | None
    amount: Fraction | None
    list_amount: Fraction | None
    currency: str | None
    category: str
    mapped_by: str | None
    row: int
    text: str
    rows: int = 1


class Bucket(NamedTuple):
    """A period of one account in one source. A later file that has it replaces what an earlier one said of it."""

    source: str
    account: str | None
    start: datetime
    end: datetime


class Bill(NamedTuple):
    """What a file holds. rounded: unit of its amounts, None when they are exact; buckets: also those without a line;
    ignored: columns that no rule reads."""

    path: str
    source: str
    lag_hours: int
    rounded: str | None
    lines: tuple[BillLine, ...]
    buckets: frozenset[Bucket]
    ignored: tuple[str, ...]
