# SPDX-License-Identifier: Apache-2.0
"""Turns the rows of one table into lines: each row by itself, or rows of the same meaning and day added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import count
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from spancost.bills.described import Described, columns_that_describe, described
from spancost.bills.forms import Cell, Form, Row
from spancost.bills.line import BillError, BillLine, Bucket
from spancost.bills.literal import EXACT, exact, instant

_DIVISORS = {"usd": 1, "cents": 100, "micro_cents": 100_000_000}
_LENGTHS = {"second": timedelta(seconds=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_MOST_KEPT = 200_000
"""Texts that are remembered: a log of requests has other times on each row."""

Values = Sequence[str]
Number: TypeAlias = "int | Decimal"


class Total:
    """Rows of one meaning added up. Sums are of the literals: units and cents are for `lines`."""

    __slots__ = ("amount", "described", "end", "listed", "quantity", "row", "rows", "start", "wides")

    def __init__(self, of: Described, start: datetime, end: datetime, row: int) -> None:
        self.described, self.start, self.end, self.row = of, start, end, row
        self.rows = 0
        self.quantity: Number | None = None
        self.amount: Number | None = None
        self.listed: Number | None = None
        self.wides: list[Number] = [0] * len(of.wides)


class Read(NamedTuple):
    """The lines of a table and the buckets that they are of, those of left out lines included."""

    lines: tuple[BillLine, ...]
    buckets: set[Bucket]


class _Totals:
    """The totals of a table, in the order of their first rows, and its buckets."""

    def __init__(self, source: str, is_summed: bool, left_out: frozenset[Bucket]) -> None:
        self.all: list[Total] = []
        self.buckets: set[Bucket] = set()
        self.known: dict[tuple[int, int], Total | None] = {}
        self._source, self._is_summed, self._left_out = source, is_summed, left_out
        self._days: dict[tuple[int, date], Total] = {}

    def total(self, key: tuple[int, int], meaning: Described, start: datetime, end: datetime, row: int) -> Total | None:
        """Return what a row is added to; None for a bucket that is left out. *key*: numbers of meaning and period."""
        bucket = Bucket(self._source, meaning.line.account, start, end)
        self.buckets.add(bucket)
        if len(self.known) >= _MOST_KEPT:
            self.known.clear()
        if bucket in self._left_out:
            self.known[key] = None
            return None
        if not self._is_summed or not meaning.is_usage:
            total = Total(meaning, start, end, row)
            self.all.append(total)
            return total
        day = (key[0], start.date())
        if day not in self._days:
            self._days[day] = total = Total(meaning, start, end, row)
            self.all.append(total)
        self.known[key] = self._days[day]
        return self._days[day]


class RowReader:
    """Reads tables of one form with one set of columns."""

    def __init__(self, form: Form, columns: Sequence[str]) -> None:
        """*columns* are in lower case; a row has a value for each, "" for a missing one."""
        self.form = form
        self._at = at = {name: number for number, name in enumerate(columns)}
        self._columns = [name for name in columns_that_describe(form) if name in at]
        times = [name for name in (*form.start.columns, *form.end.columns) if name in at]
        self._texts = _picked([at[name] for name in self._columns])
        self._times = _picked([at[name] for name in times])
        # What texts and times mean, each with a number of its own: a row is known by its two numbers.
        self._described: dict[Values, tuple[int, Described | None]] = {}
        self._periods: dict[Values, tuple[int, datetime, datetime]] = {}
        self._numbers = count()
        self._start, self._end = _first(form.start, at), _first(form.end, at)
        self._quantity, self._amount = _first(form.quantity, at), _first(form.amount, at)
        self._listed, self._price = _first(form.list_amount, at), _first(form.unit_price, at)
        self._wides = [_wide(wide, at) for wide in form.quantities]

    def read(self, where: str, rows: Iterable[Values], is_summed: bool, left_out: frozenset[Bucket]) -> Read:
        """Return the lines of *rows* without those of the buckets *left_out*; BillError names the row.

        is_summed: usage of the same meaning on one day is one line.
        """
        totals = _Totals(self.form.id, is_summed, left_out)
        known = totals.known
        with localcontext(EXACT):
            for number, values in enumerate(rows, 1):
                try:
                    texts = self._texts(values)
                    described_by, meaning = self._described.get(texts) or self._describe(texts)
                    if meaning is None:
                        continue
                    times = self._times(values)
                    period = self._periods.get(times) or self._read_period(times, values)
                    key = (described_by, period[0])
                    is_known = key in known
                    total = known[key] if is_known else totals.total(key, meaning, *period[1:], number)
                    if total is not None:
                        self._add(total, values)
                except (ValueError, OverflowError) as error:  # the latter: a day beyond the calendar
                    raise BillError(f"{where}, row {number}: {error}") from None
            return Read(tuple(line for total in totals.all for line in self._lines(total)), totals.buckets)

    def period(self, values: Values) -> tuple[datetime, datetime]:
        """Return the period of a row, its end excluded; ValueError when it has none."""
        begin, end = self._start(values), self._end(values)
        if begin is None:
            raise ValueError(f"found no time; expected one of {', '.join(self.form.start.columns)}")
        start = instant(begin)
        return start, start + _LENGTHS[self.form.length or "day"] if end is None else instant(end)

    def _describe(self, texts: Values) -> tuple[int, Described | None]:
        if len(self._described) >= _MOST_KEPT:
            self._described.clear()
        meaning = described(self.form, dict(zip(self._columns, texts, strict=True)))
        self._described[texts] = found = (next(self._numbers), meaning)
        return found

    def _read_period(self, times: Values, values: Values) -> tuple[int, datetime, datetime]:
        if len(self._periods) >= _MOST_KEPT:
            self._periods.clear()
        self._periods[times] = found = (next(self._numbers), *self.period(values))
        return found

    def _add(self, total: Total, values: Values) -> None:
        total.rows += 1
        text = self._quantity(values)
        quantity = None if text is None or total.described.factor is None else exact(text)
        if quantity is not None:
            total.quantity = quantity if total.quantity is None else total.quantity + quantity
        text = self._amount(values)
        amount = None if text is None else exact(text)
        if amount is None and quantity is not None:
            text = self._price(values)
            amount = None if text is None else quantity * exact(text) * (total.described.factor or 1)
        if amount is not None:
            if total.described.currency is None:
                raise ValueError("found an amount without a currency; expected one")
            total.amount = amount if total.amount is None else total.amount + amount
        text = self._listed(values)
        if text is not None:
            listed = exact(text)
            total.listed = listed if total.listed is None else total.listed + listed
        for place, wide in enumerate(self._wides):
            total.wides[place] += wide(values)

    def _lines(self, total: Total) -> Iterator[BillLine]:
        """Yield the lines of a total: one for the amount (with its quantity), one for each quantity of a wide row."""
        meaning = total.described
        listed = _divided(total.listed, self.form.list_unit)
        amount = _divided(total.amount, self.form.amount_unit)
        quantity = None if total.quantity is None else Fraction(total.quantity) * (meaning.factor or 1)
        is_unit_unknown = meaning.factor is None and bool(self.form.quantity.columns)
        line = meaning.line._replace(start=total.start, end=total.end, row=total.row, rows=total.rows)
        if amount is not None or quantity is not None or is_unit_unknown:
            currency = None if amount is None else meaning.currency
            yield line._replace(quantity=quantity, amount=amount, list_amount=listed, currency=currency)
        for wide, sum_of in zip(meaning.wides, total.wides, strict=True):
            if sum_of:
                yield wide._replace(
                    start=total.start, end=total.end, row=total.row, rows=total.rows, quantity=Fraction(sum_of)
                )


def period_of(form: Form, row: Row) -> tuple[datetime, datetime]:
    """Return the period of a bucket without a result."""
    return RowReader(form, tuple(row)).period(tuple(row.values()))


def _divided(value: Number | None, unit: str) -> Fraction | None:
    return None if value is None else Fraction(value) / _DIVISORS[unit]


def _picked(places: Sequence[int]) -> Callable[[Values], tuple[str, ...]]:
    """Return what gives the values at *places* as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)


def _first(cell: Cell, at: Mapping[str, int]) -> Callable[[Values], str | None]:
    """Return what gives the text of the first column of *cell* with one, its default without."""
    places, default = [at[name] for name in cell.columns if name in at], cell.default
    if not places:
        return lambda values: default
    if len(places) == 1:
        (place,) = places
        return lambda values: values[place].strip() or default

    def text(values: Values) -> str | None:
        for place in places:
            if found := values[place].strip():
                return found
        return default

    return text


def _wide(wide: Mapping[str, object], at: Mapping[str, int]) -> Callable[[Values], Number]:
    """Return what gives the quantity of one column less those of others; 0 when the column is empty."""
    if "constant" in wide:
        constant = int(str(wide["constant"]))
        return lambda values: constant
    place = at.get(str(wide["column"]))
    if place is None:
        return lambda values: 0
    names = wide.get("less", ())
    others = [at[name] for name in names if name in at] if isinstance(names, Sequence) else []

    def quantity(values: Values) -> Number:
        text = values[place].strip()
        if not text:
            return 0
        found = exact(text)
        for other in others:
            if less := values[other].strip():
                found -= exact(less)
        return found

    return quantity
