# SPDX-License-Identifier: Apache-2.0
"""Honeycomb: the query of each panel, as the Query API takes it, and the board that they make.

A board of Honeycomb names queries by ids that its API gives out, so a file holds the queries themselves.
"""

from __future__ import annotations

from typing import Any

from tools.dashboards.table import HONEYCOMB, Board, Panel

DAY_SECONDS = 86_400
HOUR_SECONDS = 3_600
STYLES = {"stat": "table", "table": "table", "lines": "graph"}


def board(found: Board) -> dict[str, Any]:
    """Return a board and its queries."""
    return {
        "name": f"LLM: {found.title}",
        "description": found.description,
        "type": "flexible",
        "queries": [
            {
                "name": panel.title,
                "description": panel.question,
                "style": STYLES[panel.view],
                "query": _query(panel),
            }
            for panel in found.of(HONEYCOMB)
        ],
    }


def _query(panel: Panel) -> dict[str, Any]:
    query = {"time_range": DAY_SECONDS, **panel.queries[HONEYCOMB]}
    if panel.view == "lines":
        query["granularity"] = HOUR_SECONDS
    first = query["calculations"][0]
    # Results with formulas cannot be ordered by a named calculation.
    if "breakdowns" in query and "formulas" not in query:
        order = {key: first[key] for key in ("op", "column") if key in first}
        query["orders"] = [{**order, "order": "descending"}]
    return query
