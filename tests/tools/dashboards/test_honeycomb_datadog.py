# SPDX-License-Identifier: Apache-2.0
"""Boards of Honeycomb have the shape of its API; boards of both name columns, metrics and tags that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from tests.tools.dashboards import names
from tools.dashboards import datadog
from tools.dashboards.table import DATADOG, FOLDER, HONEYCOMB, Panel, boards

SCHEMA = json.loads((Path(__file__).parent / "honeycomb.schema.json").read_text(encoding="utf-8"))
VALID = fastjsonschema.compile(SCHEMA)
PANELS = [panel for board in boards() for panel in board.panels]
QUERY = re.compile(r"^(sum|max|min|avg):([a-z_.]+)\{([^}]*)\}(?: by \{([a-z_.,]+)\})?(\.as_count\(\))?$")


def columns(value: Any) -> Iterator[str]:
    """Yield the columns that a query of Honeycomb names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "column":
                yield inner
            elif key == "breakdowns":
                yield from inner
            else:
                yield from columns(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from columns(inner)


@pytest.mark.parametrize("path", sorted((FOLDER / "honeycomb").glob("*.json")), ids=lambda path: path.name)
def test_a_honeycomb_board_has_the_shape_of_the_api(path: Path) -> None:
    board = json.loads(path.read_text(encoding="utf-8"))
    VALID(board)
    assert set(columns(board)) <= names.attributes()
    for each in board["queries"]:
        named = {calculation.get("name") for calculation in each["query"]["calculations"]}
        for formula in each["query"].get("formulas", ()):
            assert set(re.findall(r"\$(\w+)", formula["expression"])) == named


@pytest.mark.parametrize(
    "query",
    [
        {"calculations": [{"op": "TOTAL", "column": "a"}]},
        {"calculations": [{"op": "SUM"}]},
        {"calculations": [{"op": "COUNT"}], "filters": [{"column": "a", "op": "exists", "value": 1}]},
        {"calculations": [{"op": "COUNT"}], "group_by": ["a"]},
    ],
)
def test_the_schema_refuses(query: dict[str, Any]) -> None:
    board = {"name": "n", "description": "", "type": "flexible"}
    asked = {"name": "n", "description": "", "style": "graph", "query": {"time_range": 60, **query}}
    with pytest.raises(fastjsonschema.JsonSchemaException):
        VALID({**board, "queries": [asked]})


@pytest.mark.parametrize("panel", [pytest.param(each, id=each.id) for each in PANELS if DATADOG in each.queries])
def test_a_datadog_query_names_metrics_and_tags_that_exist(panel: Panel) -> None:
    """Counters are read as counts, gauges are not."""
    for query in datadog.queries(panel).values():
        found = QUERY.match(query)
        assert found, query
        _, metric, where, by, as_count = found.groups()
        assert metric in names.metric_names()
        assert bool(as_count) == (metric in names.COUNTERS)
        tags = {part.split(":")[0] for part in where.split(",") if not part.startswith(("$", "*"))}
        assert tags | set(by.split(",") if by else ()) <= names.attributes()
    used = set(re.findall(r"[a-z_]+(?!\w*\()", re.sub(r"\bdefault_zero\(", "(", datadog.formula(panel))))
    assert used == set(datadog.queries(panel))


def test_the_filters_of_a_board_are_attributes() -> None:
    assert set(datadog.FILTERS.values()) <= names.attributes()


def test_honeycomb_panels_are_in_the_table() -> None:
    made = sum(len(json.loads(path.read_text())["queries"]) for path in (FOLDER / "honeycomb").glob("*.json"))
    assert made == sum(HONEYCOMB in panel.queries for panel in PANELS)
