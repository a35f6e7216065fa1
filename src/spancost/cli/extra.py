# SPDX-License-Identifier: Apache-2.0
"""Imports of modules that need an extra of the package."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


def load(name: str, extra: str) -> Any:
    """Return the module *name*; a click error names *extra* when one of its packages is missing."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("spancost"):
            raise
        raise click.ClickException(
            f"found no module {error.name}; expected the {extra} extra: pip install 'spancost[{extra}]'"
        ) from None
