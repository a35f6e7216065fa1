# SPDX-License-Identifier: Apache-2.0
"""The budgets that the local page and the HTML report show: those of a file, or of the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from spancost.cli.source_options import refuse

Command = Callable[..., Any]


def budgets_option(command: Command) -> Command:
    """Add --budgets FILE."""
    return click.option(
        "--budgets",
        "budgets_path",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Show the budgets of this file instead of those of SPANCOST_BUDGETS.",
    )(command)


def budgets_to_show(path: Path | None) -> Any:
    """Return the budgets of the page (`web.budgets_panel.Budgets`); wrong ones exit with a sentence."""
    from spancost.config.budgets import BudgetError, of_settings
    from spancost.config.pricers import highest_of
    from spancost.config.settings import load
    from spancost.web.budgets_panel import Budgets

    settings = load()
    address = settings.budget_store
    try:
        limits = of_settings(settings, path)
        store = None
        if limits and address is not None and address != "memory":
            from spancost.control.budgets.store_url import store_of

            store = store_of(address)
    except BudgetError as error:
        refuse(str(error))
    return Budgets(limits, highest_of(settings), None if store is None else store.balances)
