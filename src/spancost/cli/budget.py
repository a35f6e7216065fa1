# SPDX-License-Identifier: Apache-2.0
"""`spancost budget`: checks a file of budgets, and shows what a store holds of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from spancost.config import budgets as written
from spancost.config import data
from spancost.config.settings import load
from spancost.core.budget.ledger import Balance
from spancost.core.budget.limit import Limit, parsed_key, readable
from spancost.core.budget.windows import ROLLING
from spancost.core.money import usd_text

_FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the output.",
)
_SECOND_NS = 10**9


@click.group(name="budget")
def command() -> None:
    """Check a file of budgets, and show what is used of them."""


@command.command(name="check")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@_FORMAT
def check(path: Path, form: str) -> None:
    """Check the budgets in FILE and list them.

    Exit status 1: the file is wrong; standard error names the line and the key. 2: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        click.echo(f"Error: {path}: found a file that cannot be read ({error}); expected budgets", err=True)
        sys.exit(2)
    try:
        limits = written.parse(str(path), text)
    except written.BudgetError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    for sentence in _doubts(limits):
        click.echo(f"warning: {sentence}", err=True)
    for limit in limits:
        click.echo(json.dumps(_row_of(limit)) if form == "json" else _sentence(limit))


@command.command(name="status")
@click.option("--store", metavar="URL", help="The store of the budgets instead of SPANCOST_BUDGET_STORE.")
@click.option(
    "--budgets", "path", metavar="FILE", type=click.Path(path_type=Path), help="Show the limits of this file too."
)
@_FORMAT
def status(store: str | None, path: Path | None, form: str) -> None:
    """Show what is settled and reserved in a store that processes share.

    Budgets in memory are in their process only: there, `spancost.budget_status()` returns them.
    """
    from spancost.control.budgets.store_url import store_of

    settings = load()
    address = store or settings.budget_store
    try:
        limits = {limit.id: limit for limit in written.of_settings(settings, path)}
        if address is None or address == "memory":
            raise written.BudgetError(
                "budget status: found no store that processes share; expected --store URL or SPANCOST_BUDGET_STORE"
            )
        opened = store_of(address)
        balances = opened.balances()
        opened.close()
    except (written.BudgetError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    rows = [_balance_row(balance, limits) for balance in sorted(balances)]
    if form == "json":
        for row in rows:
            click.echo(json.dumps(row))
    elif not rows:
        click.echo("No budget was used in the current windows.")
    else:
        for line in _table(rows):
            click.echo(line)


def _row_of(limit: Limit) -> dict[str, Any]:
    window = limit.window
    return {
        "id": limit.id,
        "limit_usd": usd_text(limit.femto),
        "window": window.kind,
        "rolling_seconds": window.length_ns // _SECOND_NS if window.kind == ROLLING else None,
        "timezone": str(window.zone),
        "match": {key: list(patterns) for key, patterns in limit.match.items()},
        "per": list(limit.per),
        "warn_at": [float(share) for share in limit.warn_at],
        "at_limit": limit.at_limit,
        "degrade": None
        if limit.degrade is None
        else {"model": limit.degrade[0], "max_output_tokens": limit.degrade[1]},
        "overrun": "one_call" if limit.may_cross else "none",
        "unknown_price": limit.unknown_price,
        "on_store_failure": limit.on_store_failure,
    }


def _sentence(limit: Limit) -> str:
    row = _row_of(limit)
    window = f"rolling {row['rolling_seconds']} s" if limit.window.kind == ROLLING else f"per {limit.window.kind}"
    zone = "" if row["timezone"] == "UTC" else f" ({row['timezone']})"
    whose = f" for each {', '.join(limit.per)}" if limit.per else ""
    which = ", ".join(f"{key}={'|'.join(patterns)}" for key, patterns in limit.match.items()) or "all calls"
    return f"{limit.id}: {row['limit_usd']} USD {window}{zone}{whose}; {which}; at the limit: {limit.at_limit}"


def _doubts(limits: tuple[Limit, ...]) -> Iterator[str]:
    """Yield what is valid and probably not meant."""
    card = data.default_card()
    for limit in limits:
        for provider in limit.match.get("provider", ()):
            if "*" not in provider and card.provider_names.canonical(provider) is None:
                yield f"budget {limit.id}, match.provider: {provider} is not on the rate card"
        if limit.at_limit not in ("block", "warn"):
            yield f"budget {limit.id}, at_limit: {limit.at_limit} must be registered by the program"


def _balance_row(balance: Balance, limits: dict[str, Limit]) -> dict[str, Any]:
    name = parsed_key(balance.key)
    limit = limits.get(name.budget)
    used = balance.settled + balance.reserved
    return {
        "budget": name.budget,
        "key": readable(name.key),
        "window": name.window,
        "period": name.period or None,
        "used_usd": usd_text(used),
        "settled_usd": usd_text(balance.settled),
        "reserved_usd": usd_text(balance.reserved),
        "expired_usd": usd_text(balance.expired),
        "limit_usd": None if limit is None else usd_text(limit.femto),
        "at": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
    }


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    columns = ("budget", "key", "window", "period", "settled_usd", "reserved_usd", "limit_usd")
    shown = [[str(row[column] if row[column] is not None else "") for column in columns] for row in rows]
    widths = [max(len(column), *(len(row[place]) for row in shown)) for place, column in enumerate(columns)]
    for row in [list(columns), *shown]:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
