# SPDX-License-Identifier: Apache-2.0
"""The `spancost` command. Each sub-command is a module with its name, imported when the sub-command runs."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from spancost import __version__

_COMMANDS = {
    "anomalies": "Find loops, retries, lost caches and other anomalies of spend.",
    "bill": "Fetch the bill of a provider, and show what a bill says.",
    "budget": "Check a file of budgets, and show what is used of them.",
    "clickhouse": "Print and check what reports need in ClickHouse.",
    "collector-config": "Print configuration for a Collector without spancost components.",
    "compare": "Compare cost and quality of the arms of an experiment.",
    "completion": "Print what completes commands and options in a shell.",
    "contract": "Check a contract and compile it for production.",
    "demo": "Run a small support agent and show its costs; needs no key and no network.",
    "doctor": "Show how each span is read, which calls have no price, and how to fix it.",
    "enrich": "Put costs and totals on the spans of OTLP JSON files.",
    "explain": "Show how the cost of one call is computed.",
    "extract": "Read the usage from recorded HTTP exchanges.",
    "focus": "Write calls as a FOCUS Cost and Usage file.",
    "forecast": "Forecast the total of the month, with intervals.",
    "load": "Decode spans once into a folder of Parquet tables.",
    "models": "List the models on the rate card with their rates.",
    "outcomes": "Show the cost per successful outcome.",
    "price": "Price calls: JSON Lines in, JSON Lines out.",
    "reconcile": "Compare calls with the bills of their providers.",
    "report": "Show what calls cost, by any column and period.",
    "run": "Run a Python program and show what it cost.",
    "top": "Show the most expensive calls, traces, sessions, prompts or users.",
    "tree": "Show one trace with the cost of every call and subtree.",
    "verify": "Recompute every cost in a file and report each difference.",
    "view": "Show spend on a local page, down to the trace, the span and the rate.",
    "whatif": "Show what calls would have cost with another model, cache, tier or card.",
}


class _LazyGroup(click.Group):
    """A group whose sub-commands are the `command` of `spancost.cli.<name>`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"spancost.cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. A file that cannot be read or written is reported in one sentence.

        A closed standard input counts as empty. Output to a closed standard output is discarded.
        """
        nowhere = Path(os.devnull)
        sys.stdin = sys.stdin or nowhere.open(encoding="utf-8")
        sys.stdout = sys.stdout or nowhere.open("w", encoding="utf-8")
        if isinstance(sys.stdout, TextIOWrapper):  # a lone surrogate in a span's name must not stop the command
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader closed the pipe: click exits silently
                raise
            _forget_output()
            raise click.ClickException(f"{error.filename or 'output'}: {error.strerror or error}") from error


def _forget_output() -> None:
    """Send buffered output to the null device, so that flushing at exit does not fail again."""
    with suppress(OSError):  # a stream without a descriptor has no buffer
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="spancost")
def main() -> None:
    """Put an exact, versioned dollar cost on every LLM call in a trace, and totals on every span above it."""
