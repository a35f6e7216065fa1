# SPDX-License-Identifier: Apache-2.0
"""Reads a bill: finds the form of each table and turns its rows into exact lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from spancost.bills import tables
from spancost.bills.described import forms
from spancost.bills.forms import Form, Row
from spancost.bills.line import Bill, BillError, Bucket
from spancost.bills.literal import instant
from spancost.bills.row_reader import RowReader, period_of

_MOST_DAYS = 10_000
_DAY = timedelta(days=1)


class _Wanted(NamedTuple):
    """is_summed: rows of usage of the same meaning and day as one line; left_out: buckets whose lines do not count."""

    is_summed: bool = False
    left_out: frozenset[Bucket] = frozenset()


def read_bill(path: Path, is_summed: bool = False, left_out: frozenset[Bucket] = frozenset()) -> list[Bill]:
    """Return what a file holds, one `Bill` for each of its tables; BillError when it is no bill that a form knows.

    A page without a row has the form of the first page with one, or the form that the line `fetched` names.
    is_summed: usage of the same meaning on one day is one line. left_out: buckets whose lines do not count.
    """
    wanted = _Wanted(is_summed, left_out)
    found: list[Bill] = []
    empty: list[tuple[str, list[dict[str, str]]]] = []
    for table in tables.tables_of(path):
        if table.rows is None:
            rows, buckets = _document_rows(table.document)
            if isinstance(table.document, Mapping) and "fetched" in table.document:
                found.append(_fetched(table.name, table.document["fetched"]))
            elif rows:
                found.append(_document(table.name, rows, buckets, wanted))
            else:
                empty.append((table.name, buckets))
        else:
            found.append(_table(table, wanted))
    if not found:
        what = "row; expected a page with results" if empty else "table; expected a bill"
        raise BillError(f"{path}: found no {what}")
    form = forms().by_id(found[0].source)
    return found + [_bill(name, form, (), (), buckets, wanted) for name, buckets in empty]


def read_bills(paths: Sequence[Path]) -> list[Bill]:
    """Return what files hold, usage of the same meaning on one day as one line.

    A bucket of a later file replaces that bucket in earlier ones: sources restate them.
    """
    bills: list[Bill] = []
    restated: frozenset[Bucket] = frozenset()
    for path in reversed(paths):
        earlier = _without_copies(read_bill(path, True, restated))
        bills = earlier + bills
        restated = restated.union(*(bill.buckets for bill in earlier))
    return bills


def _without_copies(bills: list[Bill]) -> list[Bill]:
    """Return the bills of one file; what a table states again in less detail has no lines."""
    held = {bill.source for bill in bills}
    return [bill._replace(lines=()) if forms().by_id(bill.source).same_as in held else bill for bill in bills]


def _table(table: tables.Table, wanted: _Wanted) -> Bill:
    assert table.rows is not None
    columns = tuple(column.lower() for column in table.columns)
    form = forms().form_for(table.name, frozenset(columns), None, "csv")
    return _bill(table.name, form, columns, table.rows(), (), wanted)


def _document(name: str, rows: list[dict[str, str]], empty: Sequence[Row], wanted: _Wanted) -> Bill:
    columns = tuple(sorted({key for row in rows for key in row}))
    form = forms().form_for(name, frozenset(columns), rows[0], "json")
    values = ([row.get(column, "") for column in columns] for row in rows)
    return _bill(name, form, columns, values, empty, wanted)


def _fetched(name: str, asked: Any) -> Bill:
    """Return the first line of a fetched file: no line of a bill, and a bucket for each day that was asked for."""
    try:
        form = forms().by_id(asked["form"])
        day, until = instant(asked["since"]), instant(asked["until"])
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise BillError(f"{name}: found no form and days; expected what `spancost bill fetch` writes") from None
    buckets: set[Bucket] = set()
    while day < until and len(buckets) < _MOST_DAYS:
        buckets.add(Bucket(form.id, None, day, day + _DAY))
        day += _DAY
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


def _bill(
    where: str, form: Form, columns: Sequence[str], rows: Iterable[Sequence[str]], empty: Sequence[Row], wanted: _Wanted
) -> Bill:
    lines, buckets = RowReader(form, columns).read(where, rows, wanted.is_summed, wanted.left_out)
    for bucket in empty:
        try:
            start, end = period_of(form, bucket)
        except (ValueError, OverflowError) as error:
            raise BillError(f"{where}, a bucket without results: {error}") from None
        buckets.add(Bucket(form.id, form.cells["account"].raw(bucket), start, end))
    ignored = tuple(column for column in columns if column not in form.columns)
    return Bill(where, form.id, form.lag_hours, form.rounded, lines, frozenset(buckets), ignored)
