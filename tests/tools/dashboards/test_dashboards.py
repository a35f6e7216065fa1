# SPDX-License-Identifier: Apache-2.0
"""Queries of dashboards and rules parse, and name metrics, labels and attributes that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import expressions

from spancost.store.columns import CALLS
from tests.tools.dashboards import names
from tools.dashboards import grafana, rules
from tools.dashboards.generate import TARGETS
from tools.dashboards.table import (
    ALERTS,
    BACKENDS,
    CLICKHOUSE,
    FOLDER,
    GRAFANA,
    PROMETHEUS,
    TEMPO,
    Panel,
    TableError,
    alerts,
    boards,
    records,
)
from tools.generated import ROOT

promql = pytest.importorskip("promql_parser")

PANELS = [panel for board in boards() for panel in board.panels]
MACROS = {"$__rate_interval": "5m", "$__range": "1d", "$__interval": "1m"}
OF_LABEL_REPLACE = {"what"}


def panels_of(backend: str) -> list[Any]:
    return [pytest.param(panel, id=panel.id) for panel in PANELS if backend in panel.queries]


def parsed(text: str) -> Any:
    for macro, value in MACROS.items():
        text = text.replace(macro, value)
    return promql.parse(text)


def names_in(query: str) -> tuple[set[str], set[str]]:
    """Return the metrics and the labels of a PromQL query."""
    metrics: set[str] = set()
    labels: set[str] = set()

    def visit(node: Any) -> bool:
        if isinstance(node, promql.VectorSelector):
            metrics.add(node.name)
            labels.update(each.name for each in node.matchers.matchers)
        elif isinstance(node, promql.AggregateExpr) and node.modifier:
            labels.update(node.modifier.labels)
        return True

    promql.walk(parsed(query), visit)
    return metrics, labels


@pytest.mark.parametrize("path", TARGETS, ids=lambda path: path.name)
def test_generated_files_equal_a_fresh_generation(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == TARGETS[path](), "`python -m tools.dashboards` writes it"


def test_no_file_is_left_from_an_earlier_table() -> None:
    kept = {path for path in FOLDER.glob("*/*") if path.suffix in (".json", ".yaml")}
    assert kept == {path for path in TARGETS if FOLDER in path.parents}


@pytest.mark.parametrize("panel", panels_of(PROMETHEUS))
def test_promql_of_a_panel_parses_and_names_what_exists(panel: Panel) -> None:
    metrics, labels = names_in(grafana.query(panel, PROMETHEUS))
    assert metrics and metrics <= names.prometheus_names()
    assert labels <= names.labels() | OF_LABEL_REPLACE


@pytest.mark.parametrize("expr", [*(each.expr for each in records()), *(each.expr for each in alerts())])
def test_promql_of_a_rule_parses_and_names_what_exists(expr: str) -> None:
    metrics, labels = names_in(expr)
    assert metrics <= names.prometheus_names()
    assert labels <= names.labels()


@pytest.mark.parametrize("query", [each.expr for each in (*records(), *alerts())])
def test_a_counter_is_read_by_its_increase(query: str) -> None:
    """A counter begins again at 0 at each start, so its value alone answers nothing."""
    read = re.sub(r"unless \w+ offset \w+|absent_over_time\(\w+\[\w+\]\)", "", query)
    assert not re.search(r"_total\b(?!\{[^}]*\}\[|\[)", read)


def test_a_query_of_a_stranger_is_found() -> None:
    """The checks above can fail."""
    metrics, labels = names_in('sum by (app_featur) (rate(llm_cost_total{team="a"}[5m]))')
    assert not metrics & names.prometheus_names()
    assert not labels & names.labels()


@pytest.mark.parametrize("panel", panels_of(TEMPO))
def test_traceql_names_attributes_that_exist(panel: Panel) -> None:
    """Its grammar is checked by `make test-boards`."""
    found = set(re.findall(r"\bspan\.([a-z_.]+)", panel.queries[TEMPO]))
    assert found and found <= names.attributes()


@pytest.mark.parametrize("panel", panels_of(CLICKHOUSE))
def test_sql_parses_and_names_columns_of_calls(panel: Panel) -> None:
    """`make test-clickhouse` runs it."""
    text = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 > now()", panel.queries[CLICKHOUSE].replace("$where", "1 = 1"))
    text = re.sub(r"\$__timeInterval\((\w+)\)", r"toStartOfInterval(\1, INTERVAL 60 second)", text)
    tree = sqlglot.parse_one(text, dialect="clickhouse")
    made = {each.alias for each in tree.find_all(expressions.Alias)}
    columns = {each.name for each in tree.find_all(expressions.Column)}
    assert columns and columns <= made | {column.name for column in CALLS}
    assert {table.name for table in tree.find_all(expressions.Table)} == {"calls"}


@pytest.mark.parametrize("backend", GRAFANA)
def test_panels_lie_side_by_side_and_none_on_another(backend: str) -> None:
    for board in boards():
        cells: set[tuple[int, int]] = set()
        for panel in grafana.dashboard(board, backend)["panels"]:
            at = panel["gridPos"]
            mine = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
            assert not mine & cells and at["x"] + at["w"] <= grafana.WIDTH
            cells |= mine


def test_every_board_has_panels_in_every_backend() -> None:
    assert all(board.of(backend) for board in boards() for backend in BACKENDS)


def test_a_wrong_table_says_where(tmp_path: Path) -> None:
    file = tmp_path / "panels.yaml"
    file.write_text("panels: 1\nboards: []\nlist: [{id: a, board: b, title: t, question: q, unit: EUR, view: stat}]\n")
    with pytest.raises(TableError, match=r"panels.yaml: panel a: found view stat, unit EUR, .*expected"):
        boards(file)


def test_every_alert_names_a_section_of_the_runbook() -> None:
    page = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^a-z0-9-]", "", found.lower().replace(" ", "-")) for found in re.findall(r"^#+ (.*)$", page, re.M)
    }
    assert {alert.runbook for alert in alerts()} <= headings


@pytest.mark.skipif(shutil.which("promtool") is None, reason="found no promtool; Debian's package prometheus has it")
def test_rules_fire_and_clear_as_the_table_says() -> None:
    for command in (["check", "rules", "rules.yaml"], ["test", "rules", "rules.test.yaml", "rules.week.test.yaml"]):
        done = subprocess.run(
            ["promtool", *command], cwd=FOLDER / "prometheus", capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    tests = rules.tests_text() + rules.tests_text(rules.HALF_HOUR)
    assert tests.count("exp_alerts: []") == len(alerts()), ALERTS
    assert tests.count("exp_labels") == len(alerts())
