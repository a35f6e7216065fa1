# SPDX-License-Identifier: Apache-2.0
"""The demo's page in the terminal: the trace as a tree, the bill beside it, what has no price, and who spent what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from spancost.core import reasons, semconv
from spancost.demo import groups, tree
from spancost.demo.session import Session
from spancost.testing import ReceivedSpan

WIDE = 108
"""From this many columns on there is room for cache writes, reasoning and the emitter."""
MAX_WIDTH = 124
TEXT_WIDTH = 96
"""Sentences longer than this are hard to read."""
_BAR = 14


class Glyphs(NamedTuple):
    """What the tree and the bars are drawn with."""

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


def show(session: Session, console: Console) -> None:
    """Print the page to *console*; it fits 80 columns and uses up to `MAX_WIDTH`."""
    console.width = min(console.width, MAX_WIDTH)
    glyphs = ASCII if console.options.ascii_only else UNICODE
    for part in _page(session, console.width, glyphs):
        console.print(part, width=min(console.width, TEXT_WIDTH) if isinstance(part, Text) else None)
        console.print()


def _page(session: Session, width: int, glyphs: Glyphs) -> Iterator[RenderableType]:
    yield Text.assemble(
        ("spancost demo", "bold"),
        f" {glyphs.dot} a support agent on the real openai and anthropic clients, traced by OpenInference, priced in "
        "process, exported over OTLP. No key, no network: the providers answer on loopback.",
    )
    rows = tree.rows(session.spans)
    yield _trace(rows, width, glyphs)
    yield _agreement(session, rows)
    for span in session.spans:
        if span.attributes.get(semconv.LLM_COST_STATUS) == "unpriced":
            yield _remedy(span)
    yield _groups("Cost by feature", groups.by(semconv.APP_FEATURE, session.spans), glyphs)
    yield _groups("Cost by model", groups.by(semconv.LLM_MODEL, session.spans), glyphs)
    yield _provenance(session)


def _trace(rows: list[tree.Row], width: int, glyphs: Glyphs) -> Table:
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
    """Return *amount* in USD to the millionth; what is less is said to be less, never zero."""
    return "<$0.000001" if 0 < amount < 0.000001 else f"${amount:.6f}"


def _agreement(session: Session, rows: list[tree.Row]) -> Text:
    root = next(span for span in session.spans if not span.parent_id)
    billed = float(sum(charge.usd for charge in session.charges if charge.usd is not None))
    traced = root.attributes.get(semconv.LLM_TRACE_COST_USD, 0.0)
    text = Text.assemble("The providers' own bill for the priced calls: ", (usd(billed), "bold"), "; the trace says ")
    if billed == traced:
        text.append("exactly the same", "bold green")
    else:
        text.append(f"{usd(traced)}, which is not the same", "bold red")
    repeats = sum(row.kind == tree.REPEAT for row in rows)
    text.append(". ")
    if repeats:
        text.append(f"{repeats} calls were reported twice, by OpenInference and by the anthropic client: counted once.")
    return text


def _remedy(span: ReceivedSpan) -> Text:
    """Return why *span* has no price and what to do about it."""
    found = span.attributes
    model, seller = found[semconv.LLM_MODEL], found[semconv.LLM_PROVIDER]
    reason = found[semconv.LLM_COST_REASON]
    text = Text.assemble(("No price: ", "bold red"), (f"{model} at {seller}", "bold"))
    text.append(f" ({reason}). {reasons.SENTENCES.get(reason, '')} Nothing is guessed: its tokens are in the totals, ")
    text.append("its cost is in none, and llm.trace_cost_complete is false. To price it:\n")
    text.append(f"  1. in a checkout, add {model} to pricing/sellers/{seller}.yaml\n")
    text.append("  2. python tools/compile_card.py\n")
    text.append("  3. set SPANCOST_CARD=pricing/compiled/card.jsonl where your service runs")
    return text


def _groups(title: str, found: list[groups.Group], glyphs: Glyphs) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=_FAINT)
    table.add_column(Text(title, "bold"), no_wrap=True, min_width=26)
    for name in ("calls", "no price", "tokens", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, style="green")
    total = sum(group.usd for group in found) or 1.0
    for group in found:
        missing = Text(str(group.unpriced), "red") if group.unpriced else Text()
        cost = usd(group.usd) if group.unpriced < group.calls else glyphs.dash
        bar = glyphs.bar * max(1, round(_BAR * group.usd / total)) if group.usd else ""
        table.add_row(group.name, str(group.calls), missing, f"{group.tokens:,}", cost, bar)
    return table


def _provenance(session: Session) -> Text:
    key = semconv.LLM_PRICING_VERSION
    version = next(span.attributes[key] for span in session.spans if key in span.attributes)
    text = Text.assemble(("List price, not an invoice. ", "bold"), f"Prices {version} ({key}): with a span and that ")
    text.append("version every number can be recomputed later, offline. On your own traces it is one line:\n")
    return text.append("  provider.add_span_processor(LLMCostProcessor())", "cyan")
