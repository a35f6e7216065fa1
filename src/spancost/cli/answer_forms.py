# SPDX-License-Identifier: Apache-2.0
"""Prints the rows of an answer: JSON Lines, CSV, Markdown, or a table for people."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

import click

FORMS = ("table", "json", "csv", "md")


def form_option(*forms: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option --format with these choices, the first of them the default."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True, help="Form of the answer."
    )


format_option = form_option(*FORMS)


class Cell(NamedTuple):
    """A column of a table for people: its heading, and whether it holds numbers."""

    title: str
    is_number: bool = False


def print_json(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print one JSON object a line; decimals as exact strings."""
    for row in rows:
        line = json.dumps(
            {name: plain(value) for name, value in row.items()}, ensure_ascii=False, separators=(",", ":")
        )
        click.echo(line)


def print_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print CSV with a heading; a missing value is empty."""
    if rows:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(list(rows[0]))
        writer.writerows([["" if value is None else plain(value) for value in row.values()] for row in rows])


def plain(value: Any) -> Any:
    """Return a value as JSON holds it: a decimal as an exact plain string."""
    return exact(value) if isinstance(value, Decimal) else value


def exact(value: Decimal) -> str:
    """Return a decimal without an exponent and without trailing zeros."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def print_table(
    columns: Sequence[Cell], rows: Sequence[Sequence[str]], form: str = "table", rule_before: int | None = None
) -> None:
    """Print aligned columns, or Markdown; *rule_before* is the row above which a table has a rule (a total)."""
    if form == "md":
        click.echo("| " + " | ".join(column.title for column in columns) + " |")
        click.echo("|" + "|".join("---:" if column.is_number else "---" for column in columns) + "|")
        for row in rows:
            click.echo("| " + " | ".join(text.replace("|", "\\|") for text in row) + " |")
        return
    widths = [max(len(text) for text in texts) for texts in zip([c.title for c in columns], *rows, strict=True)]
    lines = [_aligned([column.title for column in columns], columns, widths)]
    for number, row in enumerate(rows):
        if number == rule_before:
            lines.append("-" * len(max(lines, key=len)))
        lines.append(_aligned(row, columns, widths))
    for line in lines:
        click.echo(line)


def _aligned(texts: Sequence[str], columns: Sequence[Cell], widths: Sequence[int]) -> str:
    cells = (
        text.rjust(width) if column.is_number else text.ljust(width)
        for text, column, width in zip(texts, columns, widths, strict=True)
    )
    return "  ".join(cells).rstrip()


def dollars(value: Decimal | None) -> str:
    """Return an amount for people: cents above 100 USD, four digits above one cent, else three significant digits."""
    if value is None:
        return "unknown"
    sign, size = "-" if value < 0 else "", abs(value)
    if size >= 100:
        return f"{sign}${_rounded(size, 2):,}"
    if size >= Decimal("0.01") or not size:
        return f"{sign}${_rounded(size, 4)}"
    return f"{sign}${_rounded(size, 2 - size.adjusted()):f}"


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


def share(part: Decimal | int, whole: Decimal | int) -> str:
    """Return a share in percent with one decimal; "" when the whole is zero."""
    if not whole:
        return ""
    percent = _rounded(Decimal(part) * 100 / Decimal(whole), 1)
    return f"{percent} %" if percent or not part else "< 0.1 %"
