# SPDX-License-Identifier: Apache-2.0
"""A bill that cannot be used gives one sentence and exit status 2, and leaves files as they were."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from spancost.bills.reader import read_bill, read_bills
from spancost.cli import main
from tests.bills.documents import CASES, CONSOLE_USAGE, CUR, DEEPSEEK, USAGE
from tests.bills.month import billed, costs_csv, month, spans_file

GOOD = "good"


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("amount.csv", DEEPSEEK * 30)
    return out.getvalue()


def parquet(folder: Path) -> bytes:
    (folder / "cur.csv").write_text(CUR, encoding="utf-8")
    target = folder / "cur.parquet"
    duckdb.connect().execute(
        f"COPY (SELECT * FROM read_csv('{folder / 'cur.csv'}', all_varchar=true)) TO '{target}' (FORMAT parquet)"
    )
    return target.read_bytes()


def changed(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


# What is wrong -> how the good bill becomes it, and what the sentence says.
BROKEN: dict[str, tuple[Callable[[str], str], str]] = {
    "another file": (lambda text: "hello\n", "expected the heading of a CSV file"),
    "another table": (lambda text: "a,b\n1,2\n", "expected a bill of one of"),
    "no number": (changed(",usd,", "x,usd,"), "expected a decimal"),
    "no day": (changed("2026-11-02T", "soon"), "expected a day or a time"),
    "beyond the calendar": (lambda text: CONSOLE_USAGE.replace("2026-11-19", "9999-12-31"), "row 1: date value"),
    "cut off": (lambda text: text[:-20], "values; expected 10"),
}
OTHER: dict[str, tuple[Callable[[str], str], str]] = {
    "another currency": (changed(",usd,", ",eur,"), "found an amount in EUR; expected USD"),
    "two currencies": (lambda text: text.replace(",usd,", ",gbp,", 1), "found an amount in GBP; expected USD"),
    "another month": (changed("2026-11-", "2025-03-"), "2025-03-01"),
    "another provider": (lambda text: CASES[7].text.replace("2026-11-19", "2026-11-02"), "anthropic"),
}


def run(folder: Path, command: str, change: Callable[[str], str]) -> Result:
    """Run a command with a good and a changed bill for the month of calls."""
    calls = month()
    spans = spans_file(folder / "s.jsonl", calls)
    bill = costs_csv(folder / "b.csv", billed(calls))
    bill.write_text(change(bill.read_text(encoding="utf-8")), encoding="utf-8")
    arguments = {
        "bill": ["bill", "show", str(bill)],
        "reconcile": ["reconcile", str(spans), "--bill", str(bill), "--format", "json"],
        "csv": ["focus", str(spans), "--account", "a", "--bill", str(bill), "--out", str(folder / "f.csv")],
        "parquet": ["focus", str(spans), "--account", "a", "--bill", str(bill), "--out", str(folder / "f.parquet")],
    }
    return CliRunner().invoke(main, arguments[command])


def refused(done: Result, expected: str) -> None:
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.output
    assert expected in done.stderr


@pytest.mark.parametrize("command", ["bill", "reconcile", "csv", "parquet"])
@pytest.mark.parametrize("wrong", BROKEN)
def test_what_is_no_bill_is_refused_by_every_command(wrong: str, command: str, tmp_path: Path) -> None:
    change, expected = BROKEN[wrong]
    refused(run(tmp_path, command, change), expected)
    assert {path.name for path in tmp_path.iterdir()} == {"s.jsonl", "b.csv"}


@pytest.mark.parametrize("command", ["reconcile", "csv", "parquet"])
@pytest.mark.parametrize("wrong", OTHER)
def test_a_bill_of_something_else_is_refused(wrong: str, command: str, tmp_path: Path) -> None:
    change, expected = OTHER[wrong]
    refused(run(tmp_path, command, change), expected)
    assert {path.name for path in tmp_path.iterdir()} == {"s.jsonl", "b.csv"}


@pytest.mark.parametrize("wrong", ["another file", "two currencies", "another month"])
@pytest.mark.parametrize("name", ["f.csv", "f.parquet"])
def test_an_older_focus_file_stays_as_it_was(name: str, wrong: str, tmp_path: Path) -> None:
    older = tmp_path / name
    older.write_bytes(b"older")
    refused(run(tmp_path, name.partition(".")[2], {**BROKEN, **OTHER}[wrong][0]), "found")
    assert older.read_bytes() == b"older"
    assert {path.name for path in tmp_path.iterdir()} == {"s.jsonl", "b.csv", name}


def test_the_good_bill_is_taken_by_every_command(tmp_path: Path) -> None:
    """The refusals above are about what was changed."""
    for command in ("bill", "reconcile", "csv", "parquet"):
        assert run(tmp_path, command, lambda text: text).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"s.jsonl", "b.csv", "f.csv", "f.parquet"}


def test_a_usage_report_settles_no_amount(tmp_path: Path) -> None:
    text = USAGE.replace("1795046400", "1793577600").replace("1795132800", "1793664000")
    refused(run(tmp_path, "csv", lambda _: text), "found quantities only; expected a bill with amounts")


def test_two_reports_of_the_same_spend_are_refused(tmp_path: Path) -> None:
    """The cost export and a FOCUS file of the same days: their money would count twice."""
    calls = month()
    spans, bill = spans_file(tmp_path / "s.jsonl", calls), costs_csv(tmp_path / "b.csv", billed(calls))
    other = tmp_path / "f.csv"
    assert CliRunner().invoke(main, ["focus", str(spans), "--account", "a", "--out", str(other)]).exit_code == 0
    done = CliRunner().invoke(main, ["reconcile", str(spans), "--bill", str(bill), "--bill", str(other)])
    refused(done, "expected one of the two reports")


def test_tables_of_one_archive_that_state_the_same_money_count_once(tmp_path: Path) -> None:
    path = tmp_path / "month.zip"
    cost = "user_id,utc_date,model,wallet_type,cost,currency\nu,20261119,deepseek-chat,paid,2,USD\n"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("amount-2026-11.csv", DEEPSEEK)
        file.writestr("cost-2026-11.csv", cost)
    assert sum(line.amount or 0 for bill in read_bills([path]) for line in bill.lines) == 2
    assert [len(bill.lines) for bill in read_bill(path)] == [2, 1]


@pytest.mark.parametrize("kind", ["gz", "zip", "parquet"])
def test_broken_archives_are_refused(kind: str, tmp_path: Path) -> None:
    """Cut off anywhere, or with a changed byte: a sentence, or lines when the change does not matter."""
    whole = {"gz": lambda: gzip.compress(DEEPSEEK.encode()), "zip": archive, "parquet": lambda: parquet(tmp_path)}
    content = whole[kind]()
    path = tmp_path / f"b.{kind}"
    step = max(1, len(content) // 12)
    spoiled = [content[:end] for end in range(4, len(content), step)]
    spoiled += [content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :] for at in range(8, len(content), step)]
    statuses = []
    for each in spoiled:
        path.write_bytes(each)
        done = CliRunner().invoke(main, ["bill", "show", str(path)])
        assert done.exit_code == 0 or (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.output
        statuses.append(done.exit_code)
    assert 2 in statuses
