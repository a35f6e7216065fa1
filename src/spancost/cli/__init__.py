# SPDX-License-Identifier: Apache-2.0
"""The `spancost` command. Each sub-command lives in a module of its name and is imported only when it is run."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

_COMMANDS = {
    "contract": "Check a contract and compile it for production.",
    "collector-config": "Print configuration for a Collector without our components.",
    "demo": "Show the main job on a small support agent; needs no key and no network.",
    "doctor": "Say what reads each span, what has no price, and what to do.",
    "enrich": "Put costs and totals on the spans of OTLP JSON files.",
    "explain": "Show how the cost of one call comes about.",
    "extract": "Read the usage off recorded HTTP exchanges.",
    "price": "Price calls: JSON Lines in, JSON Lines out.",
    "run": "Run a Python program and show what it cost.",
    "verify": "Recompute every cost in a file; name each difference.",
}


class _LazyGroup(click.Group):
    """A group whose sub-commands are the `command` of `spancost.cli.<name>`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in _COMMANDS if _exists(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS or not _exists(cmd_name):
            return None
        command = import_module(f"spancost.cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name]) for name in self.list_commands(ctx)])


def _exists(name: str) -> bool:
    return find_spec(f"spancost.cli.{name.replace('-', '_')}") is not None


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="spancost")
def main() -> None:
    """A correct, versioned dollar cost on every LLM call in a trace, and totals on every span above it."""
