# SPDX-License-Identifier: Apache-2.0
"""Grafana dashboards in the classic JSON form (schema 42), for a data source of Prometheus, Tempo or ClickHouse."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from tools.dashboards.table import CLICKHOUSE, PROMETHEUS, TEMPO, Board, Panel

SCHEMA_VERSION = 42
UNITS = {
    "USD": "currencyUSD",
    "share": "percentunit",
    "ratio": "none",
    "count": "short",
    "tokens": "short",
    "seconds": "s",
}
SOURCES = {PROMETHEUS: "prometheus", TEMPO: "tempo", CLICKHOUSE: "grafana-clickhouse-datasource"}
TITLES = {PROMETHEUS: "Prometheus", TEMPO: "Tempo", CLICKHOUSE: "ClickHouse"}
FILTERS = {"environment": "app_environment", "feature": "app_feature", "model": "llm_model"}
"""Variable of the board -> label of the metrics; columns of the calls table have the name of the variable."""
WHERE = {
    PROMETHEUS: ",".join(f'{label}=~"${name}"' for name, label in FILTERS.items()),
    CLICKHOUSE: " AND ".join(
        f"$__conditionalAll(ifNull({name}, '') IN (${{{name}:singlequote}}), ${name})" for name in FILTERS
    ),
}
WIDTH = 24
SIZE = {"stat": (6, 5), "lines": (12, 8), "table": (12, 8)}
KINDS = {"stat": "stat", "lines": "timeseries", "table": "table"}
OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "none",
        "graphMode": "none",
        "textMode": "value",
        "justifyMode": "auto",
        "orientation": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    },
    "lines": {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["mean", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"frameIndex": 0, "showHeader": True},
}
BY = re.compile(r"\bby \(([a-z_, ]+)\)")
ENGINE_TIMESERIES, ENGINE_TABLE = 0, 1
"""`format` of a query of the ClickHouse plug-in."""


def dashboard(board: Board, backend: str) -> dict[str, Any]:
    """Return a board for one kind of data source."""
    panels = board.of(backend)
    return {
        "uid": f"spancost-{board.id}-{backend}",
        "title": f"LLM: {board.title} ({TITLES[backend]})",
        "description": board.description,
        "tags": ["llm", "spancost"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables(backend)},
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "LLM",
                "icon": "external link",
                "tags": ["spancost"],
                "asDropdown": True,
                "targetBlank": False,
                "includeVars": True,
                "keepTime": True,
                "tooltip": "",
                "url": "",
            }
        ],
        "panels": [
            _panel(panel, backend, number, place)
            for number, (panel, place) in enumerate(zip(panels, _places(panels), strict=True), start=1)
        ],
    }


def query(panel: Panel, backend: str) -> str:
    """Return the query of a panel with the filters of the board in it."""
    return str(panel.queries[backend]).replace("$where", WHERE.get(backend, ""))


def _source(backend: str) -> dict[str, str]:
    return {"type": SOURCES[backend], "uid": "${datasource}"}


def _variables(backend: str) -> list[dict[str, Any]]:
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": SOURCES[backend],
        "multi": False,
        "includeAll": False,
    }
    return [source, *(_filter(name, backend) for name in FILTERS if backend in WHERE)]


def _filter(name: str, backend: str) -> dict[str, Any]:
    """Return a variable whose value for all also selects what has no label."""
    if backend == PROMETHEUS:
        text = f"label_values(llm_requests_total, {FILTERS[name]})"
        asked: Any = {"query": text, "refId": "values"}
    else:
        text = f"SELECT DISTINCT ifNull({name}, '') FROM calls WHERE $__timeFilter(started_at)"
        asked = text
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _source(backend),
        "definition": text,
        "query": asked,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        **({"allValue": ".*"} if backend == PROMETHEUS else {}),
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _places(panels: tuple[Panel, ...]) -> list[dict[str, int]]:
    """Return where panels go: from left to right, in rows of one height. A chart or table alone takes the whole row."""
    places: list[dict[str, int]] = []
    x = y = row = 0
    for panel in panels:
        width, height = SIZE[panel.view]
        if x + width > WIDTH or (x and height != row):
            x, y = 0, y + row
        places.append({"x": x, "y": y, "w": width, "h": height})
        x, row = x + width, height
    rows = Counter(place["y"] for place in places)
    for panel, place in zip(panels, places, strict=True):
        if rows[place["y"]] == 1 and panel.view != "stat":
            place["w"] = WIDTH
    return places


def _panel(panel: Panel, backend: str, number: int, place: dict[str, int]) -> dict[str, Any]:
    kind = KINDS[panel.view]
    return {
        "id": number,
        "type": kind,
        "title": panel.title,
        "description": panel.question,
        "datasource": _source(backend),
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": UNITS[panel.unit], "min": 0}, "overrides": []},
        "options": OPTIONS[panel.view],
        "targets": [_target(panel, backend)],
    }


def _target(panel: Panel, backend: str) -> dict[str, Any]:
    text = query(panel, backend)
    base = {"refId": "A", "datasource": _source(backend)}
    if backend == PROMETHEUS:
        if panel.view == "lines":
            labels = BY.search(text)
            legend = " ".join(f"{{{{{name.strip()}}}}}" for name in labels[1].split(",")) if labels else panel.title
            return {**base, "expr": text, "range": True, "instant": False, "legendFormat": legend}
        form = "table" if panel.view == "table" else "time_series"
        return {**base, "expr": text, "range": False, "instant": True, "format": form}
    if backend == TEMPO:
        is_metric = "_over_time(" in text
        more = {"metricsQueryType": "range" if panel.view == "lines" else "instant"} if is_metric else {}
        return {
            **base,
            "queryType": "traceql",
            "query": text,
            "tableType": "traces",
            "limit": 20,
            "filters": [],
            **more,
        }
    form_of = ENGINE_TIMESERIES if panel.view == "lines" else ENGINE_TABLE
    return {
        **base,
        "editorType": "sql",
        "queryType": "timeseries" if panel.view == "lines" else "table",
        "rawSql": text,
        "format": form_of,
    }
