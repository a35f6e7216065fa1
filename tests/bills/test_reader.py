# SPDX-License-Identifier: Apache-2.0
"""Bills of each documented spelling become exact lines; what is not understood is shown, what is no bill is refused."""

from __future__ import annotations

import gzip
import json
import zipfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from spancost.bills.line import BillError
from spancost.bills.literal import decimal_text, instant, number
from spancost.bills.reader import read_bill, read_bills
from spancost.cli import main
from tests.bills.documents import CASES, CONSOLE_USAGE, COSTS, DEEPSEEK, Case


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def text(value: Fraction | None) -> str | None:
    return None if value is None else decimal_text(value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_documented_spelling_is_read_exactly(case: Case, tmp_path: Path) -> None:
    (bill,) = read_bill(written(tmp_path, case.name, case.text))
    assert bill.source == case.source
    found = [
        (line.model, line.meter, line.tier, text(line.quantity), text(line.amount), line.category)
        for line in bill.lines
    ]
    assert found == list(case.lines)
    assert all(line.mapped_by is not None for line in bill.lines)
    assert {line.start.date().isoformat() for line in bill.lines} == {"2026-11-19"}


def test_zip_gzip_and_plain_files_are_the_same(tmp_path: Path) -> None:
    plain = written(tmp_path, "d.csv", DEEPSEEK)
    packed = tmp_path / "d.csv.gz"
    packed.write_bytes(gzip.compress(DEEPSEEK.encode()))
    archive = tmp_path / "d.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("amount-2026-11.csv", DEEPSEEK)
    lines = [read_bill(path)[0].lines for path in (plain, packed, archive)]
    assert lines[0] == lines[1] == lines[2]


def test_json_lines_are_pages(tmp_path: Path) -> None:
    page = json.dumps(json.loads(COSTS))
    bills = read_bill(written(tmp_path, "pages.jsonl", f"{page}\n{page}\n"))
    assert [len(bill.lines) for bill in bills] == [4, 4]


def test_a_restated_bucket_replaces_the_earlier_one_even_when_empty(tmp_path: Path) -> None:
    """The first file has a day that the second one reports again without any result."""
    first = written(tmp_path, "first.json", COSTS)
    empty = json.loads(COSTS)
    empty["data"][0]["results"] = []
    empty["data"][1]["results"] = [json.loads(COSTS)["data"][0]["results"][0]]
    second = written(tmp_path, "second.json", json.dumps(empty))
    bills = read_bills([first, second])
    assert [len(bill.lines) for bill in bills] == [0, 1]
    assert [len(bill.lines) for bill in read_bills([second, first])] == [0, 4]


def test_a_line_that_no_rule_knows_is_shown(tmp_path: Path) -> None:
    path = written(tmp_path, "costs.json", COSTS.replace("gpt-4o, output_tokens", "flux capacitor"))
    (bill,) = read_bill(path)
    (unknown,) = [line for line in bill.lines if line.mapped_by is None]
    assert (unknown.amount, unknown.text, unknown.row) == (2, "flux capacitor", 3)
    shown = CliRunner().invoke(main, ["bill", "show", str(path)])
    assert "1 not understood" in shown.stdout
    assert "row 3: flux capacitor 2 USD" in shown.stdout


def test_show_gives_exact_machine_rows(tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["bill", "show", str(written(tmp_path, "c.json", COSTS)), "--format", "json"])
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [row["amount"] for row in rows] == ["0.06", "0.015", "2", "-5"]
    assert rows[0]["start"] == "2026-11-19T00:00:00Z"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "hello\n", "expected the heading of a CSV file"),
        ("a.csv", "a,b\n1,2\n", "expected a bill of one of"),
        ("a.json", "[]", "found no row"),
        ("a.json", '{"data": [', "found no JSON"),
        ("a.csv", CONSOLE_USAGE.replace(",1000,", ",many,"), "row 1: found 'many'; expected a decimal"),
        ("a.csv", CONSOLE_USAGE.replace("2026-11-19", "yesterday"), "row 1: found 'yesterday'; expected a day"),
        ("a.csv", CONSOLE_USAGE.replace(",standard\n", "\n"), "line 2: found 13 values; expected 14"),
        ("a.json", COSTS.replace("0.06", "NaN"), "found NaN"),
        ("a.json", COSTS.replace(', "currency": "usd"', ""), "without a currency"),
    ],
)
def test_what_is_no_bill_is_refused_with_a_sentence(name: str, content: str, expected: str, tmp_path: Path) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(BillError, match=expected):
        read_bill(path)
    shown = CliRunner().invoke(main, ["bill", "show", str(path)])
    assert (shown.exit_code, shown.stdout, shown.stderr.count("\n")) == (2, "", 1)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**12), max_value=10**12))
def test_numbers_are_read_and_written_without_a_float(value: Decimal) -> None:
    """Eighteen digits after the point survive; a double would lose them."""
    assert number(str(value)) == Fraction(value)
    assert Fraction(decimal_text(number(f"{value:f}"))) == Fraction(value)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("0.1", Fraction(1, 10)),
        ("5e-7", Fraction(5, 10**7)),
        ("1,234.5", Fraction(2469, 2)),
        ("(2.50)", Fraction(-5, 2)),
        ("-$3", Fraction(-3)),
        ("$0.10", Fraction(1, 10)),
        ("\u22121", Fraction(-1)),
    ],
)
def test_spellings_of_numbers(given_text: str, expected: Fraction) -> None:
    assert number(given_text) == expected


@given(st.text(max_size=80))
def test_any_other_text_is_refused_or_a_number(hostile: str) -> None:
    try:
        assert isinstance(number(hostile), Fraction)
    except ValueError as error:
        assert "expected a decimal" in str(error)


@pytest.mark.parametrize("hostile", ["", "NaN", "inf", "1,5", "1.2.3", "0x10", "1e9999", "١", "1_000", "9" * 80])
def test_numbers_that_are_none(hostile: str) -> None:
    with pytest.raises(ValueError, match="expected a decimal"):
        number(hostile)


@pytest.mark.parametrize(
    "day", ["2026-11-19", "20261119", "1795046400", "1795046400000", "2026-11-19T00:00:00Z", "2026-11-19 00:00:00 UTC"]
)
def test_spellings_of_a_day(day: str) -> None:
    assert instant(day).isoformat() == "2026-11-19T00:00:00+00:00"
