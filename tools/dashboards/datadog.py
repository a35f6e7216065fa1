# SPDX-License-Identifier: Apache-2.0
"""Datadog dashboards, as its API takes them, over the metrics that the Datadog exporter or agent sends."""

from __future__ import annotations

from typing import Any

from tools.dashboards.table import DATADOG, Board, Panel

FILTERS = {"environment": "app.environment", "feature": "app.feature", "model": "llm.model"}
"""Variable of the board -> tag of the metrics."""
WHERE = ",".join(f"${name}" for name in FILTERS)
KINDS = {"stat": "query_value", "lines": "timeseries", "table": "toplist"}
ROWS = 20


def dashboard(board: Board) -> dict[str, Any]:
    """Return a board."""
    return {
        "title": f"LLM: {board.title}",
        "description": board.description,
        "layout_type": "ordered",
        "reflow_type": "auto",
        "template_variables": [
            {"name": name, "prefix": tag, "available_values": [], "default": "*"} for name, tag in FILTERS.items()
        ],
        "widgets": [{"definition": _widget(panel)} for panel in board.of(DATADOG)],
    }


def queries(panel: Panel) -> dict[str, str]:
    """Return the queries of a panel by name, with the filters of the board in them."""
    given = panel.queries[DATADOG]
    named = {"value": given} if isinstance(given, str) else given["queries"]
    return {name: query.replace("$where", WHERE) for name, query in named.items()}


def formula(panel: Panel) -> str:
    """Return what a panel shows of its queries."""
    given = panel.queries[DATADOG]
    return "value" if isinstance(given, str) else str(given["formula"])


def _widget(panel: Panel) -> dict[str, Any]:
    is_lines = panel.view == "lines"
    shown: dict[str, Any] = {"formula": formula(panel)}
    if panel.view == "table":
        shown["limit"] = {"count": ROWS, "order": "desc"}
    request: dict[str, Any] = {
        "response_format": "timeseries" if is_lines else "scalar",
        "queries": [_asked(name, query, is_lines=is_lines) for name, query in queries(panel).items()],
        "formulas": [shown],
    }
    if is_lines:
        request["display_type"] = "line"
    definition: dict[str, Any] = {"type": KINDS[panel.view], "title": panel.title, "requests": [request]}
    if panel.view == "stat":
        definition["precision"] = 2
    return definition


def _asked(name: str, query: str, *, is_lines: bool) -> dict[str, str]:
    asked = {"data_source": "metrics", "name": name, "query": query}
    if not is_lines:  # a counter adds up over the time range, a gauge is read last
        asked["aggregator"] = "sum" if ".as_count()" in query else "last"
    return asked
