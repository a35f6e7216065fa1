# SPDX-License-Identifier: Apache-2.0
"""The page of `spancost run`: the most expensive traces as trees, and tables by feature and model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.text import Text

from spancost.core import semconv
from spancost.core.budget.ledger import Balance
from spancost.core.budget.limit import parsed_key, readable
from spancost.core.money import usd_float
from spancost.demo import groups, tree
from spancost.demo.tables import Glyphs, glyphs_of, group_table, trace_table, usd
from spancost.diagnose.doctor.fixes import fix
from spancost.diagnose.format_count import format_count
from spancost.run.program import Run
from spancost.store.otlp_receiver import ReceivedSpan

MAX_WIDTH = 124
TEXT_WIDTH = 96
MAX_ROWS = 60
"""Most rows of one trace that are shown."""


def show(run: Run, spans: list[ReceivedSpan], top: int, console: Console) -> None:
    """Print what *spans* cost: *top* traces, and as many rows a table."""
    console.width = min(console.width, MAX_WIDTH)
    for part in _page(run, spans, top, console.width, glyphs_of(console)):
        console.print()
        console.print(part, width=min(console.width, TEXT_WIDTH) if isinstance(part, Text) else None)


def _page(run: Run, spans: list[ReceivedSpan], top: int, width: int, glyphs: Glyphs) -> Iterator[RenderableType]:
    calls = [span for span in spans if tree.is_counted(span)]
    yield _headline(run, spans, calls, glyphs)
    yield from budget_lines(run.budgets, spans)
    if not calls:
        yield Text(why_nothing(run, spans))
        return
    traces = _by_cost(spans)
    for family in traces[:top]:
        rows = tree.rows(_worth_showing(family))
        yield trace_table(rows[:MAX_ROWS], width, glyphs)
        if len(rows) > MAX_ROWS:
            yield Text(f"... and {len(rows) - MAX_ROWS:,} more spans of this trace")
    if len(traces) > top:
        yield Text(f"... and {format_count(len(traces) - top, 'more trace')} (--top {len(traces)} shows all)")
    if any(semconv.APP_FEATURE in span.attributes for span in calls):
        yield group_table("Cost by feature", groups.by(semconv.APP_FEATURE, spans)[:top], width, glyphs)
    yield group_table("Cost by model", groups.by(semconv.LLM_MODEL, spans)[:top], width, glyphs)
    yield from _fixes(calls)
    yield from (Text(f"A Python process did not take part: {fault}", "red") for fault in run.faults)


def _headline(run: Run, spans: list[ReceivedSpan], calls: list[ReceivedSpan], glyphs: Glyphs) -> Text:
    total = sum(span.attributes.get(semconv.LLM_REQUEST_COST_USD, 0.0) for span in calls)
    unpriced = sum(semconv.LLM_REQUEST_COST_USD not in span.attributes for span in calls)
    text = Text.assemble(("spancost run", "bold"), f" {glyphs.dot} ")
    if calls:
        text.append(f"{glyphs.at_least if unpriced else ''}{usd(total)}", "bold green")
        text.append(f" for {format_count(len(calls), 'model call')}")
        if unpriced:
            text.append(f", {unpriced} of them without a price", "red")
        text.append(f" {glyphs.dot} ")
    processes = f" of {len(run.requests)} processes" if len(run.requests) > 1 else ""
    traces = len({span.trace_id for span in spans})
    text.append(
        f"{format_count(len(spans), 'span')} in {format_count(traces, 'trace')}{processes}"
        if spans
        else "no span was created"
    )
    lost = sum(note.get("lost", 0) for note in run.notes)
    if lost:
        text.append(f", {format_count(lost, 'span')} could not be recorded", "red")
    if run.status:
        text.append(f" {glyphs.dot} the program ended with status {run.status}", "red")
    return text


def budget_lines(balances: Sequence[Balance], spans: list[ReceivedSpan]) -> Iterator[Text]:
    """Yield what was used of each budget, and what calls it refused, changed or cut."""
    acted: dict[str, list[ReceivedSpan]] = defaultdict(list)
    for span in spans:
        if semconv.LLM_BUDGET_ACTION in span.attributes:
            acted[str(span.attributes.get(semconv.LLM_BUDGET_ID))].append(span)
    used: dict[tuple[str, str], int] = {(name, ""): 0 for name in acted}
    for balance in balances:
        named = parsed_key(balance.key)
        used.pop((named.budget, ""), None)
        used[named.budget, readable(named.key)] = balance.settled + balance.reserved
    for (name, key), femto in used.items():
        text = Text.assemble(("Budget ", "bold"), (name, "bold"), f" {key}".rstrip())
        text.append(f": {usd(usd_float(femto))} used")
        found = acted.get(name, [])
        if found:
            text.append(f" of {usd(found[0].attributes.get(semconv.LLM_BUDGET_LIMIT_USD, 0.0))}")
        refused = [span for span in found if span.attributes[semconv.LLM_BUDGET_ACTION] == "refused"]
        if refused:
            needed = sum(span.attributes.get(semconv.LLM_BUDGET_NEEDED_USD, 0.0) for span in refused)
            text.append(f"; {format_count(len(refused), 'call')} refused", "bold red")
            text.append(f", which needed up to {usd(needed)}")
        for action in ("changed", "cut"):
            if number := sum(span.attributes[semconv.LLM_BUDGET_ACTION] == action for span in found):
                text.append(f"; {format_count(number, 'call')} {action}")
        yield text


def why_nothing(run: Run, spans: list[ReceivedSpan]) -> str:
    """Return the reason why there is no model call to show, and the fix."""
    if run.faults:
        return "No cost was written, because a Python process did not take part:\n  " + "\n  ".join(run.faults)
    if not run.notes:
        return (
            "No Python process took part. The command must start a Python that reads PYTHONPATH "
            "(python -I, -E and -S do not), as in: spancost run -- python app.py"
        )
    on = ", ".join(sorted({name for note in run.notes for name in note["instrumented"]})) or "none"
    if not spans:
        return (
            "The program created no span and called no model through an instrumented client. Enabled: "
            f"{on}. Clients that use gRPC or websockets are not instrumented."
        )
    return f"None of the spans is a model call. Enabled instrumentations: {on}. Run `spancost doctor` for details."


def _by_cost(spans: list[ReceivedSpan]) -> list[list[ReceivedSpan]]:
    """Return the traces that have calls, the most expensive first, then the one with more calls."""
    traces: dict[str, list[ReceivedSpan]] = defaultdict(list)
    for span in spans:
        traces[span.trace_id].append(span)

    def weight(family: list[ReceivedSpan]) -> tuple[float, int]:
        calls = [span for span in family if tree.is_counted(span)]
        return -sum(span.attributes.get(semconv.LLM_REQUEST_COST_USD, 0.0) for span in calls), -len(calls)

    return sorted((family for family in traces.values() if any(map(tree.is_counted, family))), key=weight)


def _worth_showing(family: list[ReceivedSpan]) -> list[ReceivedSpan]:
    """Return the spans with cost attributes, and their ancestors."""
    above = {span.span_id: span.parent_id for span in family}
    kept: set[str] = set()
    for span in family:
        if semconv.LLM_COST_STATUS in span.attributes or semconv.LLM_SUBTREE_REQUESTS in span.attributes:
            at = span.span_id
            while at in above and at not in kept:
                kept.add(at)
                at = above[at]
    return [span for span in family if span.span_id in kept]


def _fixes(calls: list[ReceivedSpan]) -> Iterator[Text]:
    """Yield the reason and the fix for each model without a price, once."""
    unpriced: dict[tuple[str, str, str], int] = defaultdict(int)
    for span in calls:
        found = span.attributes
        if found.get(semconv.LLM_COST_STATUS) == "unpriced":
            keys = (semconv.LLM_COST_REASON, semconv.LLM_MODEL, semconv.LLM_PROVIDER)
            reason, model, provider = (str(found.get(key, "")) for key in keys)
            unpriced[reason, model, provider] += 1
    for (reason, model, provider), number in unpriced.items():
        text = Text.assemble(
            ("No price: ", "bold red"), (f"{model or 'no model'} at {provider or 'no provider'}", "bold")
        )
        text.append(f" ({reason}, {format_count(number, 'call')}). {fix(reason, provider, model)}")
        yield text
