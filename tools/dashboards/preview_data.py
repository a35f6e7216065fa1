# SPDX-License-Identifier: Apache-2.0
"""What the panels of a Grafana board on Prometheus show: their queries, asked as Grafana asks them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

TIMEOUT_SECONDS = 60
LEGEND = re.compile(r"\{\{(\w+)\}\}")


class PreviewError(ValueError):
    """A panel cannot be drawn: no server answers, its query is refused, or its kind is unknown."""


class Times(NamedTuple):
    """What a board shows, in seconds since the epoch. step: between two values of a line."""

    begin: int
    end: int
    step: int

    @property
    def seconds(self) -> int:
        """Return the length of the range."""
        return self.end - self.begin


class Series(NamedTuple):
    """Values of a series by their time. name: its legend, "" in a table. A value that is no number is left out."""

    labels: Mapping[str, str]
    name: str
    points: tuple[tuple[float, float], ...]


class Prometheus:
    """A server that is asked over HTTP."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")

    def series(self, panel: Mapping[str, Any], query: str, times: Times) -> list[Series]:
        """Return what a query gives, over time or at the end, as the panel asks."""
        target = panel["targets"][0]
        if target["range"]:
            asked = {"query": query, "start": times.begin, "end": times.end, "step": times.step}
            found = self._get("query_range", asked, panel)
        else:
            found = self._get("query", {"query": query, "time": times.end}, panel)
        return [_series(each, target.get("legendFormat", "")) for each in found]

    def _get(self, path: str, asked: Mapping[str, Any], panel: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            with urlopen(f"{self._address}/api/v1/{path}?{urlencode(asked)}", timeout=TIMEOUT_SECONDS) as answer:
                return list(json.load(answer)["data"]["result"])
        except HTTPError as error:
            text = error.read().decode(errors="replace")
            raise PreviewError(f"panel {panel['title']!r}: Prometheus refused {asked['query']!r}: {text}") from None
        except URLError as error:
            raise PreviewError(f"{self._address}: found no Prometheus that answers ({error.reason})") from None


def query_of(panel: Mapping[str, Any], board: Mapping[str, Any], times: Times) -> str:
    """Return the query of a panel as Grafana sends it when all filters are at All."""
    query = str(panel["targets"][0]["expr"])
    for variable in board["templating"]["list"]:
        query = query.replace(f"${variable['name']}", variable.get("allValue", ""))
    return query.replace("$__range", f"{times.seconds}s").replace("$__rate_interval", f"{times.step}s")


def answers(board: Mapping[str, Any], source: Prometheus, times: Times) -> dict[int, list[Series]]:
    """Return the series of each panel by its id; PreviewError when a query fails."""
    return {panel["id"]: source.series(panel, query_of(panel, board, times), times) for panel in board["panels"]}


def _series(found: Mapping[str, Any], legend: str) -> Series:
    labels = {key: value for key, value in found["metric"].items() if key != "__name__"}
    pairs = found["values"] if "values" in found else [found["value"]]
    points = ((float(at), float(value)) for at, value in pairs)
    name = LEGEND.sub(lambda label: labels.get(label[1], ""), legend).strip() or ("(none)" if legend else "")
    return Series(labels, name, tuple((at, value) for at, value in points if math.isfinite(value)))
