# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/dashboards.md: what each panel answers and where it exists, and what each alert says."""

from __future__ import annotations

import re

from tools.dashboards.table import BACKENDS, Alert, Board, Panel, alerts, boards
from tools.generated import ROOT, read

PAGE = ROOT / "docs" / "dashboards.md"
PANELS = re.compile(r"(<!-- panels: [^\n]*-->\n).*?(<!-- end of panels -->)", re.DOTALL)
ALERTS = re.compile(r"(<!-- alerts: [^\n]*-->\n).*?(<!-- end of alerts -->)", re.DOTALL)
INITIALS = {"prometheus": "P", "tempo": "T", "clickhouse": "C", "honeycomb": "H", "datadog": "D"}
LEGEND = "In: " + ", ".join(f"{INITIALS[backend]} {backend.capitalize()}" for backend in BACKENDS) + ".\n"


def page() -> str:
    """Return docs/dashboards.md with its tables as `dashboards/` has them."""
    panels = LEGEND.replace("Clickhouse", "ClickHouse") + "".join(map(_board, boards()))
    rows = "".join(map(_alert, alerts()))
    told = f"| alert | severity | fires when | runbook |\n|---|---|---|---|\n{rows}"
    text = PANELS.sub(lambda found: f"{found[1]}{panels}{found[2]}", read(PAGE))
    return ALERTS.sub(lambda found: f"{found[1]}{told}{found[2]}", text)


def _board(board: Board) -> str:
    rows = "".join(f"| {panel.title} | {panel.question} | {_found_in(panel)} |\n" for panel in board.panels)
    return f"\n### {board.title}\n\n{board.description}\n\n| panel | answers | in |\n|---|---|---|\n{rows}\n"


def _found_in(panel: Panel) -> str:
    return " ".join(INITIALS[each] for each in BACKENDS if each in panel.queries)


def _alert(alert: Alert) -> str:
    expr = re.sub(r"\s+", " ", alert.expr).replace("|", "\\|")
    return f"| `{alert.alert}` | {alert.severity} | `{expr}` | [{alert.runbook}](#{alert.runbook}) |\n"
