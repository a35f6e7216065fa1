# SPDX-License-Identifier: Apache-2.0
"""`spancost bill`: fetch a bill, and show what it says and which of its lines no rule knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spancost.cli import bill_fetch
from spancost.cli.answer_forms import Cell, print_csv, print_json, print_table
from spancost.cli.source_options import refuse

if TYPE_CHECKING:
    from spancost.bills.line import Bill, BillLine

_SHOWN = 20


@click.group(name="bill")
def command() -> None:
    """Fetch and read bills and usage reports of providers."""


command.add_command(bill_fetch.command)


@command.command(name="show")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--format", "form", type=click.Choice(("table", "json", "csv", "md")), default="table", show_default=True)
def show(files: tuple[Path, ...], form: str) -> None:
    """Show what was understood of each FILE: quantities and amounts by model and meter, and lines that no rule knows.

    A FILE is CSV, JSON, JSON Lines or Parquet, plain, in gzip or in a ZIP, as the provider exports it.
    """
    from spancost.bills.reader import read_bill

    with bill_errors():
        is_summed = form not in ("json", "csv")
        bills = [bill for path in files for bill in read_bill(path, is_summed)]
    if form in ("json", "csv"):
        rows = [line_json(line) for bill in bills for line in bill.lines]
        (print_json if form == "json" else print_csv)(rows)
        return
    for index, bill in enumerate(bills):
        if index:
            click.echo()
        _print(bill, form)


@contextmanager
def bill_errors() -> Iterator[None]:
    """Turn an error about a bill into one sentence on standard error and exit status 2."""
    from spancost.bills.line import BillError

    try:
        yield
    except BillError as error:
        refuse(str(error))


def line_json(line: BillLine) -> dict[str, Any]:
    """Return a line by the names of its fields; quantities and amounts as exact decimal text."""
    from spancost.bills.literal import decimal_text
    from spancost.reports.periods import rfc3339

    row: dict[str, Any] = line._asdict()
    del row["rows"]  # 1: the line of one row
    for name in ("quantity", "amount", "list_amount"):
        row[name] = None if row[name] is None else decimal_text(row[name])
    row["start"], row["end"] = rfc3339(line.start), rfc3339(line.end)
    return row


def _print(bill: Bill, form: str) -> None:
    from spancost.bills.literal import decimal_text

    known = [line for line in bill.lines if line.mapped_by is not None]
    unknown = [line for line in bill.lines if line.mapped_by is None]
    begin = min((bucket.start for bucket in bill.buckets), default=None)
    end = max((bucket.end for bucket in bill.buckets), default=None)
    period = f", {begin:%Y-%m-%d} to {end:%Y-%m-%d}" if begin and end else ""
    count = sum(line.rows for line in bill.lines)
    click.echo(f"{bill.path}: {bill.source}{period}, {count:,} lines, {len(unknown):,} not understood\n")
    rows = [
        [category, provider or "", model or "", tier, meter, _text(quantity), _text(amount), currency]
        for (category, provider, model, tier, meter, currency), quantity, amount in _totals(known)
    ]
    titles = ("category", "provider", "model", "tier", "meter")
    columns = [*map(Cell, titles), Cell("quantity", True), Cell("amount", True), Cell("currency")]
    if rows:
        print_table(columns, rows, form)
    if unknown:
        click.echo("\nNot understood (a rule for it belongs into billing/sources/):")
        for line in unknown[:_SHOWN]:
            amount = "" if line.amount is None else f" {decimal_text(line.amount)} {line.currency}"
            click.echo(f"  row {line.row}: {line.text or '(no text)'}{amount}")
        if len(unknown) > _SHOWN:
            click.echo(f"  and {len(unknown) - _SHOWN:,} more")
    if bill.ignored:
        click.echo(f"\nColumns that were not read: {', '.join(bill.ignored)}")


def _totals(
    lines: Sequence[BillLine],
) -> list[tuple[tuple[Any, ...], Fraction | None, Fraction | None]]:
    found: dict[tuple[Any, ...], list[Fraction | None]] = {}
    for line in lines:
        key = (
            line.category,
            line.provider,
            line.model or line.model_text,
            line.tier or "",
            line.meter or "",
            line.currency or "",
        )
        held = found.setdefault(key, [None, None])
        for index, value in enumerate((line.quantity, line.amount)):
            if value is not None:
                held[index] = (held[index] or 0) + value
    return [
        (key, quantity, amount)
        for key, (quantity, amount) in sorted(found.items(), key=lambda item: tuple(map(str, item[0])))
    ]


def _text(value: Fraction | None) -> str:
    from spancost.bills.literal import decimal_text

    return "" if value is None else decimal_text(value)
