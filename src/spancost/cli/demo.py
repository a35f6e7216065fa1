# SPDX-License-Identifier: Apache-2.0
"""`spancost demo`: runs a small support agent and shows its costs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from spancost.cli.extra import load
from spancost.cli.output_file import OutputFile

_LOOP_BUDGET_USD = "0.05"


@click.command(name="demo")
@click.option("--spans", type=OutputFile(), help="Save the spans as OTLP JSON Lines.")
@click.option("--json", "as_json", is_flag=True, help="Print the spans as OTLP JSON Lines instead of the page.")
@click.option("--width", type=click.IntRange(min=60), help="Width in columns; default: the terminal's.")
@click.option("--loop", "loops", is_flag=True, help="Show an agent that loops, and a budget that stops it.")
def command(spans: Path | None, as_json: bool, width: int | None, loops: bool) -> None:
    """Run a small support agent and show what its calls cost.

    Real clients call a provider server on loopback. A real instrumentation creates the spans, spancost prices them,
    and the real exporter sends them to a receiver on loopback. No key and no network are needed.
    """
    if loops:
        if spans is not None or as_json:
            raise click.UsageError("--loop prints a page only; found --spans or --json")
        scene = load("spancost.demo.loop", "demo")
        stopped, unbounded = scene.run(_LOOP_BUDGET_USD), scene.run(None)
        console = load("rich.console", "demo").Console(width=width, highlight=False)
        load("spancost.demo.loop_page", "demo").show(stopped, unbounded, console)
        return
    session = load("spancost.demo.session", "demo").run()
    if spans is not None:
        spans.write_text(session.otlp_lines, encoding="utf-8")
    if as_json:
        click.echo(session.otlp_lines, nl=False)
        return
    console = load("rich.console", "demo").Console(width=width, highlight=False)
    load("spancost.demo.page", "demo").show(session, console)
    if spans is not None:
        lines = len([json.loads(line) for line in session.otlp_lines.splitlines()])
        click.echo(f"{len(session.spans)} spans in {lines} requests saved in {spans}")
