# SPDX-License-Identifier: Apache-2.0
"""Every report over many generated calls: on DuckDB, on ClickHouse's engine with the printed DDL, in plain integers.

Run as `make test-many-calls CALLS=1000000`. Weeks of the support product with different seeds are priced and copied
under other trace ids. They are loaded into a folder, and put into the exporter's table, a part of them twice.
`SPANS=FOLDER` takes the priced spans in a folder: `make test-live` with `LIVE_SPANS=FOLDER` keeps its own there.
Exits with an error at the first figure that differs.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import clickhouse_connect

from spancost.config import data
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.money import usd_decimal
from spancost.core.record import CallRecord
from spancost.reports import compare, forecast, outcomes, spend, top, tree
from spancost.reports.selection import Selection
from spancost.store import clickhouse_ddl
from spancost.store.calls import Engine, open_calls
from spancost.store.clickhouse_engine import ClickHouseEngine
from spancost.store.enrich import enrich
from spancost.store.load import load
from spancost.store.otlp_json import carried_spans
from spancost.store.pricing_choice import PricingChoice
from spancost.testing.support_week import support_week
from tests.clickhouse.test_clickhouse import BY, TABLE, exported, insert

CONVERSATIONS = 300
CALLS_A_WEEK = 3_300
WEEKS_A_LOAD = 15
COPIES = 10
FEATURE, DAY = ("feature",), 86_400 * 10**9
Sums = dict[tuple[Any, ...], list[int]]


class Integers:
    """What the calls come to by plain integers. Sums: calls, unpriced calls, femto-dollars, input and output tokens."""

    def __init__(self) -> None:
        self.calls = 0
        self.by: dict[tuple[str, ...], Sums] = {columns: defaultdict(lambda: [0] * 5) for columns in BY}
        self.by_day: Sums = defaultdict(lambda: [0] * 5)
        self.traces: Counter[str] = Counter()
        self.won: dict[str | None, set[int]] = defaultdict(set)

    def add(self, records: Iterable[CallRecord]) -> None:
        """Add calls."""
        for record in records:
            self.calls += 1
            femto, usage = record.cost_femto, record.usage
            tokens = [int(usage.get("input_tokens", 0)), int(usage.get("output_tokens", 0))]
            values = [1, record.status == "unpriced", femto or 0, *tokens]
            keys = [(sums, tuple(_value(record, column) for column in columns)) for columns, sums in self.by.items()]
            keys.append((self.by_day, (record.start_ns // DAY, record.tags.get("app.feature"))))
            for sums, key in keys:
                sums[key] = [held + value for held, value in zip(sums[key], values, strict=True)]
            self.traces[f"{record.trace_id:032x}"] += femto or 0
            if record.outcome == "success":
                self.won[record.tags.get("app.feature")].add(record.trace_id)


def _value(record: CallRecord, column: str) -> str | None:
    value: str | None = getattr(record, column, None)
    return value or record.tags.get(column if column.startswith("app.") else f"app.{column}")


def priced_week(seed: int, target: Path) -> list[CallRecord]:
    """Write a week with costs on its spans to *target*, as a Collector with llm_cost does; return its calls."""
    requests = list(support_week(seed, CONVERSATIONS))
    records = records_of(requests, 100 * CONVERSATIONS)
    target.write_text("".join(json.dumps(request) + "\n" for request in requests), encoding="utf-8")
    return records


def records_of(requests: list[Any], spans: int) -> list[CallRecord]:
    """Return the calls of *requests*, with about *spans* spans, and write their costs on those that have none."""
    sizes = {"open_spans": spans, "closed_spans": spans, "recent_calls": spans}
    options = LedgerOptions(join_services=True, records=True, **sizes)
    ledger = Ledger(data.default_dialects(), data.pricer(data.default_card()), options)
    return enrich((carried for request in requests for carried in carried_spans(request)), ledger)


def make_tables(client: Any) -> None:
    """Make the exporter's table, empty, and what the printed DDL has."""
    client.command("DROP DATABASE IF EXISTS otel")
    first, *others = clickhouse_ddl.statements(clickhouse_ddl.Names(form=clickhouse_ddl.MAP))
    client.command(first)
    client.command(TABLE.format(attributes="Map(LowCardinality(String), String)"))
    for statement in others:
        client.command(statement)


def recorded(spans: Path, folder: Path, client: Any) -> Integers:
    """Fill both stores with the priced spans of each file in the folder *spans*; return what they come to."""
    plain = Integers()
    make_tables(client)
    files = sorted(spans.glob("*.jsonl"))
    for file in files:
        requests = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        plain.add(records_of(requests, 100_000))
        insert(client, list(exported(file, clickhouse_ddl.MAP)))
    load([str(file) for file in files], folder, PricingChoice())
    client.command("USE otel")
    return plain


def made(calls: int, folder: Path, client: Any) -> Integers:
    """Fill both stores with at least *calls* calls; return what they come to."""
    plain = Integers()
    make_tables(client)
    weeks = max(1, calls // (CALLS_A_WEEK * COPIES))
    with tempfile.TemporaryDirectory() as name:
        spans, rows, copy = Path(name) / "spans.jsonl", Path(name) / "rows.jsonl", Path(name) / "copy.jsonl"
        seed = 0
        while plain.calls < calls:
            texts = []
            for _ in range(min(WEEKS_A_LOAD, weeks)):
                records = priced_week(seed, spans)
                rows.write_text("".join(json.dumps(row) + "\n" for row in exported(spans, clickhouse_ddl.MAP)))
                texts.append((spans.read_bytes(), rows.read_bytes(), records))
                seed += 1
            for number in range(COPIES):
                spans.write_bytes(b"".join(copied(text, number) for text, _, _ in texts))
                copy.write_bytes(b"".join(copied(text, number) for _, text, _ in texts))
                for _ in range(2 if number == 0 else 1):
                    client.command(f"INSERT INTO otel.otel_traces SELECT * FROM file('{copy}', JSONEachRow)")
                load([str(spans)], folder, PricingChoice())
                for _, _, records in texts:
                    plain.add(record._replace(trace_id=_trace_of(record.trace_id, number)) for record in records)
                print(f"{plain.calls:,} calls", flush=True)
    client.command("USE otel")
    return plain


def copied(text: bytes, number: int) -> bytes:
    """Return spans with other trace ids: the first four digits are the number of the copy."""
    return re.sub(rb'("[tT]raceId": ")[0-9a-f]{4}', rb"\g<1>%04x" % number, text)


def _trace_of(trace_id: int, number: int) -> int:
    return int(f"{number:04x}{f'{trace_id:032x}'[4:]}", 16)


def check(engines: dict[str, Engine], plain: Integers) -> None:
    """Ask every question of both engines and of the integers; AssertionError names what differs."""

    def same(what: str, ask: Any) -> Any:
        begun = time.monotonic()
        one, other = [ask(engine) for engine in engines.values()]
        assert one == other, f"{what}: the engines differ: {str(one)[:500]} and {str(other)[:500]}"
        print(f"{what}: same, {time.monotonic() - begun:.1f} s", flush=True)
        return one

    def as_sums(rows: list[spend.SpendRow]) -> Sums:
        return {
            (row.keys if row.period is None else (row.period, *row.keys)): [
                row.calls,
                row.unpriced_calls,
                int((row.cost_usd or Decimal(0)).scaleb(15)),
                row.input_tokens,
                row.output_tokens,
            ]
            for row in rows
        }

    for by in BY:
        rows = same(f"report by {by}", lambda engine, by=by: spend.spend(engine, Selection(by, by)))
        assert as_sums(rows) == dict(plain.by[by]), f"report by {by}: the integers differ"
    features = Selection(FEATURE, FEATURE)
    for unit, zone in (("hour", "UTC"), ("week", "UTC"), ("month", "Asia/Kolkata"), ("day", "UTC")):
        rows = same(
            f"report per {unit} in {zone}",
            lambda engine, unit=unit, zone=zone: [
                row._replace(period=0) if unit != "day" else row
                for row in spend.spend(engine, spend.with_period(engine, features, unit, zone))
            ],
        )
    by_day = spend.with_period(engines["DuckDB"], features, "day", "UTC").period
    assert by_day is not None
    found = {
        (int(by_day.start(key[0]).timestamp()) * 10**9 // DAY, *key[1:]): sums for key, sums in as_sums(rows).items()
    }
    assert found == dict(plain.by_day), "report per day: the integers differ"
    known = same("coverage", lambda engine: spend.coverage(engine, features))
    for engine in engines.values():
        assert spend.coverage_of(spend.spend(engine, features), features) == known, "coverage of the rows differs"
    for kind in top.KINDS:
        ranked = same(f"top {kind}", lambda engine, kind=kind: top.top(engine, Selection(), kind, 20))
        if kind == top.TRACES:
            most = [usd_decimal(femto) for _, femto in plain.traces.most_common(20)]
            assert [each.totals["cost_usd"] for each in ranked] == most, "top traces: the integers differ"
            trace_id = ranked[0].keys["trace_id"]
    same("tree", lambda engine: tree.tree(engine, trace_id))
    won = same("outcomes", lambda engine: outcomes.outcomes(engine, features))
    assert {row.spend.keys[0]: row.successes for row in won if row.successes} == {
        feature: len(traces) for feature, traces in plain.won.items()
    }, "outcomes: the integers differ"
    design = compare.Design("experiment", "workspace_id", None, ("success",), None)
    same(
        "compare",
        lambda engine: {
            arm: sorted(map(repr, units)) for arm, units in compare.arms_of(engine, Selection(), design).items()
        },
    )
    same("forecast", lambda engine: forecast.days_of(engine, Selection(), "UTC"))


def main() -> None:
    """Make the calls and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--spans", type=Path)
    chosen = parser.parse_args()
    begun = time.monotonic()
    client = clickhouse_connect.get_client(interface="chdb")
    with tempfile.TemporaryDirectory() as folder:
        plain = (
            recorded(chosen.spans, Path(folder), client) if chosen.spans else made(chosen.calls, Path(folder), client)
        )
        with open_calls([folder]) as stored:
            check({"DuckDB": stored.engine, "ClickHouse": ClickHouseEngine(client)}, plain)
    client.close()
    usd = usd_decimal(sum(plain.traces.values()))
    print(f"{plain.calls:,} calls, {usd} USD: the same everywhere, in {time.monotonic() - begun:,.0f} s")


if __name__ == "__main__":
    main()
