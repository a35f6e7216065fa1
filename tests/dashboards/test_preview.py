# SPDX-License-Identifier: Apache-2.0
"""Each panel of each board on Prometheus is drawn from its own query, with figures of the generated history.

`make test-boards` runs it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboards.pictures import MONTH_USD, TIMES, drawn, week
from tools.dashboards.preview_data import PreviewError, Prometheus, answers
from tools.dashboards.table import FOLDER, PROMETHEUS, Board, boards

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEST_BOARDS"), reason="run by make test-boards"),
    pytest.mark.skipif(shutil.which("promtool") is None, reason="found no prometheus server and no promtool"),
]
PANEL = re.compile(r'<section [^>]*data-panel="(\d+)"><h2>([^<]*)</h2>(.*?)</section>', re.DOTALL)
BOARDS = [pytest.param(board, id=board.id) for board in boards()]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with week(tmp_path_factory.mktemp("week")) as running:
        yield running


@pytest.mark.parametrize("board", BOARDS)
def test_every_panel_is_drawn_with_data(source: Prometheus, board: Board) -> None:
    found = PANEL.findall(drawn(board.id, source))
    assert [title.replace("&#x27;", "'") for _, title, _ in found] == [panel.title for panel in board.of(PROMETHEUS)]
    assert [title for _, title, inside in found if "No data" in inside] == []


def test_the_figures_are_those_of_the_history(source: Prometheus) -> None:
    """The month's budget is a rule's, and the spend by feature adds up to the spend."""
    text = {title: inside for _, title, inside in PANEL.findall(drawn("budgets", source))}
    assert f"${MONTH_USD}.00" in text["The month&#x27;s budget"]
    panels = {title: inside for _, title, inside in PANEL.findall(drawn("spend", source))}
    (total,) = re.findall(r"\$([\d.]+)", panels["Spend"])
    parts = re.findall(r"\$([\d.]+)", panels["Features, teams and environments"])
    assert sum(map(float, parts)) == pytest.approx(float(total), abs=0.05)


def test_a_refused_query_names_the_panel(source: Prometheus) -> None:
    path: Path = FOLDER / "grafana" / "spend-prometheus.json"
    board = json.loads(path.read_text(encoding="utf-8"))
    board["panels"][0]["targets"][0]["expr"] = "sum(nothing"
    with pytest.raises(PreviewError, match=r"panel 'Spend': Prometheus refused 'sum\(nothing'.*parse error"):
        answers(board, source, TIMES)
