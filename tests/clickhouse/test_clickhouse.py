# SPDX-License-Identifier: Apache-2.0
"""Every report gives the same figures on ClickHouse's engine with the printed DDL, on DuckDB, and by plain integers.

`make test-clickhouse` runs this in an environment with chDB. The exporter's tables are filled as the Collector's
exporter fills them (map and JSON columns, every value as text or JSON), each batch twice.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

chdb = pytest.importorskip("chdb")
import clickhouse_connect  # noqa: E402
from click.testing import CliRunner  # noqa: E402

from spancost.cli import main  # noqa: E402
from spancost.core.money import usd_decimal  # noqa: E402
from spancost.reports import compare, forecast, outcomes, spend, top, tree  # noqa: E402
from spancost.reports.selection import Selection  # noqa: E402
from spancost.store import clickhouse_ddl  # noqa: E402
from spancost.store.calls import Engine, call_records, open_calls  # noqa: E402
from spancost.store.clickhouse_check import check  # noqa: E402
from spancost.store.clickhouse_engine import ClickHouseEngine  # noqa: E402
from spancost.store.otlp_json import attributes_in, carried_spans  # noqa: E402
from spancost.testing.support_week import support_week  # noqa: E402

# The exporter's table (clickhouseexporter 0.159), as far as reports read it.
TABLE = """CREATE TABLE otel.otel_traces (
    Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String, SpanName LowCardinality(String),
    ServiceName LowCardinality(String), ResourceAttributes {attributes}, SpanAttributes {attributes},
    Duration UInt64, StatusCode LowCardinality(String),
    Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes {attributes})
) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"""
BY = [("feature",), ("model", "provider"), ("workspace_id", "status"), ("experiment",), ("app.nothing",), ("reason",)]


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the week with costs on its spans, as a Collector with llm_cost writes them."""
    folder = tmp_path_factory.mktemp("week")
    plain, priced = folder / "plain.jsonl", folder / "priced.jsonl"
    plain.write_text("".join(json.dumps(each) + "\n" for each in support_week(conversations=120)), encoding="utf-8")
    priced.write_text(CliRunner().invoke(main, ["enrich", str(plain)]).stdout, encoding="utf-8")
    return priced


@pytest.fixture(scope="module", params=clickhouse_ddl.FORMS)
def clickhouse(request: pytest.FixtureRequest, priced: Path) -> Iterator[ClickHouseEngine]:
    """Return an engine whose tables hold every span twice; half of the spans were there before the view."""
    client = clickhouse_connect.get_client(interface="chdb")
    client.command("DROP DATABASE IF EXISTS otel")
    names = clickhouse_ddl.Names(form=request.param)
    first, *others = clickhouse_ddl.statements(names)
    client.command(first)
    kind = "Map(LowCardinality(String), String)" if request.param == clickhouse_ddl.MAP else "JSON"
    client.command(TABLE.format(attributes=kind))
    spans = list(exported(priced, request.param))
    insert(client, spans[: len(spans) // 2])
    for statement in others:
        client.command(statement)
    insert(client, spans[len(spans) // 2 :])
    insert(client, spans)
    client.command(clickhouse_ddl.fill(names))
    client.command("USE otel")
    yield ClickHouseEngine(client)
    client.close()


def exported(priced: Path, form: str) -> Iterator[dict[str, Any]]:
    """Yield the rows that the exporter inserts."""
    for line in priced.read_text(encoding="utf-8").splitlines():
        for carried in carried_spans(json.loads(line)):
            span = carried.span
            attributes = {key: as_text(value) for key, value in span.attributes.items()}
            if form == clickhouse_ddl.JSON:  # Go's JSON: a double without a fraction is an integer
                attributes = {key: as_json(value) for key, value in span.attributes.items()}
            events = carried.raw.get("events") or []
            held = [attributes_in(event, "event") for event in events]
            as_form = as_json if form == clickhouse_ddl.JSON else as_text
            yield {
                "Events.Timestamp": [f"{int(event['timeUnixNano']) // 10**9}.0" for event in events],
                "Events.Name": [event["name"] for event in events],
                "Events.Attributes": [{key: as_form(value) for key, value in each.items()} for each in held],
                "Timestamp": f"{span.start_ns // 10**9}.{span.start_ns % 10**9:09d}",
                "TraceId": f"{span.trace_id:032x}",
                "SpanId": f"{span.span_id:016x}",
                "ParentSpanId": f"{span.parent_id:016x}" if span.parent_id else "",
                "SpanName": span.name,
                "ServiceName": str((span.resource or {}).get("service.name", "")),
                "ResourceAttributes": {key: as_text(value) for key, value in (span.resource or {}).items()},
                "SpanAttributes": attributes,
                "Duration": span.end_ns - span.start_ns,
                "StatusCode": "Error" if span.is_error else "Unset",
            }


def as_text(value: Any) -> str:
    """Return an attribute as pcommon's AsString does."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(as_json(value))
    return value if isinstance(value, str) else json.dumps(value)


def as_json(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def insert(client: Any, rows: list[dict[str, Any]]) -> None:
    for at in range(0, len(rows), 500):
        lines = "\n".join(json.dumps(row) for row in rows[at : at + 500])
        client.command(f"INSERT INTO otel.otel_traces FORMAT JSONEachRow {lines}")


@pytest.fixture(scope="module")
def duckdb(priced: Path) -> Iterator[Engine]:
    with open_calls([str(priced)]) as calls:
        yield calls.engine


@pytest.mark.parametrize("by", BY)
def test_a_report_is_the_same_on_both_engines_and_in_integers(
    clickhouse: ClickHouseEngine, duckdb: Engine, priced: Path, by: tuple[str, ...]
) -> None:
    """Money to the last femto-dollar, counts and tokens, by every kind of column, with a period of a zone."""
    selection = Selection(by, by)
    assert spend.spend(clickhouse, selection) == spend.spend(duckdb, selection)
    for unit in ("hour", "day", "week", "month"):
        periods = [spend.with_period(engine, selection, unit, "Europe/Berlin") for engine in (clickhouse, duckdb)]
        assert periods[0] == periods[1]
        assert spend.spend(clickhouse, periods[0]) == spend.spend(duckdb, periods[1])
    if by == ("feature",):
        totals: dict[str | None, int] = defaultdict(int)
        for record in call_records([str(priced)]):
            totals[record.tags.get("app.feature")] += record.cost_femto or 0
        found = {row.keys[0]: row.cost_usd or Decimal(0) for row in spend.spend(clickhouse, selection)}
        assert found == {feature: usd_decimal(femto) for feature, femto in totals.items()}


def test_selections_are_the_same(clickhouse: ClickHouseEngine, duckdb: Engine) -> None:
    """A time range, values with quotes, tags, missing values."""
    first, last = spend.range_of(duckdb, Selection()) or (0, 0)
    assert spend.range_of(clickhouse, Selection()) == (first, last)
    for selection in (
        Selection(since_ns=first + 10**14, until_ns=last),
        Selection(where={"feature": ("search", "reply")}),
        Selection(where={"prompt_name": (None,), "user_tier": ("pro",)}),
        Selection(where={"app.x": ('it\'s \\ "quoted"', None)}),
    ):
        assert spend.spend(clickhouse, selection) == spend.spend(duckdb, selection)
        known = spend.coverage(clickhouse, selection)
        assert known == spend.coverage(duckdb, selection)
        by_feature = selection._replace(by=("model", "feature"), names=("model", "feature"))
        for engine in (clickhouse, duckdb):
            assert spend.coverage_of(spend.spend(engine, by_feature), by_feature) == known


@pytest.mark.parametrize("kind", top.KINDS)
def test_top_is_the_same(clickhouse: ClickHouseEngine, duckdb: Engine, kind: str) -> None:
    assert top.top(clickhouse, Selection(), kind, 5) == top.top(duckdb, Selection(), kind, 5)


def test_outcomes_and_trees_are_the_same(clickhouse: ClickHouseEngine, duckdb: Engine) -> None:
    selection = Selection(("feature",), ("feature",))
    assert outcomes.outcomes(clickhouse, selection) == outcomes.outcomes(duckdb, selection)
    trace = top.top(duckdb, Selection(), top.TRACES, 1)[0].keys["trace_id"]
    assert tree.tree(clickhouse, trace[:12]) == tree.tree(duckdb, trace)


def test_arms_of_an_experiment_are_the_same(clickhouse: ClickHouseEngine, duckdb: Engine) -> None:
    """What `compare` compares: cost, outcome and score of each trace."""
    design = compare.Design("experiment", None, None, ("success",), None)
    one, other = (compare.arms_of(engine, Selection(), design) for engine in (clickhouse, duckdb))
    assert {arm: sorted(map(repr, units)) for arm, units in one.items()} == {
        arm: sorted(map(repr, units)) for arm, units in other.items()
    }
    assert any(unit.score is not None for units in one.values() for unit in units)


def test_days_of_a_forecast_are_the_same(clickhouse: ClickHouseEngine, duckdb: Engine) -> None:
    days = [forecast.days_of(engine, Selection(), "Europe/Berlin") for engine in (clickhouse, duckdb)]
    assert days[0] == days[1]


def test_records_are_the_same(clickhouse: ClickHouseEngine, priced: Path) -> None:
    """All that a record holds, but for meters that no attribute of the span reports."""
    from spancost.store.stored_records import stored_records

    def comparable(records: Any) -> list[Any]:
        plain = [record._replace(usage=dict(sorted(record.usage.items()))) for record in records]
        return sorted(plain, key=lambda record: (record.trace_id, record.span_id))

    assert comparable(stored_records(clickhouse)) == comparable(call_records([str(priced)]))


def test_totals_of_meters_are_the_same(clickhouse: ClickHouseEngine, duckdb: Engine) -> None:
    """What reconciliation and FOCUS files are made of."""
    from spancost.store.meter_totals import meter_totals
    from spancost.store.pricing_choice import PricingChoice

    groups = [
        [group._replace(keys=(group.keys[0] or None,)) for group in meter_totals(engine, keys, "", PricingChoice())]
        for engine in (clickhouse, duckdb)
        for keys in [{"feature": "feature"}]
    ]
    assert sorted(groups[0], key=str) == sorted(groups[1], key=str)


def test_entries_of_a_map_are_added_up_exactly(clickhouse: ClickHouseEngine, duckdb: Engine) -> None:
    """Integers by the engine in 128 bits, every other text by itself."""
    from spancost.store import sql

    maps = {
        "clickhouse": "SELECT map('a', '999999999999999999', 'b', '1/3') AS meters FROM numbers(30)",
        "duckdb": "SELECT MAP {'a': '999999999999999999', 'b': '1/3'} AS meters FROM range(30)",
    }
    for engine in (clickhouse, duckdb):
        key, value = sql.entry_parts("entry", engine.dialect)
        entries = f"SELECT {sql.map_entries('meters', engine.dialect)} AS entry FROM ({maps[engine.dialect]}) AS m"
        query = (
            f"SELECT {key}, {sql.sum_of_integers(value, engine.dialect)}, {sql.any_of(value, engine.dialect)} "
            f"FROM ({entries}) AS e GROUP BY {key} ORDER BY {key}"
        )
        found = [(name, int(total), text) for name, total, text in engine.rows(query)]
        assert found == [("a", 30 * (10**18 - 1), "9" * 18), ("b", 0, "1/3")]


def test_the_roll_up_adds_up_to_the_calls(clickhouse: ClickHouseEngine, duckdb: Engine) -> None:
    """The query that fills the roll-up, over hours that are over."""
    form = "json" if "JSON" in str(clickhouse.rows("SHOW CREATE TABLE otel_traces")) else "map"
    query = clickhouse_ddl.select_hours(clickhouse_ddl.Names(form=form))
    longer = query.replace(f"INTERVAL {clickhouse_ddl.ROLLED_UP_AGAIN_HOURS} HOUR", "INTERVAL 20000 HOUR")
    rows = clickhouse.rows(f"SELECT sum(calls), sum(cost_usd) FROM ({longer})")
    (row,) = spend.spend(duckdb, Selection())
    assert rows == [(row.calls, row.cost_usd)]


def test_check_says_what_is_there(clickhouse: ClickHouseEngine) -> None:
    findings = list(check(clickhouse))
    assert all(finding.is_good for finding in findings if "have no cost" not in finding.text), findings
    assert any("calls are in spancost_calls" in finding.text for finding in findings)


def panels() -> Iterator[Any]:
    """Yield the panels of the dashboards on ClickHouse."""
    for path in sorted((Path(__file__).parents[2] / "dashboards" / "grafana").glob("*-clickhouse.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            yield pytest.param(panel["targets"][0]["rawSql"], id=f"{path.stem}-{panel['title']}")


def as_grafana_asks(sql: str) -> str:
    """Return a query with the macros of Grafana's plug-in replaced as for all environments, features and models."""
    sql = re.sub(r"\$__conditionalAll\(.*?, \$\w+\)", "1=1", sql)
    sql = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 >= toDateTime(0) AND \1 <= toDateTime(4000000000)", sql)
    sql = re.sub(r"\$__timeInterval\((\w+)\)", r"toStartOfInterval(toDateTime(\1), INTERVAL 3600 second)", sql)
    assert "$" not in sql, sql
    return sql


@pytest.mark.parametrize("sql", list(panels()))
def test_each_panel_of_the_dashboards_runs(clickhouse: ClickHouseEngine, sql: str) -> None:
    """Those of the last day or month see nothing of the generated week."""
    rows = clickhouse.rows(as_grafana_asks(sql))
    assert rows or "HAVING" in sql


def test_panels_of_spend_give_the_figures_of_the_report(clickhouse: ClickHouseEngine, duckdb: Engine) -> None:
    found = {param.id: clickhouse.rows(as_grafana_asks(str(param.values[0]))) for param in panels()}
    (row,) = spend.spend(duckdb, Selection())
    assert found["spend-clickhouse-Spend"] == [(row.cost_usd,)]
    assert found["spend-clickhouse-Calls"] == [(row.calls,)]
    by_feature: dict[str, Decimal] = defaultdict(Decimal)
    for _, feature, usd in found["spend-clickhouse-Spend per hour, by feature"]:
        by_feature[feature] += usd or Decimal(0)
    features = spend.spend(duckdb, Selection(("feature",), ("feature",)))
    assert by_feature == {str(each.keys[0] or ""): each.cost_usd or Decimal(0) for each in features}
