# SPDX-License-Identifier: Apache-2.0
"""`spancost tree`: one trace with the cost of every call and subtree."""

from __future__ import annotations

from typing import Any

import click

from spancost.cli.answer_forms import Cell, dollars, format_option, print_csv, print_json, print_table
from spancost.cli.extra import load
from spancost.cli.source_options import calls_of, choice_of, price_options, refusals, sources_argument


@click.command(name="tree")
@click.argument("trace_id")
@sources_argument
@click.option("--all", "is_all", is_flag=True, help="Show every call; by default repeated ones are folded.")
@format_option
@price_options
def command(trace_id: str, sources: tuple[str, ...], is_all: bool, form: str, **options: Any) -> None:
    """Show the calls of trace TRACE_ID of SOURCE... and the spans above them, with the cost of each subtree.

    Four or more calls in a row of one operation and model are one line ("60 × chat gpt-5-mini"). TRACE_ID may be the
    first 8 digits or more.
    """
    with refusals():
        choice = choice_of(options)
        with calls_of(sources, choice) as calls:
            nodes = load("spancost.reports.tree", "reports").tree(calls.engine, trace_id, not is_all)
    if form in ("json", "csv"):
        (print_json if form == "json" else print_csv)([node.as_json() for node in nodes])
        return
    columns = [Cell("span"), *(Cell(name, True) for name in ("cost", "calls", "input", "output", "seconds")), Cell("")]
    rows = [
        [
            "  " * node.depth + node.name,
            dollars(node.cost_usd),
            f"{node.calls:,}" if node.calls > 1 else "",
            f"{node.input_tokens:,}",
            f"{node.output_tokens:,}",
            f"{node.duration_ns / 1e9:.1f}",
            ", ".join(filter(None, (node.status if node.status != "priced" else "", node.reason))),
        ]
        for node in nodes
    ]
    print_table(columns, rows, form)
