# SPDX-License-Identifier: Apache-2.0
"""Tables for a terminal: a trace as a tree with tokens and costs, and costs by group."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from spancost.demo import tree
from spancost.demo.groups import Group

WIDE = 108
"""Width from which the columns for cache writes, reasoning and the emitter are shown."""
_BAR = 14
_NAMES = 26
_GAP = 2
_NUMBERS = ("calls", "no price", "tokens", "cost")


class Glyphs(NamedTuple):
    """The characters of the tree and the bars."""

    branch: str
    last: str
    through: str
    space: str
    bar: str
    dash: str
    dot: str
    below: str
    at_least: str


UNICODE = Glyphs("├─ ", "└─ ", "│  ", "   ", "█", "–", "·", "↓", "≥ ")
ASCII = Glyphs("|- ", "`- ", "|  ", "   ", "#", "-", "-", "v", ">= ")
_COLUMNS = ("in", "cached", "written", "out", "reasoning", "cost")
_WIDE_COLUMNS = frozenset({"written", "reasoning"})
_FAINT = "bright_black"
_STYLES = {tree.TOTAL: "", tree.CALL: "cyan", tree.REPEAT: _FAINT, tree.FAILED: "red", tree.PLAIN: ""}


def glyphs_of(console: Console) -> Glyphs:
    """Return the characters that *console* supports."""
    return ASCII if console.options.ascii_only else UNICODE


def trace_table(rows: list[tree.Row], width: int, glyphs: Glyphs) -> Table:
    """Return the tree of *rows* with tokens and cost, for *width* columns."""
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True, header_style=_FAINT)
    table.add_column("span", no_wrap=True, overflow="ellipsis", ratio=1)
    columns = [name for name in _COLUMNS if wide or name not in _WIDE_COLUMNS]
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("traced by", no_wrap=True, overflow="ellipsis", max_width=24, style=_FAINT)
    for row in rows:
        cells = _cells(row, glyphs)
        emitter = [row.scope.replace("openinference.instrumentation", "openinference")] if wide else []
        table.add_row(_label(row, glyphs), *(cells.get(name, Text()) for name in columns), *emitter)
    return table


def _label(row: tree.Row, glyphs: Glyphs) -> Text:
    guides = "".join(glyphs.space if last else glyphs.through for last in row.lasts[:-1])
    if row.lasts:
        guides += glyphs.last if row.lasts[-1] else glyphs.branch
    notes = {tree.REPEAT: f"  same call as {glyphs.below}", tree.FAILED: "  failed"}
    note = f"  {row.outcome}" if row.outcome else notes.get(row.kind, "")
    style = _STYLES[row.kind] if row.lasts else "bold"
    return Text.assemble((guides, _FAINT), (row.label, style), (note, _STYLES[row.kind] or _FAINT))


def _cells(row: tree.Row, glyphs: Glyphs) -> dict[str, Text]:
    """Return the cells of a row that are not empty, by column."""
    if row.kind == tree.FAILED:
        return {"cost": Text("not billed", _FAINT)}
    if row.kind not in (tree.CALL, tree.TOTAL):
        return {}
    style = "" if row.kind == tree.CALL else _FAINT
    cells = {"in": Text(f"{row.input_tokens:,}", style), "out": Text(f"{row.output_tokens:,}", style)}
    if row.cached_tokens:
        cells["cached"] = Text(f"{row.cached_tokens / row.input_tokens:.0%}")
    if row.written_tokens:
        cells["written"] = Text(f"{row.written_tokens / row.input_tokens:.0%}")
    if row.reasoning_tokens:
        cells["reasoning"] = Text(f"{row.reasoning_tokens:,}")
    return {**cells, "cost": _cost(row, glyphs)}


def _cost(row: tree.Row, glyphs: Glyphs) -> Text:
    if row.usd is None:
        return Text("no price", "bold red" if row.kind == tree.CALL else "red")
    style = "bold green" if not row.lasts else "green" if row.kind == tree.CALL else ""
    return Text(("" if row.is_complete else glyphs.at_least) + usd(row.usd), style)


def usd(amount: float) -> str:
    """Return *amount* in USD with six decimals; a smaller amount is shown as less than that, never as zero."""
    return "<$0.000001" if 0 < amount < 0.000001 else f"${amount:,.6f}"


def group_table(title: str, found: list[Group], width: int, glyphs: Glyphs) -> Table:
    """Return *found* with the share of each in the cost as a bar, for *width* columns; no number is ever cut."""
    rows = [_numbers(group, glyphs) for group in found]
    taken = sum(
        max(len(text) for text in (head, *column)) + _GAP for head, *column in zip(_NUMBERS, *rows, strict=True)
    )
    names = max([_NAMES, len(title), *(len(group.name) for group in found)])
    names = max(min(names, width - taken - _GAP), 1)
    bar = max(min(_BAR, width - taken - names - _GAP), 0)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style=_FAINT)
    table.add_column(Text(title, "bold"), no_wrap=True, overflow="ellipsis", width=names)
    for name in _NUMBERS:
        table.add_column(name, justify="right", no_wrap=True)
    if bar:
        table.add_column("", no_wrap=True, style="green", max_width=bar)
    total = sum(group.usd for group in found) or 1.0
    for group, (calls, unpriced, *others) in zip(found, rows, strict=True):
        share = glyphs.bar * max(1, round(bar * group.usd / total)) if group.usd else ""
        table.add_row(group.name, calls, Text(unpriced, "red"), *others, *([share] if bar else []))
    return table


def _numbers(group: Group, glyphs: Glyphs) -> tuple[str, ...]:
    """Return the cells of `_NUMBERS`."""
    cost = usd(group.usd) if group.unpriced < group.calls else glyphs.dash
    return str(group.calls), str(group.unpriced or ""), f"{group.tokens:,}", cost
