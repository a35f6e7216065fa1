# SPDX-License-Identifier: Apache-2.0
"""`spancost demo`: runs a small support agent and shows its costs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click

from spancost.cli.extra import load
from spancost.cli.output_file import OutputFile

_LOOP_BUDGET_USD = "0.05"


@click.command(name="demo")
@click.option("--spans", type=OutputFile(), help="Save the spans as OTLP JSON Lines.")
@click.option("--json", "as_json", is_flag=True, help="Print the spans as OTLP JSON Lines instead of the page.")
@click.option("--week", is_flag=True, help="Show reports of a generated week of a support product instead.")
@click.option("--width", type=click.IntRange(min=60), help="Width in columns; default: the terminal's.")
@click.option("--loop", "loops", is_flag=True, help="Show an agent that loops, and a budget that stops it.")
@click.option("--view", "is_viewed", is_flag=True, help="With --week: show the week on the local page at the end.")
def command(spans: Path | None, as_json: bool, week: bool, width: int | None, loops: bool, is_viewed: bool) -> None:
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
    if week:
        _show_week(spans, as_json, is_viewed)
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


_QUESTIONS = (
    ("What did the week cost, by feature?", ("report", "--by", "feature")),
    ("By tenant?", ("report", "--by", "workspace_id")),
    ("What does a success cost?", ("outcomes", "--by", "workspace_id")),
    ("What was most expensive, and why?", ("top", "traces", "-n", "3")),
)


def _show_week(spans: Path | None, as_json: bool, is_viewed: bool) -> None:
    """Generate the week and run the commands that answer these questions."""
    from spancost.testing.support_week import json_lines

    text = json_lines()
    if as_json:
        click.echo(text, nl=False)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = spans or Path(folder) / "week.jsonl"
        path.write_text(text, encoding="utf-8")
        commands = {name: load(f"spancost.cli.{name}", "reports").command for name in ("report", "outcomes", "top")}
        for question, (name, *arguments) in _QUESTIONS:
            click.echo(f"{question}  spancost {name} {' '.join([*arguments, 'week.jsonl'])}\n")
            commands[name].main([*arguments, str(path)], standalone_mode=False)
            click.echo()
        if is_viewed:
            load("spancost.cli.view", "reports").command.main([str(path)], standalone_mode=False)
        else:
            click.echo("See it on a page, down to the rate of a call: make demo VIEW=1, or spancost demo --week --view")
