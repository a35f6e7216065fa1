# SPDX-License-Identifier: Apache-2.0
"""The files that are made from the tables of panels and alerts."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from tools.dashboards import grafana, page, rules
from tools.dashboards.table import FOLDER, GRAFANA, Board, boards
from tools.generated import Targets


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _grafana(board: Board, backend: str) -> str:
    return _json(grafana.dashboard(board, backend))


TARGETS: Targets = {
    **{
        FOLDER / "grafana" / f"{board.id}-{backend}.json": partial(_grafana, board, backend)
        for board in boards()
        for backend in GRAFANA
        if board.of(backend)
    },
    FOLDER / "prometheus" / "rules.yaml": rules.rules_text,
    FOLDER / "prometheus" / "rules.test.yaml": rules.tests_text,
    page.PAGE: page.page,
}
