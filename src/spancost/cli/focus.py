# SPDX-License-Identifier: Apache-2.0
"""`spancost focus`: calls as a FOCUS Cost and Usage file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from spancost.cli.bill import bill_errors
from spancost.cli.extra import load
from spancost.cli.source_options import (
    calls_of,
    choice_of,
    price_options,
    refusals,
    refuse,
    selection_of,
    selection_options,
    sources_argument,
)


@click.command(name="focus")
@sources_argument
@click.option("--version", default="1.2", show_default=True, metavar="1.2|1.3|1.4", help="Version of the columns.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A .csv or .parquet file.",
)
@click.option("--account", envvar="SPANCOST_BILLING_ACCOUNT", metavar="ID", help="BillingAccountId of all rows.")
@click.option("--account-name", metavar="NAME", help="BillingAccountName; by default the id.")
@click.option("--sub-account", metavar="ID", help="SubAccountId of all rows.")
@click.option(
    "--bill",
    "bills",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take BilledCost from this bill.",
)
@click.option(
    "--allocate", metavar="tokens|calls|cost", help="Spread lines of the bill that no call carries by this rule."
)
@selection_options
@price_options
def command(sources: tuple[str, ...], version: str, out: Path, bills: tuple[Path, ...], **options: Any) -> None:
    """Write the calls of SOURCE... as a FOCUS Cost and Usage file: one row a day, model, meter, tier and set of tags.

    The costs of the rows add up to those of the calls exactly. BilledCost is an estimate (x_Basis) until --bill gives
    the amount of the invoice. Calls without a price stay, with their quantities in x_ConsumedQuantity.
    """
    identity = [options.pop(name) for name in ("account", "account_name", "sub_account")]
    rule = options.pop("allocate")
    with refusals(), bill_errors():
        if identity[0] is None:
            refuse("--account: found none; expected the id of the billing account (or SPANCOST_BILLING_ACCOUNT)")
        if rule is not None and not bills:
            refuse("--allocate: found no --bill; expected one with the costs to spread")
        choice = choice_of(options)
        selection, _ = selection_of(options)
        focus = load("spancost.bills.focus_rows", "reports")
        columns = focus.columns_of(version)
        with calls_of(sources, choice) as calls:
            rows = list(focus.focus_rows(calls.engine, selection, focus.Account(*identity), choice))
            if bills:
                rows = _settled(rows, bills, rule)
            count = load("spancost.bills.focus_file", "reports").write_focus(out, columns, rows)
    click.echo(f"{out}: {count:,} rows of FOCUS {version}", err=True)


def _settled(rows: list[dict[str, Any]], bills: tuple[Path, ...], rule: str | None) -> list[dict[str, Any]]:
    from spancost.bills.reader import read_bills
    from spancost.bills.settle import allocated, settled
    from spancost.bills.sides import bill_sides

    sides, others = bill_sides(read_bills(bills))
    found = settled(rows, sides)
    return found if rule is None else [*found, *allocated(found, others, rule)]
