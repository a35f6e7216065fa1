# SPDX-License-Identifier: Apache-2.0
"""The page of each board, docs/dashboards/ID.md: its panels, what they answer, and what to do about it."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from tools.dashboards.table import BACKENDS, DATADOG, GRAFANA, HONEYCOMB, PROMETHEUS, Board, Panel
from tools.generated import ROOT

PAGES = ROOT / "docs" / "dashboards"
PICTURES = ROOT / "docs" / "pictures"
NAMES = {
    "prometheus": "Prometheus",
    "tempo": "Tempo",
    "clickhouse": "ClickHouse",
    "honeycomb": "Honeycomb",
    "datadog": "Datadog",
}
LEGEND = "In: " + ", ".join(f"{name[0]} {name}" for name in NAMES.values()) + "."
HEAD = "<!-- Generated from dashboards/panels.yaml by `python -m tools.dashboards`; edit that file. -->"
QUERIES = """\
The filters of the board are left out. To try a query in Prometheus, write a time such as `24h` for `$__range`, and
`5m` for `$__rate_interval`; both are variables of Grafana."""
CAPTION = """\
*Drawn by `make board-pictures` from the board's own queries in Prometheus, over a generated week. Grafana looks
different; the budgets and Collectors are made up.*"""
QUERY_WIDTH = 116
PROSE_WIDTH = 132


def path(board: Board) -> Path:
    """Return where the page of a board is."""
    return PAGES / f"{board.id}.md"


def picture(board: Board) -> Path:
    """Return where the picture of a board is."""
    return PICTURES / f"board-{board.id}.png"


def page(board: Board) -> str:
    """Return the page of a board."""
    rows = "".join(map(_row, board.panels))
    queries = "\n".join(map(_query, board.of(PROMETHEUS)))
    parts = [
        HEAD,
        f"# Board: {board.title}",
        board.description,
        textwrap.fill(board.intro, PROSE_WIDTH, break_long_words=False, break_on_hyphens=False),
        f"![The board {board.title} on a generated week](../pictures/{picture(board).name})\n\n{CAPTION}",
        f"## Import\n\n{_files(board)}\n\n[How each is imported, and what it needs](../dashboards.md#import).",
        f"## Panels\n\n{LEGEND}\n\n| panel | answers | what to do | in |\n|---|---|---|---|\n{rows}".rstrip(),
        f"## Queries for Prometheus\n\n{QUERIES}\n\n{queries}",
    ]
    return "\n\n".join(parts)


def _files(board: Board) -> str:
    """Return a list of the files of a board, by backend."""
    files = {backend: f"grafana/{board.id}-{backend}.json" for backend in GRAFANA}
    files |= {backend: f"{backend}/{board.id}.json" for backend in (HONEYCOMB, DATADOG)}
    return "\n".join(
        f"- {'Grafana on ' if backend in GRAFANA else ''}{NAMES[backend]}: [{file}](../../dashboards/{file})"
        for backend, file in files.items()
        if board.of(backend)
    )


def _row(panel: Panel) -> str:
    found = " ".join(NAMES[each][0] for each in BACKENDS if each in panel.queries)
    action = panel.action.replace("|", "\\|")
    return f"| {panel.title} | {panel.question} | {action} | {found} |\n"


def _query(panel: Panel) -> str:
    text = re.sub(r"\{\$where\}|\$where,", "", panel.queries[PROMETHEUS])
    return f"**{panel.title}**\n\n```promql\n{_lines(text)}\n```\n"


def _lines(query: str) -> str:
    """Return a query in lines; a string stays in one."""
    spaces = "\N{NO-BREAK SPACE}"
    text = re.sub(r'"[^"]*"', lambda found: found[0].replace(" ", spaces), query)
    return textwrap.fill(text, QUERY_WIDTH, break_long_words=False, break_on_hyphens=False).replace(spaces, " ")
