# SPDX-License-Identifier: Apache-2.0
"""What the texts of a row of a bill mean. A bill repeats the same texts on most of its rows: they are read once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import NamedTuple

from spancost.bills.forms import Form, Forms, Meaning, Row
from spancost.bills.line import CATEGORIES, USAGE, BillLine
from spancost.config import data
from spancost.config.model_names import family_named, provider_named

_REQUESTS = ("requests", "web_searches", "file_searches", "code_executions", "code_interpreter_sessions", "sessions")
_TIERS = {"standard": "", "std": "", "default": "", "fl": "flex", "pp": "priority"}
"""What texts of clouds call a tier -> our word."""
_NEVER = datetime(1, 1, 1, tzinfo=timezone.utc)


class Described(NamedTuple):
    """All of a row but its period and numbers.

    Attributes:
        line: the line of its amount and quantity. currency: also of a row without an amount.
        wides: the lines of its other quantities, in the order of `Form.quantities`.
        factor: units of one quantity, None when the unit is not known.
        is_usage: whether every line is usage that a rule knows.
    """

    line: BillLine
    currency: str | None
    wides: tuple[BillLine, ...]
    factor: int | None
    is_usage: bool


@lru_cache(maxsize=1)
def forms() -> Forms:
    """Return the forms that come with the package."""
    return Forms(json.loads(data.read("billing/compiled/sources.json")))


def columns_that_describe(form: Form) -> Sequence[str]:
    """Return the columns that `described` reads, each once."""
    cells = (form.provider_cell, form.quantity_unit, form.text, form.keep, *form.cells.values())
    return tuple(dict.fromkeys(column for cell in cells for column in cell.columns))


def described(form: Form, row: Row) -> Described | None:
    """Return what the texts of a row mean; None for a row that is not of the form's services."""
    if form.keep_match is not None and not any(
        form.keep_match.search(row.get(column, "")) for column in form.keep.columns
    ):
        return None
    text = form.constant_text or form.text.raw(row) or ""
    meaning = _meaning(form, row, text)
    base = _base(form, row, text, meaning)
    is_known = meaning is not None and (
        base.category != USAGE or meaning.meter in _REQUESTS or base.model is not None or meaning.category is not None
    )
    line = base._replace(
        meter=meaning.meter if meaning else None,
        mapped_by=meaning.rule if meaning and is_known else ("category" if base.category != USAGE else None),
    )
    wides = tuple(
        base._replace(
            meter=wide["meter"],
            category=USAGE,
            mapped_by=f"{form.id}.{wide['meter']}" if base.model or wide["meter"] in _REQUESTS else None,
        )
        for wide in form.quantities
    )
    has_amount = bool(form.amount.columns or form.quantity.columns)
    is_usage = base.category == USAGE and all(each.mapped_by is not None for each in wides)
    return Described(
        line,
        (form.cells["currency"].raw(row) or "").upper() or None,
        wides,
        _factor(form, row, meaning),
        is_usage and (line.mapped_by is not None or not has_amount),
    )


def _base(form: Form, row: Row, text: str, meaning: Meaning | None) -> BillLine:
    provider = form.provider_cell.word(row) or form.provider
    provider = (provider and provider_named(provider)) or provider
    model_text = (meaning.model if meaning else None) or form.cells["model"].raw(row)
    category = form.cells["category"].word(row) or (meaning and meaning.category) or USAGE
    return BillLine(
        source=form.id,
        provider=provider,
        account=form.cells["account"].raw(row),
        project=form.cells["project"].raw(row),
        start=_NEVER,
        end=_NEVER,
        model_text=model_text,
        model=model_of(provider, model_text),
        meter=None,
        tier=form.cells["tier"].word(row) or _tier(meaning),
        endpoint=form.cells["endpoint"].word(row) or (meaning and meaning.endpoint) or None,
        context=form.cells["context"].word(row) or (meaning and meaning.context) or None,
        quantity=None,
        amount=None,
        list_amount=None,
        currency=None,
        category=category if category in CATEGORIES else USAGE,
        mapped_by=None,
        row=0,
        text=text if form.constant_text is None else (model_text or ""),
    )


def _meaning(form: Form, row: Row, text: str) -> Meaning | None:
    """Return what the texts of a row mean: those of all its text columns, the first that a rule knows."""
    if form.constant_text is not None:
        return form.meaning(form.constant_text)
    for column in form.text.columns:
        found = form.meaning(row.get(column, "")) if row.get(column, "").strip() else None
        if found is not None:
            return found
    return None


def _tier(meaning: Meaning | None) -> str | None:
    said = meaning.tier if meaning is not None else None
    return _TIERS.get(said or "", said) or None


def _factor(form: Form, row: Row, meaning: Meaning | None) -> int | None:
    unit = form.quantity_unit.raw(row)
    if unit is not None and form.quantity_unit.values is not None:
        known = form.quantity_unit.values.get(" ".join(unit.split()).lower())
        return None if known is None else int(known)
    return 1 if meaning is None or meaning.unit is None else int(meaning.unit)


@lru_cache(maxsize=4096)
def model_of(provider: str | None, text: str | None) -> str | None:
    """Return the family of models that a billing name means; None when the card has none of the provider."""
    if not provider or not text:
        return None
    return family_named(provider, text) or family_named(provider, forms().rewritten(text))
