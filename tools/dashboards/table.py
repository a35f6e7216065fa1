# SPDX-License-Identifier: Apache-2.0
"""Reads the tables of panels and alerts.

A table that is wrong raises TableError: where, what was found, what is expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tools.generated import ROOT

FOLDER = ROOT / "dashboards"
PANELS, ALERTS = FOLDER / "panels.yaml", FOLDER / "alerts.yaml"
PROMETHEUS, TEMPO, CLICKHOUSE = GRAFANA = ("prometheus", "tempo", "clickhouse")
HONEYCOMB, DATADOG = "honeycomb", "datadog"
BACKENDS = (*GRAFANA, HONEYCOMB, DATADOG)
VIEWS = ("stat", "lines", "table")
UNITS = ("USD", "share", "ratio", "count", "tokens", "seconds")
SEVERITIES = ("page", "ticket")


class TableError(ValueError):
    """A table breaks one of its own rules."""


@dataclass(frozen=True)
class Panel:
    """One panel. queries: backend -> query, in the form that `panels.yaml` states. action: Markdown, or ""."""

    id: str
    board: str
    title: str
    question: str
    unit: str
    view: str
    queries: dict[str, Any]
    action: str = ""


@dataclass(frozen=True)
class Board:
    """One board and its panels, in the order of the table."""

    id: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    intro: str = ""

    def of(self, backend: str) -> tuple[Panel, ...]:
        """Return the panels that have a query for *backend*."""
        return tuple(panel for panel in self.panels if backend in panel.queries)


@dataclass(frozen=True)
class Record:
    """A recording rule."""

    record: str
    expr: str
    comment: str = ""


@dataclass(frozen=True)
class Alert:
    """An alert rule and its test. shows: how its value is written, `number` or `share`."""

    alert: str
    severity: str
    expr: str
    summary: str
    description: str
    runbook: str
    test: dict[str, Any]
    shows: str = "number"


def load_yaml(path: Path, table: str) -> dict[str, Any]:
    """Return the content of a table, whose key *table* states its format."""
    content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    if content.get(table) != 1:
        raise TableError(f"{path.name}: found {table}: {content.get(table)!r}; expected 1")
    return dict(content)


@cache
def boards(path: Path = PANELS) -> tuple[Board, ...]:
    """Return the boards with their panels."""
    content = load_yaml(path, "panels")
    panels = [_panel(path, each) for each in content["list"]]
    found = tuple(
        Board(
            each["id"],
            each["title"],
            each["description"],
            tuple(panel for panel in panels if panel.board == each["id"]),
            each.get("intro", ""),
        )
        for each in content["boards"]
    )
    strangers = {panel.board for panel in panels} - {board.id for board in found}
    repeated = {panel.id for panel in panels if sum(panel.id == other.id for other in panels) > 1}
    if strangers or repeated:
        raise TableError(f"{path.name}: found boards {strangers}, repeated ids {repeated}; expected none")
    return found


def _panel(path: Path, each: dict[str, Any]) -> Panel:
    given = dict(each)
    queries = {backend: given.pop(backend) for backend in BACKENDS if backend in given}
    try:
        panel = Panel(**given, queries=queries)
    except TypeError as error:
        raise TableError(f"{path.name}: panel {each.get('id')}: {error}") from None
    if panel.view not in VIEWS or panel.unit not in UNITS or not queries:
        raise TableError(
            f"{path.name}: panel {panel.id}: found view {panel.view}, unit {panel.unit}, queries for {list(queries)}; "
            f"expected a view of {VIEWS}, a unit of {UNITS} and a query"
        )
    return panel


@cache
def records(path: Path = ALERTS) -> tuple[Record, ...]:
    """Return the recording rules."""
    return tuple(Record(**each) for each in load_yaml(path, "alerts")["records"])


@cache
def alerts(path: Path = ALERTS) -> tuple[Alert, ...]:
    """Return the alert rules."""
    found = tuple(Alert(**each) for each in load_yaml(path, "alerts")["list"])
    for alert in found:
        if alert.severity not in SEVERITIES:
            raise TableError(f"{path.name}: {alert.alert}: found {alert.severity}; expected one of {SEVERITIES}")
    return found
