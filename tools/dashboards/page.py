# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/dashboards.md: the boards, and what each alert says."""

from __future__ import annotations

import re

from tools.dashboards.table import Alert, Board, alerts, boards
from tools.generated import ROOT, read

PAGE = ROOT / "docs" / "dashboards.md"
BOARDS = re.compile(r"(<!-- boards: [^\n]*-->\n).*?(<!-- end of boards -->)", re.DOTALL)
ALERTS = re.compile(r"(<!-- alerts: [^\n]*-->\n).*?(<!-- end of alerts -->)", re.DOTALL)


def page() -> str:
    """Return docs/dashboards.md with its tables as `dashboards/` has them."""
    listed = f"| board | shows |\n|---|---|\n{''.join(map(_board, boards()))}"
    rows = "".join(map(_alert, alerts()))
    told = f"| alert | severity | fires when | runbook |\n|---|---|---|---|\n{rows}"
    text = BOARDS.sub(lambda found: f"{found[1]}{listed}{found[2]}", read(PAGE))
    return ALERTS.sub(lambda found: f"{found[1]}{told}{found[2]}", text)


def _board(board: Board) -> str:
    return f"| [{board.title}](dashboards/{board.id}.md) | {board.description} |\n"


def _alert(alert: Alert) -> str:
    expr = re.sub(r"\s+", " ", alert.expr).replace("|", "\\|")
    return f"| `{alert.alert}` | {alert.severity} | `{expr}` | [{alert.runbook}](#{alert.runbook}) |\n"
