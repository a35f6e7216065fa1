# SPDX-License-Identifier: Apache-2.0
"""`spancost outcomes`: cost per successful outcome."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import click

from spancost.cli.answer_forms import Cell, dollars, format_option, print_csv, print_json, print_table, share
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

MISSING = "(none)"


@click.command(name="outcomes")
@sources_argument
@click.option("--by", metavar="COLUMN[,COLUMN]", help="Group by these columns: feature, model, prompt_version, …")
@click.option("--per", type=click.Choice(["hour", "day", "week", "month"]), help="Also group by this period.")
@click.option("--success", default="success", show_default=True, help="The value of app.outcome that is a success.")
@click.option("--value", metavar="USD", help="What one success is worth; adds the margin.")
@selection_options
@format_option
@price_options
def command(
    sources: tuple[str, ...],
    by: str | None,
    per: str | None,
    success: str,
    value: str | None,
    form: str,
    **options: Any,
) -> None:
    """Show the cost per successful outcome of SOURCE..., by any column and period.

    The outcome is app.outcome of the work above a call, counted once for each trace. The cost includes the calls of
    traces without a success. A trace whose calls are in several groups counts in each of them.
    """
    worth = _amount(value)
    with refusals():
        choice = choice_of(options)
        selection, zone = selection_of(options, by)
        with calls_of(sources, choice) as calls:
            if per is not None:
                selection = load("spancost.reports.spend", "reports").with_period(calls.engine, selection, per, zone)
            rows = load("spancost.reports.outcomes", "reports").outcomes(calls.engine, selection, success)
            if not rows:
                why = load("spancost.reports.emptiness", "reports").why_empty(calls, selection)
                click.echo(why, err=form in ("json", "csv"))
                return
    if form in ("json", "csv"):
        (print_json if form == "json" else print_csv)([row.as_json(selection, worth) for row in rows])
        return
    keys = [selection.period.unit] if selection.period else []
    titles = ("cost", "traces", "outcomes", "successes", "success rate", "per success", *(("margin",) if worth else ()))
    columns = [*(Cell(name) for name in (*keys, *selection.names)), *(Cell(title, True) for title in titles)]
    cells = []
    for row in rows:
        period = [selection.period.label(row.spend.period)] if selection.period else []
        cells.append(
            [
                *(*period, *(MISSING if key is None else key for key in row.spend.keys)),
                dollars(row.spend.cost_usd),
                f"{row.traces:,}",
                f"{row.known:,}",
                f"{row.successes:,}",
                share(row.successes, row.known),
                dollars(row.cost_per_success) if row.successes else "",
                *((dollars(row.margin(worth)),) if worth is not None else ()),
            ]
        )
    print_table(columns, cells, form)
    if not any(row.known for row in rows):
        click.echo('No outcome is recorded; `spancost.record_outcome("success")` writes app.outcome.')


def _amount(value: str | None) -> Decimal | None:
    try:
        amount = None if value is None else Decimal(value)
    except InvalidOperation:
        refuse(f"--value: found {value!r}; expected an amount in USD, such as 0.50")
    if amount is not None and not amount.is_finite():
        refuse(f"--value: found {value!r}; expected an amount in USD, such as 0.50")
    return amount
