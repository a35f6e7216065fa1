# SPDX-License-Identifier: Apache-2.0
"""`spancost report`: what calls cost, by any column and period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spancost.cli.answer_forms import FORMS, Cell, dollars, form_option, print_csv, print_json, print_table, share
from spancost.cli.extra import load
from spancost.cli.page_budgets import budgets_option, budgets_to_show
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

if TYPE_CHECKING:
    from spancost.reports.previous import Compared
    from spancost.reports.selection import Selection
    from spancost.reports.spend import Coverage, SpendRow
    from spancost.store.calls import Calls
    from spancost.web.budgets_panel import Budgets

MISSING = "(none)"


@click.command(name="report")
@sources_argument
@click.option("--by", metavar="COLUMN[,COLUMN]", help="Group by these columns: feature, model, team, app.anything, …")
@click.option("--per", type=click.Choice(["hour", "day", "week", "month"]), help="Also group by this period.")
@click.option("--compare-previous", "is_compared", is_flag=True, help="Compare with the same time before --since.")
@selection_options
@form_option(*FORMS, "html")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where html is written.")
@budgets_option
@price_options
def command(
    sources: tuple[str, ...],
    by: str | None,
    per: str | None,
    is_compared: bool,
    form: str,
    out: Path | None,
    budgets_path: Path | None,
    **options: Any,
) -> None:
    """Show spend, tokens and calls of SOURCE..., by any column and period.

    SOURCE is OTLP JSON or protobuf (plain, gzip, zstd; - is standard input), a pattern, or a folder that `spancost
    load` wrote. Spans without costs are priced by the newest rate card. The rows add up to the whole.

    With --format html, FILE is one page with charts and tables that opens from disk without a network.
    """
    with refusals():
        if (form == "html") != (out is not None):
            found = "none; expected a file for --format html" if out is None else f"{out}; expected --format html"
            refuse(f"--out: found {found}")
        choice = choice_of(options)
        selection, zone = selection_of(options, by)
        with calls_of(sources, choice) as calls:
            spend = load("spancost.reports.spend", "reports")
            if out is not None:
                write_page(calls, selection, budgets_to_show(budgets_path), zone, out)
                return
            if per is not None:
                selection = spend.with_period(calls.engine, selection, per, zone)
            if is_compared:
                _compare(calls, selection, form)
                return
            rows = spend.spend(calls.engine, selection)
            if not rows:
                why = load("spancost.reports.emptiness", "reports").why_empty(calls, selection)
                click.echo(why, err=form in ("json", "csv"))
            elif form in ("json", "csv"):
                (print_json if form == "json" else print_csv)([row.as_json(selection) for row in rows])
            else:
                _print_table(rows, spend.total(rows), selection, form)
                known = spend.coverage_of(rows, selection) or spend.coverage(calls.engine, selection)
                print_coverage(known)


def choice_by(selection: Selection) -> str:
    """Return the column by which a page is stacked: the first of --by, else the feature."""
    return selection.by[0] if selection.by else "feature"


def write_page(calls: Calls, selection: Selection, budgets: Budgets, zone: str, out: Path) -> None:
    """Write the report as one HTML file, in one step: a broken run leaves no half of it."""
    from spancost.config import detectors
    from spancost.web.budgets_panel import budgets_panel
    from spancost.web.overview import overview, works
    from spancost.web.questions import anomalies_of
    from spancost.web.single_file import single_file

    plain = selection._replace(by=(), names=(), period=None)
    data = overview(calls.engine, plain, choice_by(selection), zone)
    answers = {
        "overview": data,
        "works": works(calls.engine, plain),
        "budgets": budgets_panel(calls.engine, plain, budgets),
        "anomalies": anomalies_of(calls.engine, plain, detectors.rules(None)),
    }
    where = [f"{name}={value or ''}" for name, values in plain.where.items() for value in values]
    filters = {"since": data.get("first") if plain.since_ns else None, "until": data.get("last"), "where": where}
    text = single_file(answers, filters, "Spend")
    part = out.with_name(out.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(out)


def _compare(calls: Calls, selection: Selection, form: str) -> None:
    """Print each group now and in the time before."""
    now = int(datetime.now(timezone.utc).timestamp()) * 1_000_000_000
    rows = load("spancost.reports.previous", "reports").compared(calls.engine, selection, now)
    if not rows:
        why = load("spancost.reports.emptiness", "reports").why_empty(calls, selection)
        click.echo(why, err=form in ("json", "csv"))
    elif form in ("json", "csv"):
        (print_json if form == "json" else print_csv)([row.as_json(selection) for row in rows])
    else:
        titles = ("cost", "before", "change", "in %", "calls", "before")
        columns = [*(Cell(name) for name in selection.names), *(Cell(title, True) for title in titles)]
        print_table(columns, [_compared_cells(row) for row in rows], form)


def _compared_cells(row: Compared) -> list[str]:
    one = row.now or row.before
    assert one is not None
    costs = [Decimal(0) if each is None else each.cost_usd for each in row]
    return [
        *(MISSING if key is None else key for key in one.keys),
        *(dollars(cost) for cost in costs),
        "" if row.change is None else ("+" if row.change > 0 else "") + dollars(row.change),
        "" if row.change is None or not costs[1] else share(row.change, costs[1]),
        *("0" if each is None else f"{each.calls:,}" for each in row),
    ]


def _print_table(rows: Sequence[SpendRow], total: SpendRow, selection: Selection, form: str) -> None:
    keys = [Cell(name) for name in ((selection.period.unit,) if selection.period else ())]
    keys += [Cell(name) for name in selection.names]
    titles = ("cost", "share", "calls", "per call", "input", "cached", "output")
    cells = [[*_keys(row, selection), *_totals(row, total)] for row in rows]
    columns = [*keys, *(Cell(title, True) for title in titles)]
    if len(rows) > 1:
        cells.append([*(("total", *[""] * (len(keys) - 1)) if keys else ()), *_totals(total, total)])
    print_table(columns, cells, form, len(rows))


def _keys(row: SpendRow, selection: Selection) -> list[str]:
    period = [] if selection.period is None or row.period is None else [selection.period.label(row.period)]
    return [*period, *(MISSING if key is None else key for key in row.keys)]


def _totals(row: SpendRow, total: SpendRow) -> list[str]:
    priced = row.calls - row.unpriced_calls
    return [
        dollars(row.cost_usd),
        share(row.cost_usd or 0, total.cost_usd or 0),
        f"{row.calls:,}",
        dollars(row.cost_usd / priced) if row.cost_usd is not None and priced else "",
        f"{row.input_tokens:,}",
        share(row.cached_input_tokens, row.input_tokens),
        f"{row.output_tokens:,}",
    ]


def print_coverage(known: Coverage) -> None:
    """Print how much of the calls is unpriced, partial, estimated and untagged."""
    shares = ", ".join(
        f"{name} {share(count, known.calls)}{f' ({count:,})' if count else ''}"
        for name, count in (("unpriced", known.unpriced), ("partial", known.partial), ("estimated", known.estimated))
    )
    untagged = f"without app.feature {share(known.untagged, known.calls)}"
    if known.untagged:
        untagged += f" ({known.untagged:,}, {dollars(known.untagged_cost_usd)})"
    click.echo(f"{known.calls:,} calls: {shares}, {untagged}.")
