# SPDX-License-Identifier: Apache-2.0
"""What a reconciliation of a large bill with many stored calls costs, by its parts, in one process each.

Run as `python -m benchmarks.reconcile [--lines 1000000] [--calls 10000000] [--form openai_costs_csv|aws_cur]`.
The bill is made of the same calls, so that every line must match. Prints CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.store import SPANCOST, cpu
from spancost.testing.support_week import any_value

FIRST = datetime(2026, 11, 1, tzinfo=timezone.utc)
DAYS = 28
A_PART = 20_000
"""Calls that are priced; the others are copies of them at other times of the same day."""
OPENAI = {"gpt-4o-mini": "gpt-4o-mini", "gpt-4o": "gpt-4o", "gpt-4.1-mini": "gpt-4.1-mini", "gpt-4.1": "gpt-4.1"}
BEDROCK = {
    "anthropic.claude-haiku-4-5-20251001-v1:0": "Claude4.5Haiku",
    "anthropic.claude-sonnet-4-5-20250929-v1:0": "Claude4.5Sonnet",
}
CUR = (
    *("bill_payer_account_id", "line_item_usage_account_id", "line_item_line_item_type"),
    *("line_item_usage_start_date", "line_item_usage_end_date", "line_item_product_code", "line_item_usage_type"),
    *("line_item_operation", "line_item_usage_amount", "line_item_currency_code", "line_item_unblended_rate"),
    *("line_item_unblended_cost", "line_item_line_item_description", "product_servicecode", "product_region_code"),
    *("pricing_unit", "pricing_public_on_demand_cost", "resource_tags"),
)
COSTS = (
    *("start_time", "end_time", "start_time_iso", "end_time_iso", "amount_value", "amount_currency", "quantity"),
    *("quantity_unit", "line_item", "user_id", "api_key_id", "project_id", "organization_id", "project_name"),
    *("organization_name", "user_email", "api_source"),
)
MANY = """
import duckdb, sys
part, folder, copies = sys.argv[1:]
calls = duckdb.connect()
calls.execute("SET preserve_insertion_order = false")
calls.execute("SET enable_progress_bar = false")
each = max(1, int(copies) // 20)
for begin in range(0, int(copies), each):
    end = min(begin + each, int(copies))
    calls.execute(f'''COPY (SELECT c.* REPLACE (md5(c.trace_id || n) AS trace_id,
        substr(md5(c.span_id || n), 1, 16) AS span_id, c.started_at + to_seconds(n * 17) AS started_at)
        FROM read_parquet('{part}/calls-*.parquet') c, range({begin}, {end}) r(n))
        TO '{folder}/calls-{begin}.parquet' (FORMAT parquet, COMPRESSION zstd)''')
"""
SUMS = """
SELECT CAST(started_at AS DATE), model, sum(input_tokens - coalesce(cached_input_tokens, 0)),
    sum(coalesce(cached_input_tokens, 0)), sum(output_tokens)
FROM read_parquet('%s/calls-*.parquet') GROUP BY ALL ORDER BY ALL
"""
PARTS = """
import csv, io, json, sys, time
from datetime import datetime, timezone
from pathlib import Path
from spancost.bills.reader import read_bills
from spancost.bills.reconcile import reconcile
from spancost.bills.sides import bill_sides
from spancost.reports.selection import Selection
from spancost.store.calls import open_calls
from spancost.store.pricing_choice import PricingChoice

def spent(name, since):
    print(f"  {name:34}{time.process_time() - since:8.2f} CPU s")
    return time.process_time()

bill, folder = sys.argv[1:]
at = time.process_time()
for row in csv.reader(io.StringIO(Path(bill).read_text(), newline="")):
    pass
at = spent("csv.reader alone (not part)", at)
bills = read_bills([Path(bill)])
at = spent("read the bill", at)
sides, _ = bill_sides(bills)
at = spent("bring it to the grain of comparison", at)
with open_calls([folder]) as calls:
    at = spent("open the calls", at)
    found = reconcile(calls.engine, bills, Selection(), PricingChoice(), datetime(2027, 1, 1, tzinfo=timezone.utc))
at = spent("query the calls and classify", at)
summary = found.summary()
print(f"  {len(found.rows):,} rows, classes {json.dumps(summary['by_class'])}, coverage {summary['coverage']}")
"""


def spans(models: list[str], provider: str) -> Iterator[str]:
    """Yield requests of one call each, spread over the month, in the first hours of each day."""
    rng = random.Random(1)
    for number in range(A_PART):
        begin = FIRST + timedelta(days=number % DAYS, seconds=1 + rng.randrange(7_000))
        start = int(begin.timestamp()) * 10**9 + number
        size = rng.randrange(1_000, 9_000)
        values = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.response.model": rng.choice(models),
            "gen_ai.usage.input_tokens": size,
            "gen_ai.usage.cache_read.input_tokens": rng.randrange(size),
            "gen_ai.usage.output_tokens": rng.randrange(10, 900),
            "app.feature": rng.choice(("search", "reply", "triage")),
        }
        span = {
            "traceId": f"{number + 1:032x}",
            "spanId": f"{number + 1:016x}",
            "name": "chat",
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + 10**9),
            "attributes": [{"key": key, "value": any_value(value)} for key, value in values.items()],
        }
        scope = {"scope": {"name": "opentelemetry.instrumentation.genai.openai", "version": "1.3b0"}, "spans": [span]}
        yield json.dumps({"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [scope]}]})


def parts(quantity: int, count: int, rng: random.Random) -> Iterator[int]:
    """Yield *count* unequal integers that add up to *quantity*."""
    left = quantity
    for number in range(count, 1, -1):
        part = min(left, rng.randrange(1, max(2, 2 * left // number)))
        yield part
        left -= part
    yield left


def prices(folder: Path) -> dict[tuple[str, int], Decimal]:
    """Return the price a token by model and kind that the card has, from the line items of the priced calls."""
    from spancost.reports.selection import Selection
    from spancost.store.calls import open_calls
    from spancost.store.meter_totals import meter_totals
    from spancost.store.pricing_choice import PricingChoice

    kinds = ("uncached_input_tokens", "cache_read_tokens", "output_tokens")
    found = {}
    with open_calls([str(folder)]) as calls:
        for group in meter_totals(calls.engine, {}, Selection().condition(calls.engine.dialect), PricingChoice()):
            for item in group.items:
                if item.price is not None and item.meter in kinds:
                    price = Decimal(item.price.numerator) / item.price.denominator / 10**15
                    found[group.model or "", kinds.index(item.meter)] = price
    return found


def write_bill(path: Path, folder: Path, count: int, form: str, priced: dict[tuple[str, int], Decimal]) -> int:
    """Write a bill of about *count* lines for the calls in *folder*; return the number of lines."""
    import csv

    import duckdb

    rows = duckdb.connect().execute(SUMS % folder).fetchall()
    a_cell = max(1, count // (len(rows) * 3))
    rng = random.Random(2)
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CUR if form == "aws_cur" else COSTS)
        for day, model, *quantities in rows:
            for kind, quantity in enumerate(quantities):
                for number, part in enumerate(parts(int(quantity), a_cell, rng)):
                    make = cur_row if form == "aws_cur" else costs_row
                    writer.writerow(make(day, model, kind, part, part * priced[model, kind], number))
                    written += 1
    return written


def costs_row(day: Any, model: str, kind: int, quantity: int, amount: Decimal, number: int) -> list[Any]:
    """Return a row of OpenAI's cost export, one of a thousand users."""
    item = f"{model}, {('input', 'cached input', 'output')[kind]}"
    start = int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp())
    end = day + timedelta(days=1)
    return [
        start, start + 86_400, f"{day}T00:00:00+00:00", f"{end}T00:00:00+00:00", f"{amount:f}", "usd", quantity,
        "tokens", item, f"user-{number % 1000}", f"key_{number % 400}", f"proj_{number % 40}", "org-1",
        f"project {number % 40}", "Example", f"user{number % 1000}@example.com", "",
    ]  # fmt: skip


def cur_row(day: Any, model: str, kind: int, quantity: int, amount: Decimal, number: int) -> list[Any]:
    """Return a row of CUR 2.0, of one of its hours and accounts; quantities are in thousands of tokens."""
    name = ("input-tokens", "cache-read-input-token-count", "output-tokens")[kind]
    start = datetime(day.year, day.month, day.day, number % 24, tzinfo=timezone.utc)
    usage_type = f"USE1-{BEDROCK[model]}-{name}"
    account = f"1110000000{number // 24 % 50:02}"
    return [
        "999", account, "Usage", f"{start:%Y-%m-%dT%H:%M:%SZ}", f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "AmazonBedrock", usage_type, "InvokeModelInference", Decimal(quantity) / 1000, "USD",
        f"{amount / quantity * 1000 if quantity else 0:f}", f"{amount:f}", f"$ per 1K tokens for {usage_type}",
        "AmazonBedrock", "us-east-1", "1K tokens", f"{amount:f}", f'{{"user_team": "t{number % 300}"}}',
    ]  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--form", choices=("openai_costs_csv", "aws_cur"), default="openai_costs_csv")
    parser.add_argument("--keep", type=Path, help="folder to make the data in, and to use again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = asked.keep or Path(name)
        many, bill = folder / f"calls-{asked.form}-{asked.calls}", folder / f"{asked.form}-{asked.lines}.csv"
        if not bill.exists():
            made(folder, many, bill, asked)
        print(f"{bill.name} x {asked.calls:,} calls", flush=True)
        subprocess.run([sys.executable, "-c", PARTS, str(bill), str(many)], check=True)
        command = ("reconcile", many, "--bill", bill, "--as-of", "2027-01-01T00:00:00Z", "--format", "json")
        print(f"  {'spancost reconcile in all':34}{cpu(*SPANCOST, *command):8.2f} CPU s")


def made(folder: Path, many: Path, bill: Path, asked: Any) -> None:
    """Make the calls and their bill."""
    names, provider = (OPENAI, "openai") if asked.form == "openai_costs_csv" else (BEDROCK, "aws.bedrock")
    source, part = folder / "spans.jsonl", folder / f"part-{asked.form}"
    source.write_text("\n".join(spans(list(names), provider)) + "\n", encoding="utf-8")
    if not part.exists():
        cpu(*SPANCOST, "load", source, "--into", part)
    if not many.exists():
        many.mkdir(parents=True)
        copies = str(max(1, asked.calls // A_PART))
        subprocess.run([sys.executable, "-c", MANY, str(part), str(many), copies], check=True)
    write_bill(bill, many, asked.lines, asked.form, prices(part))


if __name__ == "__main__":
    main()
