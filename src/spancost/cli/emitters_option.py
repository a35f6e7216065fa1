# SPDX-License-Identifier: Apache-2.0
"""The option of every command that reads spans: a file of emitters without a built-in dialect."""

from __future__ import annotations

from pathlib import Path

import click

from spancost.config import data, emitters
from spancost.core.dialect.dialects import Dialects
from spancost.core.dialect.emitters import EmitterError

emitters_option = click.option(
    "--emitters",
    "emitters_path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file (YAML or JSON) that describes emitters without a built-in dialect.",
)


def dialects_of(emitters_path: Path | None, read_responses: bool = True) -> Dialects:
    """Return the dialects, with those of the file of emitters before them; a click error when it is unusable."""
    try:
        return data.dialects(read_responses, None if emitters_path is None else emitters.load(emitters_path))
    except EmitterError as error:
        raise click.ClickException(str(error)) from error
