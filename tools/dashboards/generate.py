# SPDX-License-Identifier: Apache-2.0
"""The files that are made from the tables of panels and alerts."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from tools.dashboards import board_page, datadog, grafana, honeycomb, page, rules
from tools.dashboards.table import DATADOG, FOLDER, GRAFANA, HONEYCOMB, Board, boards
from tools.generated import Targets


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _grafana(board: Board, backend: str) -> str:
    return _json(grafana.dashboard(board, backend))


def _honeycomb(board: Board) -> str:
    return _json(honeycomb.board(board))


def _datadog(board: Board) -> str:
    return _json(datadog.dashboard(board))


TARGETS: Targets = {
    **{
        FOLDER / "grafana" / f"{board.id}-{backend}.json": partial(_grafana, board, backend)
        for board in boards()
        for backend in GRAFANA
        if board.of(backend)
    },
    **{
        FOLDER / backend / f"{board.id}.json": partial(render, board)
        for board in boards()
        for backend, render in ((HONEYCOMB, _honeycomb), (DATADOG, _datadog))
        if board.of(backend)
    },
    FOLDER / "prometheus" / "rules.yaml": rules.rules_text,
    FOLDER / "prometheus" / "rules.test.yaml": rules.tests_text,
    FOLDER / "prometheus" / "rules.week.test.yaml": partial(rules.tests_text, rules.HALF_HOUR),
    page.PAGE: page.page,
    **{board_page.path(board): partial(board_page.page, board) for board in boards()},
}
