# SPDX-License-Identifier: Apache-2.0
"""The page of `spancost demo --loop`: what the budget let pass, what it stopped, and what that would have cost."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from spancost.demo.loop import Run
from spancost.demo.page import TEXT_WIDTH
from spancost.demo.tables import glyphs_of, usd
from spancost.diagnose.format_count import format_count


def show(stopped: Run, unbounded: Run, console: Console) -> None:
    """Print the page to *console*."""
    for part in _page(stopped, unbounded, glyphs_of(console).dot):
        console.print(part, width=min(console.width, TEXT_WIDTH))
        console.print()


def _page(stopped: Run, unbounded: Run, dot: str) -> Iterator[Text]:
    yield Text.assemble(
        ("spancost demo --loop", "bold"),
        f" {dot} the support agent again; this time its model asks for the same tool without end. Real clients with "
        "their own retries, no key, no network.",
    )
    refused = stopped.stopped
    if refused is None:
        yield Text("The budget was not reached: MISMATCH", "bold red")
        return
    text = Text.assemble(("With a budget of ", "bold"), (f"{usd(float(refused.limit_usd))} for the trace", "bold"))
    text.append(f": {format_count(stopped.calls, 'call')} sent, {usd(float(stopped.billed_usd))} billed. ")
    text.append("The next call was refused before a byte left, once:\n")
    yield text.append(f"  BudgetExceeded: {refused}", "cyan")
    for anomaly in unbounded.anomalies[:3]:
        yield Text.assemble(("Anomaly: ", "bold red"), (anomaly.rule, "bold"), f" {dot} {anomaly.text}")
    saved = float(unbounded.billed_usd - stopped.billed_usd)
    text = Text.assemble(("Without it", "bold"), f": {format_count(unbounded.calls, 'call')}, ")
    text.append(f"{usd(float(unbounded.billed_usd))} for one question. ")
    yield text.append(f"The budget kept {usd(saved)}.", "bold green")
    text = Text("In your own service, switch capture on and set\n")
    yield text.append("  SPANCOST_BUDGET=trace:0.05,workspace_id:20/day", "cyan")
