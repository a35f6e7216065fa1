# SPDX-License-Identifier: Apache-2.0
"""The page of a previewed board: panels in the board's grid, lines as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from itertools import pairwise
from typing import Any

from tools.dashboards.preview_data import PreviewError, Series, Times

WIDTH, MARGIN, HEAD = 1280, 12, 64
COLUMNS, UNIT, GAP = 24, 30, 8
"""Grafana's grid: columns, and the height and the distance of rows in pixels."""
TITLE, ROW, LEGEND_ROW = 34, 25, 18
AXIS_LEFT, AXIS_BOTTOM = 58, 20
COLORS = ("#2463b0", "#b4560f", "#21785f", "#7a3fa0", "#a02c52", "#5c6b12", "#0f7391", "#85591f")
DOT = "h1.5h-1.5"
"""Makes a value without neighbours visible."""
DAY, HOUR = 86_400, 3_600
STYLE = """
* { box-sizing: border-box; }
body { margin: 0; background: #f4f5f7; color: #1b2330; font: 13px/1.3 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; }
main { position: relative; }
header { position: absolute; left: 12px; right: 12px; top: 10px; }
h1 { font-size: 18px; margin: 0 0 4px; }
header p { margin: 0; color: #566072; }
section { position: absolute; overflow: hidden; background: #fff; border: 1px solid #d5d9e0; border-radius: 3px; }
h2 { font-size: 13px; font-weight: 600; margin: 0; padding: 9px 10px 0; height: 34px; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; }
.stat { font-size: 38px; text-align: center; padding-top: 36px; }
.none { color: #566072; text-align: center; padding-top: 44px; }
table { border-collapse: collapse; width: calc(100% - 20px); margin: 0 10px; table-layout: auto; }
th, td { text-align: left; height: 25px; padding: 0 6px; border-bottom: 1px solid #e6e9ee; white-space: nowrap; }
.legend th, .legend td { height: 18px; border: 0; font-size: 12px; }
th { color: #566072; font-weight: 500; }
.number { text-align: right; }
i { display: inline-block; width: 12px; height: 4px; margin-right: 6px; vertical-align: 3px; border-radius: 2px; }
svg { display: block; }
svg text { fill: #566072; font-size: 11px; }
"""


def page(board: Mapping[str, Any], found: Mapping[int, Sequence[Series]], times: Times) -> str:
    """Return a board as HTML that needs nothing else."""
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    filters = [each["label"] for each in board["templating"]["list"] if each["type"] == "query"]
    shown = " · ".join([f"{_time(times.begin)} to {_time(times.end)} UTC", *(f"{each}: All" for each in filters)])
    panels = "\n".join(_panel(panel, found[panel["id"]], times) for panel in board["panels"])
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(board["title"])}</title>'
        f"<style>{STYLE}</style>\n"
        f'<main style="height: {HEAD + bottom * (UNIT + GAP) + MARGIN}px">'
        f"<header><h1>{escape(board['title'])}</h1><p>{escape(shown)}</p></header>\n{panels}\n</main></html>"
    )


def _panel(panel: Mapping[str, Any], found: Sequence[Series], times: Times) -> str:
    at = panel["gridPos"]
    column = (WIDTH - 2 * MARGIN + GAP) / COLUMNS
    left, top = MARGIN + at["x"] * column, HEAD + at["y"] * (UNIT + GAP)
    width, height = round(at["w"] * column - GAP), at["h"] * (UNIT + GAP) - GAP
    draw = DRAWN.get(panel["type"])
    if draw is None:
        raise PreviewError(f"panel {panel['title']!r}: found type {panel['type']!r}; expected one of {list(DRAWN)}")
    has_data = any(each.points for each in found)
    inside = draw(found, panel, width - 2, height, times) if has_data else '<p class="none">No data</p>'
    place = f"left: {left:.0f}px; top: {top}px; width: {width}px; height: {height}px"
    return f'<section style="{place}" data-panel="{panel["id"]}"><h2>{escape(panel["title"])}</h2>{inside}</section>'


def _stat(found: Sequence[Series], panel: Mapping[str, Any], width: int, height: int, times: Times) -> str:
    return f'<div class="stat">{_value(found[0].points[-1][1], _unit(panel))}</div>'


def _table(found: Sequence[Series], panel: Mapping[str, Any], width: int, height: int, times: Times) -> str:
    labels = sorted({key for each in found for key in each.labels})
    rows = [each for each in found if each.points][: (height - TITLE) // ROW - 1]
    head = "".join(f"<th>{escape(label)}</th>" for label in labels) + '<th class="number">Value</th>'
    body = "".join(
        "<tr>"
        + "".join(f"<td>{escape(each.labels.get(label, ''))}</td>" for label in labels)
        + f'<td class="number">{_value(each.points[-1][1], _unit(panel))}</td></tr>'
        for each in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _lines(found: Sequence[Series], panel: Mapping[str, Any], width: int, height: int, times: Times) -> str:
    shown = [each for each in found if each.points][: len(COLORS)]
    plot_height = height - TITLE - LEGEND_ROW * (len(shown) + 1) - 10
    most = max(value for each in shown for _, value in each.points)
    step = _nice(most / 4)
    top = step * max(1, math.ceil(most / step))
    right, bottom = width - 12, plot_height - AXIS_BOTTOM

    def x(at: float) -> float:
        return AXIS_LEFT + (at - times.begin) / times.seconds * (right - AXIS_LEFT)

    def y(value: float) -> float:
        return bottom - value / top * (bottom - 6)

    parts: list[str] = []
    for number in range(round(top / step) + 1):
        value, at = number * step, y(number * step)
        parts.append(f'<path d="M{AXIS_LEFT} {at:.1f}H{right}" stroke="#e6e9ee"/>')
        parts.append(
            f'<text x="{AXIS_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{_value(value, _unit(panel))}</text>'
        )
    for tick, label in _ticks(times):
        parts.append(f'<path d="M{x(tick):.1f} 6V{bottom}" stroke="#f0f2f5"/>')
        parts.append(f'<text x="{x(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{label}</text>')
    for each, color in zip(shown, COLORS, strict=False):
        path = _path(each, times.step, x, y)
        parts.append(f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.5" stroke-linecap="round"/>')
    svg = f'<svg width="{width}" height="{plot_height}">{"".join(parts)}</svg>'
    return svg + _legend(shown, _unit(panel))


DRAWN: Mapping[str, Callable[[Sequence[Series], Mapping[str, Any], int, int, Times], str]] = {
    "stat": _stat,
    "table": _table,
    "timeseries": _lines,
}


def _path(series: Series, step: int, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    """Return the line of a series, with a gap where a value is missing."""
    first, *_ = series.points
    parts = [f"M{x(first[0]):.1f} {y(first[1]):.1f}{DOT}"]
    for before, point in pairwise(series.points):
        place = f"{x(point[0]):.1f} {y(point[1]):.1f}"
        parts.append(f"L{place}" if point[0] - before[0] < 1.5 * step else f"M{place}{DOT}")
    return "".join(parts)


def _legend(shown: Sequence[Series], unit: str) -> str:
    rows = ""
    for each, color in zip(shown, COLORS, strict=False):
        values = [value for _, value in each.points]
        figures = (_value(sum(values) / len(values), unit), _value(max(values), unit))
        cells = "".join(f'<td class="number">{figure}</td>' for figure in figures)
        rows += f'<tr><td><i style="background: {color}"></i>{escape(each.name)}</td>{cells}</tr>'
    head = '<tr><th>Name</th><th class="number">Mean</th><th class="number">Max</th></tr>'
    return f'<table class="legend">{head}{rows}</table>'


def _nice(value: float) -> float:
    """Return the next step of an axis: 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= value * 0.999)


def _ticks(times: Times) -> list[tuple[int, str]]:
    every = DAY if times.seconds > 2 * DAY else 4 * HOUR
    form = "%m-%d" if every == DAY else "%H:%M"
    first = -(-times.begin // every) * every
    return [(at, f"{datetime.fromtimestamp(at, timezone.utc):{form}}") for at in range(first, times.end + 1, every)]


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at, timezone.utc):%Y-%m-%d %H:%M}"


def _unit(panel: Mapping[str, Any]) -> str:
    return str(panel["fieldConfig"]["defaults"]["unit"])


def _value(value: float, unit: str) -> str:
    """Return a value with its unit, in three digits."""
    if unit == "percentunit":
        return f"{_digits(value * 100)} %"
    if unit == "currencyUSD":
        return f"${value:,.2f}" if abs(value) >= 0.1 else f"${_digits(value)}"
    if unit == "s":
        return f"{_digits(value / DAY)} days" if value >= DAY else f"{_digits(value)} s"
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")) if unit == "short" else ():
        if abs(value) >= size:
            return f"{_digits(value / size)} {letter}"
    return _digits(value)


def _digits(value: float) -> str:
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
