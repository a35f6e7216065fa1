# SPDX-License-Identifier: Apache-2.0
"""Rows added up while they are read are the same bill as its lines, to the last digit of any literal."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.bills.described import forms
from spancost.bills.literal import number
from spancost.bills.reader import read_bill, read_bills
from spancost.bills.row_reader import RowReader
from spancost.bills.sides import bill_sides
from tests.bills.documents import CASES, COSTS_CSV, Case

COLUMNS = ("start_time", "end_time", "amount_value", "amount_currency", "quantity", "quantity_unit", "line_item")
DIGITS = st.text("0123456789", min_size=1, max_size=25)
LITERALS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=20, min_value=-(10**18), max_value=10**18).map(str),
    st.builds("{}.{}".format, DIGITS, DIGITS),
    st.builds("{}e{}".format, DIGITS, st.integers(-99, 99)),
    st.builds("-{}.{}e-{}".format, DIGITS, DIGITS, st.integers(0, 999)),
    st.builds("({})".format, DIGITS),
    st.sampled_from(["0.1", "0.2", "1e999", "1e-999", "9007199254740993", "0.30000000000000004", "$1.10", "\u22127"]),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_summed_rows_are_the_same_sides(case: Case, tmp_path: Path) -> None:
    path = tmp_path / case.name
    path.write_text(case.text, encoding="utf-8")
    one, two = (read_bill(path, is_summed=is_summed) for is_summed in (False, True))
    assert [bill.buckets for bill in one] == [bill.buckets for bill in two]
    if "CNY" not in {line.currency for bill in one for line in bill.lines}:
        assert bill_sides(one) == bill_sides(two)


def test_rows_of_one_day_and_meaning_are_one_line(tmp_path: Path) -> None:
    """Another user of the same model is no other meaning; another project or day is."""
    heading, row = COSTS_CSV.splitlines()
    rows = [row.replace('",,', f'",user_{number},') for number in range(3)]
    other = [row.replace("proj_a", "proj_b"), row.replace("2026-11-19", "2026-11-18")]
    path = tmp_path / "costs.csv"
    path.write_text("\n".join([heading, *rows, *other]) + "\n", encoding="utf-8")
    (bill,) = read_bills([path])
    assert [(line.rows, line.amount, line.row) for line in bill.lines] == [
        (3, Fraction(9, 10), 1),
        (1, Fraction(3, 10), 4),
        (1, Fraction(3, 10), 5),
    ]


def test_lines_that_no_rule_knows_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    row = COSTS_CSV.splitlines()[1].replace("gpt-4o-mini, Input", "flux capacitor")
    path.write_text("\n".join([COSTS_CSV.splitlines()[0], row, row]) + "\n", encoding="utf-8")
    (bill,) = read_bills([path])
    assert [(line.row, line.rows, line.mapped_by) for line in bill.lines] == [(1, 1, None), (2, 1, None)]


@settings(deadline=None)
@given(st.lists(st.tuples(LITERALS, LITERALS), min_size=1, max_size=6))
def test_no_float_touches_a_hostile_literal(rows: list[tuple[str, str]]) -> None:
    """The sum of the rows is that of the literals as fractions, whatever their digits and exponents."""
    reader = RowReader(forms().by_id("openai_costs_csv"), COLUMNS)
    values = [
        ("2026-11-19", "2026-11-20", amount, "usd", quantity, "1000_tokens", "gpt-4o, input")
        for amount, quantity in rows
    ]
    (line,) = reader.read("f", values, True, frozenset()).lines
    assert line.amount == sum((number(amount) for amount, _ in rows), Fraction(0))
    assert line.quantity == sum((number(quantity) * 1000 for _, quantity in rows), Fraction(0))
    assert {type(line.amount), type(line.quantity)} == {Fraction}
    alone = reader.read("f", values, False, frozenset()).lines
    assert sum((each.amount or 0 for each in alone), Fraction(0)) == line.amount


@settings(deadline=None)
@given(st.lists(st.tuples(LITERALS, LITERALS), min_size=1, max_size=4))
def test_a_price_on_the_row_is_multiplied_exactly(rows: list[tuple[str, str]]) -> None:
    columns = ("utc_date", "model", "type", "price", "amount", "currency")
    reader = RowReader(forms().by_id("deepseek_amount"), columns)
    values = [("2026-11-19", "deepseek-chat", "output_tokens", price, amount, "USD") for price, amount in rows]
    (line,) = reader.read("f", values, True, frozenset()).lines
    assert line.amount == sum((number(price) * number(amount) for price, amount in rows), Fraction(0))


@given(DIGITS, DIGITS)
def test_plain_decimals_take_the_short_way_to_the_same_value(whole: str, digits: str) -> None:
    assert number(f"{whole}.{digits}") == Fraction(Decimal(f"{whole}.{digits}")) == number(f" {whole}.{digits} ")


def test_blank_rows_and_an_empty_first_value_are_read(tmp_path: Path) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("note", *COLUMNS, "project_id"))
    day = ("2026-11-19", "2026-11-20", "1", "usd", "5", "tokens", "gpt-4o, input", "p")
    writer.writerows([("", *day), [""] * 9, [], ("x", *day)])
    path = tmp_path / "b.csv"
    path.write_text(out.getvalue(), encoding="utf-8")
    (bill,) = read_bill(path)
    assert [line.row for line in bill.lines] == [1, 2]
