# SPDX-License-Identifier: Apache-2.0
"""The option type of files that a command writes when it ends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


class OutputFile(click.Path):
    """The path of an output file. A missing or read-only folder is reported before the command runs."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; a usage error names it when nothing can be written there."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"{value!r}: found no folder {str(path.parent)!r}; expected one that exists", param, ctx)
        if not path.exists() and not os.access(path.parent, os.W_OK):
            self.fail(f"{value!r}: the folder {str(path.parent)!r} cannot be written to", param, ctx)
        return path
