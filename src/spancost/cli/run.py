# SPDX-License-Identifier: Apache-2.0
"""`spancost run`: runs any Python program with costs on its spans, and prints what it cost."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spancost.cli.emitters_option import dialects_of, emitters_option
from spancost.cli.extra import load
from spancost.cli.output_file import OutputFile
from spancost.cli.price import account_facts, card_named, checked_contract, contract_option

if TYPE_CHECKING:
    from spancost.run.program import Run
    from spancost.store.otlp_receiver import ReceivedSpan

_SETTINGS = ("SPANCOST_CARD", "SPANCOST_CONTRACT", "SPANCOST_EMITTERS", "SPANCOST_ACCOUNT_FACTS")

_BUDGET = "SPANCOST_BUDGET"


@click.command(name="run", context_settings={"allow_interspersed_args": False})
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Traces and table rows to show.")
@click.option("--save", type=OutputFile(), help="Save the spans as OTLP JSON Lines.")
@click.option("--width", type=click.IntRange(min=60), help="Width in columns; default: the terminal's.")
@click.option("--card", "card_name", metavar="FILE|VERSION", help="Use this rate card instead of SPANCOST_CARD.")
@contract_option
@emitters_option
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    metavar="[SUBJECT:]USD[/WINDOW]",
    help="Refuse model calls beyond this, such as 2, trace:0.50 or workspace_id:20/day; may be repeated.",
)
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD [ARG]...")
def command(
    top: int,
    save: Path | None,
    width: int | None,
    card_name: str | None,
    contract_path: Path | None,
    emitters_path: Path | None,
    budgets: tuple[str, ...],
    program: tuple[str, ...],
) -> None:
    """Run a Python program with costs on its spans, and show what it cost when it ends.

    The program does not change: its output, signals, exit status and exporters stay the same. Every tracer provider
    gets spancost's processor. Installed instrumentations and capture at the HTTP boundary are enabled. The costs are
    printed to standard error.

    \b
    spancost run -- python app.py
    spancost run --save spans.jsonl -- pytest tests/
    spancost run --budget 2 -- python agent.py
    """
    load("rich.console", "cli")
    with settings_in_environment(card_name, contract_path, emitters_path), budgets_in_environment(budgets):
        done, spans = run_program(program)
    console = load("rich.console", "cli").Console(width=width, highlight=False, stderr=True)
    load("spancost.cli.run_page", "cli").show(done, spans, top, console)
    if save is not None:
        save.write_text(otlp_lines(done), encoding="utf-8")
        click.echo(f"\n{len(spans):,} spans saved in {save}", err=True)
    sys.exit(done.status)


@contextmanager
def settings_in_environment(
    card_name: str | None, contract_path: Path | None = None, emitters_path: Path | None = None
) -> Iterator[None]:
    """Let the variables of these settings, and of the account facts of the command line, be set inside the block.

    A setting that is not given keeps its variable. A click error when a card or a file is unusable.
    """
    if card_name is not None:
        card_named(card_name)
    checked_contract(contract_path)
    if emitters_path is not None:
        dialects_of(emitters_path)
    before = {name: os.environ.get(name) for name in _SETTINGS}
    files = [_absolute(name) for name in (card_name, contract_path, emitters_path)]
    for name, value in zip(_SETTINGS, (*files, ",".join(account_facts()) or None), strict=True):
        if value is not None:
            os.environ[name] = value
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _absolute(name: str | Path | None) -> str | None:
    """Return the absolute path of a file, because a program may change its directory; any other name unchanged."""
    if name is None:
        return None
    path = Path(name).expanduser()
    return str(path.absolute()) if path.exists() else str(name)


@contextmanager
def budgets_in_environment(lines: tuple[str, ...]) -> Iterator[None]:
    """Add *lines* to `SPANCOST_BUDGET` inside the block; a usage error for a wrong one."""
    before = os.environ.get(_BUDGET)
    if lines:
        from spancost.config.budgets import BudgetError, of_lines

        try:
            of_lines(lines, "--budget")
        except BudgetError as error:
            raise click.UsageError(str(error)) from None
        os.environ[_BUDGET] = ",".join([*filter(None, [before]), *lines])
    try:
        yield
    finally:
        os.environ.pop(_BUDGET, None)
        if before is not None:
            os.environ[_BUDGET] = before


def run_program(program: tuple[str, ...]) -> tuple[Run, list[ReceivedSpan]]:
    """Run *program* to its end; return its result and its spans. Exits like a shell when it cannot be started."""
    running = import_module("spancost.run.program")
    receiver = import_module("spancost.store.otlp_receiver")
    try:
        done: Run = running.run(program)
    except running.ProgramError as error:
        hint = f" (did you mean: spancost run -- python {program[0]})" if program[0].endswith(".py") else ""
        click.echo(f"Error: {error}; expected a command{hint}", err=True)
        sys.exit(error.status)
    return done, [span for request in done.requests for span in receiver.spans_of(request)]


def otlp_lines(done: Run) -> str:
    """Return the spans of a program as OTLP JSON, one request a line."""
    receiver = import_module("spancost.store.otlp_receiver")
    lines = (json.dumps(receiver.otlp_json(request), separators=(",", ":")) for request in done.requests)
    return "".join(f"{line}\n" for line in lines)
