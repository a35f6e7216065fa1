# SPDX-License-Identifier: Apache-2.0
"""`spancost focus`: rows add up to the calls, survive Parquet exactly, keep unpriced usage, take a bill's amounts."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from spancost.bills.focus_rows import columns_of
from spancost.cli import main
from tests.bills.month import billed, costs_csv, month, spans_file
from tests.reports.otlp import chat, request, written


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["focus", *arguments])


def rows_of(source: Path, out: Path, *options: str) -> list[dict[str, str]]:
    done = run(str(source), "--out", str(out), "--account", "acct", *options)
    assert done.exit_code == 0, done.output
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Calls with odd token numbers, a cached part, tags, and one of an unknown model."""
    calls = [
        chat(n, n, tokens=1001 * n, gen_ai__usage__cache_read__input_tokens=333 * n, app__feature=("a", "b")[n % 2])
        for n in range(1, 12)
    ]
    return written(tmp_path / "s.jsonl", request(*calls, chat(50, 50, model="house-model")))


def total(source: Path) -> Decimal:
    done = CliRunner().invoke(main, ["report", str(source), "--format", "json"])
    return Decimal(json.loads(done.stdout)["cost_usd"])


def test_rows_add_up_to_the_calls_to_the_last_digit(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source, tmp_path / "f.csv")
    for column in ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost"):
        assert sum(Decimal(row[column]) for row in rows) == total(source)
    priced = [row for row in rows if row["SkuPriceId"]]
    assert {row["SkuMeter"] for row in priced} == {"uncached_input_tokens", "cache_read_tokens", "output_tokens"}
    for row in priced:
        assert Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"]) == Decimal(row["ListCost"])
        assert "." in row["ConsumedQuantity"]
    assert {json.loads(row["Tags"])["app.feature"] for row in priced} == {"a", "b"}


def test_usage_without_a_price_stays_with_nulls(source: Path, tmp_path: Path) -> None:
    rows = [row for row in rows_of(source, tmp_path / "f.csv") if row["x_Model"] == "house-model"]
    assert {row["x_CostStatus"] for row in rows} == {"unpriced"}
    assert sum(Decimal(row["x_ConsumedQuantity"]) for row in rows) == 1100
    for row in rows:
        assert (row["SkuPriceId"], row["PricingQuantity"], row["ListUnitPrice"], row["PricingCategory"]) == (
            "",
            "",
            "",
            "",
        )
        assert Decimal(row["BilledCost"]) == 0


def test_parquet_holds_the_same_decimals(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source, tmp_path / "f.csv")
    out = tmp_path / "f.parquet"
    assert run(str(source), "--out", str(out), "--account", "acct").exit_code == 0
    names = ("BilledCost", "ListUnitPrice", "PricingQuantity")
    stored = duckdb.sql(f"SELECT {', '.join(names)} FROM '{out}'").fetchall()
    assert stored == [tuple(Decimal(row[name]) if row[name] else None for name in names) for row in rows]
    types = duckdb.sql(f"DESCRIBE SELECT {', '.join(names)}, ChargePeriodStart FROM '{out}'").fetchall()
    assert [row[1] for row in types] == ["DECIMAL(38,15)"] * 3 + ["TIMESTAMP"]


def test_columns_follow_the_version() -> None:
    assert len([name for name in columns_of("1.2") if not name.startswith("x_")]) == 57
    assert len([name for name in columns_of("1.4") if not name.startswith("x_")]) == 65
    assert {"ProviderName", "ServiceProviderName"} <= set(columns_of("1.3"))
    assert "ProviderName" not in columns_of("1.4")


def test_a_bill_settles_the_billed_cost(tmp_path: Path) -> None:
    """The bill is a tenth higher: BilledCost is the bill's, EffectiveCost stays ours."""
    calls = month()
    source = spans_file(tmp_path / "s.jsonl", calls)
    bill = costs_csv(tmp_path / "b.csv", billed(calls), lambda line: line._replace(amount=line.amount * 11 / 10))
    rows = rows_of(source, tmp_path / "f.csv", "--bill", str(bill))
    ours = sum((line.amount for line in billed(calls)), Fraction(0))
    assert sum(Fraction(row["BilledCost"]) for row in rows) == ours * 11 / 10
    assert sum(Fraction(row["EffectiveCost"]) for row in rows) == ours
    assert {row["x_Basis"] for row in rows} == {"billed"}


@pytest.mark.parametrize("rule", ["tokens", "calls", "cost"])
def test_shared_costs_are_spread_in_rows_of_their_own(rule: str, tmp_path: Path) -> None:
    calls = month()
    source = spans_file(tmp_path / "s.jsonl", calls)
    bill = costs_csv(tmp_path / "b.csv", billed(calls))
    with bill.open("a", encoding="utf-8") as file:
        file.write("2026-11-02T00:00:00Z,2026-11-03T00:00:00Z,7.77,usd,,,seat subscription,1762041600,1762128000,p\n")
    rows = rows_of(source, tmp_path / "f.csv", "--bill", str(bill), "--allocate", rule)
    parts = [row for row in rows if row["x_Basis"] == "allocated"]
    assert sum(Decimal(row["BilledCost"]) for row in parts) == Decimal("7.77")
    assert {row["ChargePeriodStart"][:10] for row in parts} == {"2026-11-02"}
    whole = sum((line.amount for line in billed(calls)), Fraction(0)) + Fraction("7.77")
    assert sum(Fraction(row["BilledCost"]) for row in rows) == whole


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "--account: found none"),
        (("--account", "a", "--version", "2.0"), "--version: found '2.0'; expected one of 1.2, 1.3, 1.4"),
        (("--account", "a", "--allocate", "tokens"), "--allocate: found no --bill"),
    ],
)
def test_wrong_options_leave_no_file(options: tuple[str, ...], expected: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "f.csv"
    done = run(str(source), "--out", str(out), *options)
    assert done.exit_code == 2
    assert expected in done.stderr
    assert list(tmp_path.glob("f.*")) == []


def test_another_kind_of_file_is_refused(source: Path, tmp_path: Path) -> None:
    done = run(str(source), "--out", str(tmp_path / "f.xlsx"), "--account", "a")
    assert (done.exit_code, "expected a name that ends in .csv or .parquet" in done.stderr) == (2, True)
