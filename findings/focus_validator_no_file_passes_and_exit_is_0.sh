#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: focus-validator 2.2.1 (pyarrow 24.0.0; with its own rules for FOCUS 1.2; it needs Python 3.12)
# Behaviour: the official validator of the bill format ends with status 0 whatever it found. No file is free of failures: with an
#   InvoiceId in a row rule InvoiceId-C-004-C fails, without one InvoiceId-C-005-C. Amounts are not checked: a list cost
#   that is not list price times quantity, or a cost of minus a billion, passes as the rules about them are among the skipped.
#   Costs that happen to be whole dollars in every row (2000) fail as not being decimal, and 2000.0 passes.
# Why it matters: a step that checks a bill before it is loaded never stops one. Who reads the report instead learns to ignore
#   it, since a right file has a failure and a file whose sums are wrong by any amount has just the same one.
# Seen on 2026-12-01: with InvoiceId: status 0, failed InvoiceId-C-004-C
#   without InvoiceId: status 0, failed InvoiceId-C-005-C
#   wrong costs: status 0, failed InvoiceId-C-004-C
#   whole dollars: status 0, failed BilledCost-C-001-M, ContractedCost-C-001-M, EffectiveCost-C-001-M, InvoiceId-C-004-C,
#   ListCost-C-001-M
#   no currency: status 0, failed BillingCurrency-C-003-M, BillingCurrency-C-006-M, InvoiceId-C-004-C
# Exit: 0 while it is so, 1 when it changes, 77 without Python 3.12.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for python in python3 python3.13 python3.12 none; do
  if "$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 12), (3, 13)))' 2>/dev/null; then break; fi
done
if [ "$python" = none ]; then exit 77; fi
"$python" -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check focus-validator==2.2.1 pyarrow==24.0.0

cat >"$folder/check.py" <<'PYTHON'
import csv
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import focus_validator

folder = pathlib.Path(sys.argv[1])
FREE = """AvailabilityZone CapacityReservationId CapacityReservationStatus ChargeClass CommitmentDiscountCategory
CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus CommitmentDiscountType
CommitmentDiscountUnit RegionId RegionName ResourceId ResourceName ResourceType SkuMeter SkuPriceDetails SubAccountId
SubAccountName SubAccountType"""
ROW = {
    **dict.fromkeys(FREE.split(), ""),
    "BilledCost": "2000.5",
    "BillingAccountId": "acme",
    "BillingAccountName": "Acme",
    "BillingAccountType": "Account",
    "BillingCurrency": "USD",
    "BillingPeriodEnd": "2026-12-01T00:00:00Z",
    "BillingPeriodStart": "2026-11-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeDescription": "Input tokens",
    "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": "2026-11-19T00:00:00Z",
    "ChargePeriodStart": "2026-11-18T00:00:00Z",
    "ConsumedQuantity": "1000.25",
    "ConsumedUnit": "Tokens",
    "ContractedCost": "2000.5",
    "ContractedUnitPrice": "2",
    "EffectiveCost": "2000.5",
    "InvoiceId": "invoice-1",
    "InvoiceIssuerName": "OpenAI",
    "ListCost": "2000.5",
    "ListUnitPrice": "2",
    "PricingCategory": "Standard",
    "PricingCurrency": "USD",
    "PricingCurrencyContractedUnitPrice": "2",
    "PricingCurrencyEffectiveCost": "2000.5",
    "PricingCurrencyListUnitPrice": "2",
    "PricingQuantity": "1000.25",
    "PricingUnit": "Tokens",
    "ProviderName": "OpenAI",
    "PublisherName": "OpenAI",
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": "OpenAI API",
    "ServiceSubcategory": "Generative AI",
    "SkuId": "gpt-5-mini",
    "SkuPriceId": "gpt-5-mini-input",
    "Tags": "{}",
}
COSTS = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")


def show(way, **changed):
    """Validate a bill of two rows; print and return the rules that failed, without those made of others."""
    bill, report = folder / "bill.csv", folder / "report.xml"
    with bill.open("w", newline="") as file:
        rows = csv.DictWriter(file, sorted(ROW))
        rows.writeheader()
        rows.writerows([{**ROW, **changed}] * 2)
    asked = ["--validate-version", "1.2", "--focus-dataset", "CostAndUsage", "--block-download", "--output-type", "unittest"]
    ended = subprocess.run(
        [sys.executable, "-m", "focus_validator.main", "--data-file", bill, *asked, "--output-destination", report],
        cwd=pathlib.Path(focus_validator.__file__).parent.parent,
        capture_output=True,
    )
    assert ended.returncode == 0, "the exit status tells of failures now"
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    assert len(cases) > 500
    names = [case.get("name") for case in cases if case.find("failure") is not None]
    failed = sorted(name.partition(" ")[0] for name in names if "Composite" not in name)
    print(f"{way}: status {ended.returncode}, failed {', '.join(failed)}", flush=True)
    return failed


given, absent = ["InvoiceId-C-004-C"], ["InvoiceId-C-005-C"]
assert show("with InvoiceId") == given, "a file can pass now"
assert show("without InvoiceId", InvoiceId="") == absent, "a file can pass now"
wrong = {"ListCost": "17.5", "ContractedCost": "3.25", "EffectiveCost": "-1000000000.5"}
assert show("wrong costs", **wrong) == given, "costs are checked now"
whole = [f"{cost}-C-001-M" for cost in COSTS]
assert show("whole dollars", **dict.fromkeys(COSTS, "2000")) == sorted(whole + given), "whole dollars pass now"
currency = ["BillingCurrency-C-003-M", "BillingCurrency-C-006-M"]
assert show("no currency", BillingCurrency="dollars") == currency + given
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py" "$folder"
