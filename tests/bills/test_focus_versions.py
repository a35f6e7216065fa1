# SPDX-License-Identifier: Apache-2.0
"""Structure of FOCUS 1.2, 1.3 and 1.4 files: columns, nulls, values and sums; Parquet holds what CSV holds.

Only 1.2 has a rule model that runs offline (`make test-focus`). The rules here are of the specification, 2026-11.
"""

from __future__ import annotations

import csv
import json
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from spancost.bills.focus_rows import columns_of, definition
from spancost.cli import main

BILLS = Path(__file__).parent
VERSIONS = ("1.2", "1.3", "1.4")
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
ALWAYS = (
    *COSTS, "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart",
    "ChargePeriodEnd", "ChargeCategory", "InvoiceIssuerName", "ServiceCategory", "ServiceName",
)  # fmt: skip
NAMED = {
    "1.2": ("ProviderName", "PublisherName"),
    "1.3": ("ProviderName", "PublisherName", "ServiceProviderName"),
    "1.4": ("ServiceProviderName",),
}
"""Mandatory columns without nulls: those of all versions, and the names of the provider of each."""
MANDATORY = (
    *("BillingAccountName", "ChargeClass", "ChargeDescription", "PricingQuantity", "PricingUnit"),
    *("ChargeFrequency", "ServiceSubcategory"),
)
"""Mandatory or recommended columns that may have nulls."""
VALUES = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"", "Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"", "Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": {"AI and Machine Learning"},
    "ServiceSubcategory": {"Generative AI"},
    "BillingCurrency": {"USD"},
}
OF_A_PRICE = ("PricingCategory", "PricingQuantity", "PricingUnit", "ListUnitPrice", "ContractedUnitPrice")
FORMS = {"plain": (), "settled": ("--bill", str(BILLS / "bill.csv"), "--allocate", "cost", "--sub-account", "team")}


def focus(folder: Path, version: str, form: str, kind: str = "csv") -> Path:
    out = folder / f"{version}-{form}.{kind}"
    options = ("--version", version, "--account", "acct", *FORMS[form])
    done = CliRunner().invoke(main, ["focus", str(BILLS / "spans.jsonl"), "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module", params=[(version, form) for version in VERSIONS for form in FORMS], ids="-".join)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    version, form = request.param
    return version, form, focus(tmp_path_factory.mktemp("focus"), version, form)


def test_columns_are_those_of_the_version(written: tuple[str, str, Path]) -> None:
    version, _, path = written
    columns = tuple(rows_of(path)[0])
    assert columns == columns_of(version)
    assert {*ALWAYS, *NAMED[version], *MANDATORY} <= set(columns)
    own = [name for name in columns if name.startswith("x_")]
    assert all(re.fullmatch(r"x_[A-Z][A-Za-z]+", name) for name in own)
    assert list(columns) == sorted(set(columns) - set(own)) + own


def test_values_are_those_that_the_specification_allows(written: tuple[str, str, Path]) -> None:
    version, _, path = written
    types = definition()["types"]
    for row in rows_of(path):
        assert all(row[name] for name in (*ALWAYS, *NAMED[version]))
        assert all(row[name] in allowed for name, allowed in VALUES.items())
        begin, start, end, until = (
            row[name] for name in ("BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodEnd")
        )
        assert begin <= start < end <= until
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row[name]) for name in types["timestamp"])
        assert all(re.fullmatch(r"(-?\d+\.\d+)?", row.get(name, "")) for name in types["decimal"])
        assert isinstance(json.loads(row["Tags"]), dict)
        details = json.loads(row["SkuPriceDetails"] or "{}")
        assert all(name.startswith("x_") for name in details)


def test_prices_and_quantities_go_together(written: tuple[str, str, Path]) -> None:
    _, _, path = written
    for row in rows_of(path):
        if not row["SkuPriceId"]:
            assert [row[name] for name in OF_A_PRICE] == [""] * len(OF_A_PRICE)
        else:
            quantity = Decimal(row["PricingQuantity"])
            assert Decimal(row["ListUnitPrice"]) * quantity == Decimal(row["ListCost"])
            assert Decimal(row["ContractedUnitPrice"]) * quantity == Decimal(row["ContractedCost"])
            assert min(Decimal(row["ListUnitPrice"]), Decimal(row["ContractedUnitPrice"])) >= 0
        if not row["SkuId"]:
            assert row["SkuMeter"] == ""
        if row["ChargeCategory"] in ("Credit", "Tax", "Purchase"):
            assert row["ConsumedQuantity"] == row["PricingQuantity"] == ""
        assert bool(row["SubAccountId"]) == bool(row["SubAccountType"])


def test_rows_add_up_to_the_spans(written: tuple[str, str, Path]) -> None:
    """To the femto-dollar; what is allocated from the bill is in rows of its own."""
    _, form, path = written
    rows = [row for row in rows_of(path) if row["x_Basis"] != "allocated"]
    report = CliRunner().invoke(main, ["report", str(BILLS / "spans.jsonl"), "--format", "json"])
    cost = Decimal(json.loads(report.stdout)["cost_usd"])
    for column in COSTS if form == "plain" else COSTS[1:]:
        assert sum(Decimal(row[column]) for row in rows) == cost
    if form == "settled":
        billed = sum(Decimal(row["BilledCost"]) for row in rows_of(path))
        assert billed == sum(Decimal(row["amount_value"]) for row in rows_of(BILLS / "bill.csv"))


def test_parquet_holds_every_cell_of_the_csv(written: tuple[str, str, Path], tmp_path: Path) -> None:
    version, form, path = written
    types = definition()["types"]
    stored = duckdb.connect().execute(f"SELECT * FROM '{focus(tmp_path, version, form, 'parquet')}'")
    columns = [each[0] for each in stored.description]
    rows = [dict(zip(columns, values, strict=True)) for values in stored.fetchall()]
    expected = rows_of(path)
    assert (columns, len(rows)) == (list(expected[0]), len(expected))
    for held, row in zip(rows, expected, strict=True):
        for name, text in row.items():
            value = held[name]
            if not text:
                assert value is None
            elif name in types["decimal"]:
                assert (type(value), value) == (Decimal, Decimal(text))
            elif name in types["timestamp"]:
                assert f"{value:%Y-%m-%dT%H:%M:%SZ}" == text
            else:
                assert str(value) == text
