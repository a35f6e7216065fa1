# SPDX-License-Identifier: Apache-2.0
"""Reads a bill: finds the form of each table and turns its rows into exact lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from spancost.bills import tables
from spancost.bills.forms import Form, Forms, Meaning, Row
from spancost.bills.line import CATEGORIES, USAGE, Bill, BillError, BillLine, Bucket
from spancost.bills.literal import instant, number
from spancost.config import data
from spancost.config.model_names import family_named, provider_named

_DIVISORS = {"usd": 1, "cents": 100, "micro_cents": 100_000_000}
_LENGTHS = {"second": timedelta(seconds=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_REQUESTS = ("requests", "web_searches", "file_searches", "code_executions", "code_interpreter_sessions", "sessions")
_MOST_DAYS = 10_000
ALL = "all"
"""Meter of an amount for everything a row used."""


@lru_cache(maxsize=1)
def forms() -> Forms:
    """Return the forms that come with the package."""
    return Forms(json.loads(data.read("billing/compiled/sources.json")))


def read_bill(path: Path) -> list[Bill]:
    """Return what a file holds, one `Bill` for each of its tables; BillError when it is no bill that a form knows.

    A page without a row has the form of the first page with one, or the form that the line `fetched` names.
    """
    found: list[Bill] = []
    empty: list[tuple[str, list[dict[str, str]]]] = []
    for table in tables.tables_of(path):
        if table.rows is None:
            rows, buckets = _document_rows(table.document)
            if isinstance(table.document, Mapping) and "fetched" in table.document:
                found.append(_fetched(table.name, table.document["fetched"]))
            elif rows:
                found.append(_document(table.name, rows, buckets))
            else:
                empty.append((table.name, buckets))
        else:
            found.append(_table(table))
    if not found:
        what = "row; expected a page with results" if empty else "table; expected a bill"
        raise BillError(f"{path}: found no {what}")
    form = forms().by_id(found[0].source)
    return found + [_bill(name, form, iter(()), (), buckets) for name, buckets in empty]


def read_bills(paths: Sequence[Path]) -> list[Bill]:
    """Return what files hold. A bucket of a later file replaces that bucket in earlier ones: sources restate them."""
    bills: list[Bill] = []
    for path in paths:
        later = read_bill(path)
        restated = frozenset[Bucket]().union(*(bill.buckets for bill in later))
        bills = [
            bill._replace(lines=tuple(line for line in bill.lines if bucket_of(line) not in restated)) for bill in bills
        ]
        bills += later
    return bills


def bucket_of(line: BillLine) -> Bucket:
    """Return the bucket that a line belongs to."""
    return Bucket(line.source, line.account, line.start, line.end)


def _table(table: tables.Table) -> Bill:
    assert table.rows is not None
    columns = tuple(column.lower() for column in table.columns)
    form = forms().form_for(table.name, frozenset(columns), None, "csv")
    rows = ({key.lower(): value for key, value in row.items()} for row in table.rows())
    return _bill(table.name, form, rows, columns, ())


def _document(name: str, rows: list[dict[str, str]], empty: Sequence[Row]) -> Bill:
    columns = tuple(sorted({key for row in rows for key in row}))
    form = forms().form_for(name, frozenset(columns), rows[0], "json")
    return _bill(name, form, iter(rows), columns, empty)


def _fetched(name: str, asked: Any) -> Bill:
    """Return the first line of a fetched file: no line of a bill, and a bucket for each day that was asked for."""
    try:
        form = forms().by_id(asked["form"])
        day, until = instant(asked["since"]), instant(asked["until"])
    except (KeyError, TypeError, AttributeError, ValueError):
        raise BillError(f"{name}: found no form and days; expected what `spancost bill fetch` writes") from None
    buckets: set[Bucket] = set()
    while day < until and len(buckets) < _MOST_DAYS:
        buckets.add(Bucket(form.id, None, day, day + _LENGTHS["day"]))
        day += _LENGTHS["day"]
    return Bill(name, form.id, form.lag_hours, form.rounded, (), frozenset(buckets), ())


def _document_rows(document: Any) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return the innermost objects of a page with the scalars above them, and the buckets without a result."""
    pages = document if isinstance(document, list) else [document]
    rows: list[dict[str, str]] = []
    empty: list[dict[str, str]] = []
    for page in pages:
        if not isinstance(page, Mapping):
            continue
        outer = page.get("data", page.get("rows", page.get("results")))
        items = outer if isinstance(outer, list) else [page]
        for item in items:
            if not isinstance(item, Mapping):
                continue
            inner = item.get("results", item.get("line_items"))
            above = {key.lower(): value for key, value in tables.flat(item).items()}
            if isinstance(inner, list):
                above.pop("object", None)
                rows += [
                    {**above, **{key.lower(): value for key, value in tables.flat(each).items()}}
                    for each in inner
                    if isinstance(each, Mapping)
                ]
                empty += [above] if not inner else []
            else:
                rows.append(above)
    return rows, empty


def _bill(where: str, form: Form, rows: Iterator[dict[str, str]], columns: Sequence[str], empty: Sequence[Row]) -> Bill:
    lines: list[BillLine] = []
    for index, row in enumerate(rows, 1):
        if form.keep_match is not None and not any(
            form.keep_match.search(row.get(column, "")) for column in form.keep.columns
        ):
            continue
        try:
            lines += _lines(form, row, index)
        except ValueError as error:
            raise BillError(f"{where}, row {index}: {error}") from None
    buckets = {bucket_of(line) for line in lines}
    for bucket in empty:
        try:
            start, end = _period(form, bucket)
        except ValueError as error:
            raise BillError(f"{where}, a bucket without results: {error}") from None
        buckets.add(Bucket(form.id, form.cells["account"].raw(bucket), start, end))
    ignored = tuple(column for column in columns if column not in form.columns)
    return Bill(where, form.id, form.lag_hours, form.rounded, tuple(lines), frozenset(buckets), ignored)


def _lines(form: Form, row: Row, index: int) -> Iterator[BillLine]:
    """Yield the lines of one row: one for the amount (with its quantity), one for each quantity of a wide row."""
    start, end = _period(form, row)
    provider = form.provider_cell.word(row) or form.provider
    provider = (provider and provider_named(provider)) or provider
    text = form.constant_text or form.text.raw(row) or ""
    meaning = _meaning(form, row, text)
    model_text = (meaning.model if meaning else None) or form.cells["model"].raw(row)
    category = form.cells["category"].word(row) or (meaning and meaning.category) or USAGE
    base = BillLine(
        source=form.id,
        provider=provider,
        account=form.cells["account"].raw(row),
        project=form.cells["project"].raw(row),
        start=start,
        end=end,
        model_text=model_text,
        model=model_of(provider, model_text),
        meter=None,
        tier=form.cells["tier"].word(row) or (meaning and meaning.tier) or None,
        endpoint=form.cells["endpoint"].word(row) or (meaning and meaning.endpoint) or None,
        context=form.cells["context"].word(row) or (meaning and meaning.context) or None,
        quantity=None,
        amount=None,
        list_amount=None,
        currency=None,
        category=category if category in CATEGORIES else USAGE,
        mapped_by=None,
        row=index,
        text=text if form.constant_text is None else (model_text or ""),
    )
    amount = _amount(form, row)
    if amount is not None or form.quantity.raw(row) is not None:
        yield _amount_line(form, row, base, meaning, amount)
    for wide in form.quantities:
        quantity = _wide_quantity(wide, row)
        if quantity:
            needs_model = wide["meter"] not in _REQUESTS
            rule = f"{form.id}.{wide['meter']}" if base.model or not needs_model else None
            yield base._replace(meter=wide["meter"], quantity=quantity, mapped_by=rule, category=USAGE)


def _amount_line(form: Form, row: Row, base: BillLine, meaning: Meaning | None, amount: Fraction | None) -> BillLine:
    quantity = _long_quantity(form, row, meaning)
    currency = form.cells["currency"].raw(row)
    if amount is None and quantity is not None and form.unit_price.raw(row) is not None:
        amount = quantity * number(form.unit_price.raw(row) or "")
    if amount is not None and not currency:
        raise ValueError("found an amount without a currency; expected one")
    listed = form.list_amount.raw(row)
    is_known = meaning is not None and (
        base.category != USAGE or meaning.meter in _REQUESTS or base.model is not None or meaning.category is not None
    )
    return base._replace(
        meter=meaning.meter if meaning else None,
        quantity=quantity,
        amount=amount,
        list_amount=None if listed is None else number(listed) / _DIVISORS[form.list_unit],
        currency=None if amount is None else (currency or "").upper(),
        mapped_by=meaning.rule if meaning and is_known else ("category" if base.category != USAGE else None),
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


def _period(form: Form, row: Row) -> tuple[datetime, datetime]:
    begin = form.start.raw(row)
    if begin is None:
        raise ValueError(f"found no time; expected one of {', '.join(form.start.columns)}")
    start, end = instant(begin), form.end.raw(row)
    if end is not None:
        return start, instant(end)
    return start, start + _LENGTHS[form.length or "day"]


def _amount(form: Form, row: Row) -> Fraction | None:
    text = form.amount.raw(row)
    return None if text is None else number(text) / _DIVISORS[form.amount_unit]


def _long_quantity(form: Form, row: Row, meaning: Meaning | None) -> Fraction | None:
    text = form.quantity.raw(row)
    if text is None:
        return None
    factor: Any = 1
    unit = form.quantity_unit.raw(row)
    if unit is not None and form.quantity_unit.values is not None:
        known = form.quantity_unit.values.get(" ".join(unit.split()).lower())
        if known is None:
            return None  # an unknown unit: the amount still counts
        factor = known
    elif meaning is not None and meaning.unit is not None:
        factor = meaning.unit
    return number(text) * int(factor)


def _wide_quantity(wide: Mapping[str, Any], row: Row) -> Fraction | None:
    if "constant" in wide:
        return Fraction(wide["constant"])
    text = row.get(wide["column"], "").strip()
    if not text:
        return None
    found = number(text)
    for column in wide.get("less", ()):
        other = row.get(column, "").strip()
        found -= number(other) if other else 0
    return found


@lru_cache(maxsize=4096)
def model_of(provider: str | None, text: str | None) -> str | None:
    """Return the family of models that a billing name means; None when the card has none of the provider."""
    if not provider or not text:
        return None
    return family_named(provider, text) or family_named(provider, forms().rewritten(text))
