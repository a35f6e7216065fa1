# SPDX-License-Identifier: Apache-2.0
"""The page of a previewed board: queries as Grafana sends them, values with units, gaps, text as text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tools.dashboards.preview import main
from tools.dashboards.preview_data import PreviewError, Series, Times, query_of
from tools.dashboards.preview_page import page
from tools.dashboards.table import FOLDER

TIMES = Times(1_795_000_000, 1_795_086_400, 3600)
BOARD = json.loads((FOLDER / "grafana" / "spend-prometheus.json").read_text(encoding="utf-8"))


def one(kind: str, unit: str, *found: Series) -> str:
    """Return what a board of one panel shows in it."""
    panel = {
        "id": 1,
        "type": kind,
        "title": "It",
        "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit}},
    }
    board: dict[str, Any] = {"title": "A board", "templating": {"list": []}, "panels": [panel]}
    return page(board, {1: found}, TIMES).partition("<h2>It</h2>")[2]


def value(number: float, unit: str) -> str:
    (shown,) = re.findall(r'class="stat">([^<]*)<', one("stat", unit, Series({}, "", ((TIMES.end, number),))))
    return str(shown)


def test_a_query_is_the_one_that_grafana_sends() -> None:
    query = query_of(BOARD["panels"][0], BOARD, TIMES)
    assert query == 'sum(increase(llm_cost_usd_total{app_environment=~".*",app_feature=~".*",llm_model=~".*"}[86400s]))'
    assert all("$" not in query_of(panel, BOARD, TIMES) for panel in BOARD["panels"])


@pytest.mark.parametrize(
    ("number", "unit", "shown"),
    [
        (1234.5, "currencyUSD", "$1,234.50"),
        (0.001521, "currencyUSD", "$0.00152"),
        (0, "currencyUSD", "$0"),
        (0.0425, "percentunit", "4.25 %"),
        (12_640, "short", "12.6 K"),
        (700, "short", "700"),
        (691_200, "s", "8 days"),
        (1.1249, "none", "1.12"),
    ],
)
def test_a_value_has_its_unit(number: float, unit: str, shown: str) -> None:
    assert value(number, unit) == shown


def test_a_line_has_a_gap_where_values_are_missing() -> None:
    at = [TIMES.begin + step * TIMES.step for step in (0, 1, 4, 5)]
    shown = one("timeseries", "short", Series({}, "chat", tuple((each, 2.0) for each in at)))
    (path,) = re.findall(r'<path d="([^"]*)" fill="none"', shown)
    assert (path.count("M"), path.count("L")) == (2, 2)


def test_a_panel_without_values_says_so() -> None:
    assert "No data" in one("timeseries", "short")
    assert "No data" in one("table", "short", Series({"a": "b"}, "", ()))


def test_names_are_text_and_not_markup() -> None:
    shown = one("table", "short", Series({"app_feature": "<b>bold</b>"}, "", ((TIMES.end, 1.0),)))
    assert "&lt;b&gt;bold" in shown and "<b>" not in shown


def test_an_unknown_kind_of_panel_is_named() -> None:
    with pytest.raises(PreviewError, match=r"panel 'It': found type 'gauge'; expected one of"):
        one("gauge", "short", Series({}, "", ((TIMES.end, 1.0),)))


def test_the_command_says_that_no_server_answers(capsys: pytest.CaptureFixture[str]) -> None:
    path = FOLDER / "grafana" / "spend-prometheus.json"
    assert main([str(path), "--prometheus", "http://127.0.0.1:9"]) == 2
    assert "http://127.0.0.1:9: found no Prometheus that answers" in capsys.readouterr().err
