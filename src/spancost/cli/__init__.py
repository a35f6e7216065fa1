# SPDX-License-Identifier: Apache-2.0
"""The `spancost` command. Each sub-command lives in a module of its name and is imported only when it is run."""

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
    "completion": "Print what completes commands and options in a shell.",
    "contract": "Check a contract and compile it for production.",
    "collector-config": "Print configuration for a Collector without our components.",
    "demo": "Show the main job on a small support agent; needs no key and no network.",
    "doctor": "Say what reads each span, what has no price, and what to do.",
    "enrich": "Put costs and totals on the spans of OTLP JSON files.",
    "explain": "Show how the cost of one call comes about.",
    "extract": "Read the usage off recorded HTTP exchanges.",
    "models": "List the models that the rate card knows, with their rates.",
    "price": "Price calls: JSON Lines in, JSON Lines out.",
    "run": "Run a Python program and show what it cost.",
    "verify": "Recompute every cost in a file; name each difference.",
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
        """Run the command; a file that cannot be read or written ends it in one sentence.

        A closed standard input is an empty one, and what goes to a closed standard output goes nowhere.
        """
        nowhere = Path(os.devnull)
        sys.stdin = sys.stdin or nowhere.open(encoding="utf-8")
        sys.stdout = sys.stdout or nowhere.open("w", encoding="utf-8")
        if isinstance(sys.stdout, TextIOWrapper):  # half a character in a span's name must not end the whole
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader has seen enough: click ends without a word
                raise
            _forget_output()
            raise click.ClickException(f"{error.filename or 'output'}: {error.strerror or error}") from error


def _forget_output() -> None:
    """Lead what standard output still holds to nowhere, so that it does not fail once more when the process ends."""
    with suppress(OSError):  # a stream without a descriptor holds nothing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="spancost")
def main() -> None:
    """A correct, versioned dollar cost on every LLM call in a trace, and totals on every span above it."""
