# SPDX-License-Identifier: Apache-2.0
"""Modules that only some commands need, and that an extra of the package brings."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


def load(name: str, extra: str) -> Any:
    """Return the module *name*; a click error names *extra* when a package that it brings is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("spancost"):
            raise
        raise click.ClickException(
            f"found no module {error.name}; expected the {extra} extra: pip install 'spancost[{extra}]'"
        ) from None
