# SPDX-License-Identifier: Apache-2.0
"""`spancost top`: what costs most, and why."""

from __future__ import annotations

from typing import Any

import click

from spancost.cli.answer_forms import Cell, dollars, format_option, print_csv, print_json, print_table
from spancost.cli.extra import load
from spancost.cli.source_options import (
    calls_of,
    choice_of,
    price_options,
    refusals,
    selection_of,
    selection_options,
    sources_argument,
)

_HIDDEN = {"span_id", "operation", "session_id", "provider"}


@click.command(name="top")
@click.argument("kind", type=click.Choice(["calls", "traces", "sessions", "prompts", "users"]))
@sources_argument
@click.option("-n", "number", type=click.IntRange(1), default=10, show_default=True, help="How many.")
@selection_options
@format_option
@price_options
def command(kind: str, sources: tuple[str, ...], number: int, form: str, **options: Any) -> None:
    """Show the most expensive calls, traces, sessions, prompts or users of SOURCE..., and what drives their cost.

    Users are the values of app.user_id, or of app.workspace_id when no call has the former.
    """
    with refusals():
        choice = choice_of(options)
        selection, _ = selection_of(options)
        with calls_of(sources, choice) as calls:
            entries = load("spancost.reports.top", "reports").top(calls.engine, selection, kind, number)
            if not entries:
                why = load("spancost.reports.emptiness", "reports").why_empty(calls, selection, kind)
                click.echo(why, err=form in ("json", "csv"))
                return
    if form in ("json", "csv"):
        (print_json if form == "json" else print_csv)([entry.as_json() for entry in entries])
        return
    names = [name for name in entries[0].keys if name not in _HIDDEN]
    columns = [Cell("cost", True), *(Cell(name) for name in names), Cell("why")]
    rows = [
        [
            dollars(entry.totals["cost_usd"]),
            *(_shown(name, entry.keys.get(name)) for name in names),
            entry.why,
        ]
        for entry in entries
    ]
    print_table(columns, rows, form)


def _shown(name: str, value: str | None) -> str:
    if value is None:
        return ""
    return f"{value[:19]}Z" if name == "started_at" else value
