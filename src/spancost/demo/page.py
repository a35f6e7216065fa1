# SPDX-License-Identifier: Apache-2.0
"""The page of `spancost demo`: the trace as a tree, the bill, calls without a price, and costs by group."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.text import Text

from spancost.core import reasons, semconv
from spancost.demo import groups, tree
from spancost.demo.session import Session
from spancost.demo.tables import Glyphs, glyphs_of, group_table, trace_table, usd
from spancost.store.otlp_receiver import ReceivedSpan

MAX_WIDTH = 124
TEXT_WIDTH = 96
"""Maximum line width of text."""


def show(session: Session, console: Console) -> None:
    """Print the page to *console*; it fits 80 columns and uses up to `MAX_WIDTH`."""
    console.width = min(console.width, MAX_WIDTH)
    glyphs = glyphs_of(console)
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
    yield trace_table(rows, width, glyphs)
    yield _agreement(session, rows)
    for span in session.spans:
        if span.attributes.get(semconv.LLM_COST_STATUS) == "unpriced":
            yield _remedy(span)
    yield group_table("Cost by feature", groups.by(semconv.APP_FEATURE, session.spans), width, glyphs)
    yield group_table("Cost by model", groups.by(semconv.LLM_MODEL, session.spans), width, glyphs)
    yield _provenance(session)


def _agreement(session: Session, rows: list[tree.Row]) -> Text:
    root = next(span for span in session.spans if not span.parent_id)
    billed = float(sum(charge.usd for charge in session.charges if charge.usd is not None))
    traced = root.attributes.get(semconv.LLM_TRACE_COST_USD, 0.0)
    text = Text.assemble("The providers' bill for the priced calls: ", (usd(billed), "bold"), "; the trace total is ")
    if billed == traced:
        text.append("the same", "bold green")
    else:
        text.append(f"{usd(traced)}, MISMATCH", "bold red")
    repeats = sum(row.kind == tree.REPEAT for row in rows)
    text.append(". ")
    if repeats:
        text.append(f"{repeats} calls were reported twice, by OpenInference and by the anthropic client: counted once.")
    return text


def _remedy(span: ReceivedSpan) -> Text:
    """Return why *span* has no price, and the fix."""
    found = span.attributes
    model, provider = found[semconv.LLM_MODEL], found[semconv.LLM_PROVIDER]
    reason = found[semconv.LLM_COST_REASON]
    text = Text.assemble(("No price: ", "bold red"), (f"{model} at {provider}", "bold"))
    text.append(f" ({reason}). {reasons.SENTENCES.get(reason, '')} The totals include its tokens but not ")
    text.append("its cost, and llm.trace_cost_complete is false. To price it:\n")
    text.append("  1. write its price to prices.yaml, in USD per million tokens:\n")
    text.append("       contract: 1\n       name: own-models\n       terms:\n       - id: own-model\n", "cyan")
    text.append(f"         match: {{provider: {provider}, model: {model}}}\n", "cyan")
    text.append("         prices: {input_tokens: 0.40, output_tokens: 1.60}\n", "cyan")
    text.append("  2. spancost contract prices.yaml --output prices.json\n")
    text.append("  3. set SPANCOST_CONTRACT=prices.json where your service runs")
    return text


def _provenance(session: Session) -> Text:
    key = semconv.LLM_PRICING_VERSION
    version = next(span.attributes[key] for span in session.spans if key in span.attributes)
    text = Text.assemble(("List price, not an invoice. ", "bold"), f"Prices {version} ({key}): with a span and that ")
    text.append("version every cost can be recomputed later, offline. In your own service, add one line:\n")
    return text.append("  provider.add_span_processor(LLMCostProcessor())", "cyan")
