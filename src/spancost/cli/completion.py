# SPDX-License-Identifier: Apache-2.0
"""`spancost completion`: the script that completes commands and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_SPANCOST_COMPLETE"


@click.command(name="completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in SHELL.

    \b
    bash:  eval "$(spancost completion bash)"     in ~/.bashrc
    zsh:   eval "$(spancost completion zsh)"      in ~/.zshrc
    fish:  spancost completion fish | source      in ~/.config/fish/config.fish
    """
    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(ctx.find_root().command, {}, "spancost", _VARIABLE).source())
