# SPDX-License-Identifier: Apache-2.0
"""`spancost forecast`: the total of a period that is not over, with intervals."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from spancost.cli.answer_forms import Cell, dollars, format_option, print_csv, print_json, print_table
from spancost.cli.extra import load
from spancost.cli.forecast_score import print_scores
from spancost.cli.source_options import (
    calls_of,
    choice_of,
    history_options,
    price_options,
    refusals,
    refuse_value,
    selection_of,
    sources_argument,
)

MISSING = "(none)"


@click.command(name="forecast")
@sources_argument
@click.option("--by", metavar="COLUMN[,COLUMN]", help="One forecast for each group.")
@click.option(
    "--until",
    "end",
    default="month-end",
    show_default=True,
    metavar="END",
    help="End of the period: month-end, its last day (2026-12-31), or days from now (7d).",
)
@click.option("--as-of", metavar="TIME", help="The time that counts as now; by default that of the last call.")
@click.option("--budget", metavar="USD", help="Say on which day the whole reaches this amount.")
@click.option("--keep", type=click.Path(dir_okay=False), metavar="FILE", help="Append the forecasts to FILE.")
@click.option(
    "--score",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Score the forecasts in FILE whose periods are over, instead of making one.",
)
@history_options
@format_option
@price_options
def command(sources: tuple[str, ...], form: str, **options: Any) -> None:
    """Forecast the total of the month, or of the days until END, from SOURCE...

    What is spent so far is exact. The rest is a forecast with 80 % and 95 % intervals of the total, from the errors
    that the same forecast made before. Prices that the rate card knows to change are taken into account.
    """
    end, as_of, by = options.pop("end"), options.pop("as_of"), options.pop("by")
    budget, keep, score = options.pop("budget"), options.pop("keep"), options.pop("score")
    options["until"] = None
    with refusals():
        choice = choice_of(options)
        selection, zone = selection_of(options, by)
        asked = load("spancost.reports.forecast", "reports")
        now = _instant(as_of, zone)
        limit = refuse_value("--budget", lambda: _amount(budget))
        with calls_of(sources, choice) as calls:
            span = refuse_value("--until", lambda: asked.span_of(calls.engine, selection, end, zone, now))
            if span is None:
                why = load("spancost.reports.emptiness", "reports").why_empty(calls, selection)
                click.echo(why, err=form in ("json", "csv"))
            elif score is not None:
                print_scores(calls.engine, selection, Path(score), form)
            else:
                change = load("spancost.reports.price_change", "reports").known_changes
                of_prices = change(calls.engine, choice.pricer().price)
                rows, whole = asked.forecasts(calls.engine, selection, span, zone, of_prices)
                lines = [asked.as_json(row, span, selection.names, zone) for row in rows]
                if limit is not None:
                    factor = of_prices(selection._replace(by=(), names=()), span.today, span.until)
                    out = asked.runs_out(whole, span, limit, factor)
                    for line in lines:
                        line.update(budget_usd=limit, runs_out=_day(out.expected), runs_out_earliest=_day(out.earliest))
                if keep is not None:
                    load("spancost.reports.forecast_score", "reports").keep(Path(keep), lines, str(span.today))
                _print(lines, selection.names, form)


def _print(lines: list[dict[str, Any]], names: tuple[str, ...], form: str) -> None:
    if form in ("json", "csv"):
        (print_json if form == "json" else print_csv)(lines)
        return
    first = lines[0]
    click.echo(f"From {first['since']} to {first['until']}, {first['history_days']} days of history\n")
    titles = ("so far", "expected", "80 %", "95 %")
    cells = [
        [
            *(MISSING if line[name] is None else line[name] for name in names),
            dollars(line["so_far_usd"]),
            dollars(line["expected_usd"]),
            _between(line["low80_usd"], line["high80_usd"]),
            _between(line["low95_usd"], line["high95_usd"]),
        ]
        for line in lines
    ]
    print_table([*map(Cell, names), *(Cell(title, True) for title in titles)], cells, form)
    if first["price_change"] != 1:
        click.echo(
            f"\nThe rate card knows new prices: they change the remaining days by a factor of {first['price_change']}."
        )
    if any(line["unpriced_calls"] for line in lines):
        click.echo(
            f"\n{sum(line['unpriced_calls'] for line in lines):,} calls of the history have no cost and are left out."
        )
    if first["history_days"] < 10:
        click.echo("\nFewer than ten days of history: the figure goes on as before, without an interval.")
    if "budget_usd" in first:
        click.echo(_budget(first))


def _budget(line: dict[str, Any]) -> str:
    amount = dollars(line["budget_usd"])
    if line["runs_out"] is None and line["runs_out_earliest"] is None:
        return f"\nThe budget of {amount} holds until the end of the period."
    expected = f"on {line['runs_out']}" if line["runs_out"] else "after the period"
    earliest = f", at 80 % not before {line['runs_out_earliest']}" if line["runs_out_earliest"] else ""
    return f"\nThe budget of {amount} is used up {expected}{earliest}."


def _between(low: Decimal | None, high: Decimal | None) -> str:
    return "" if low is None or high is None else f"{dollars(low)} to {dollars(high)}"


def _day(day: Any) -> str | None:
    return None if day is None else day.isoformat()


def _instant(text: str | None, zone: str) -> datetime | None:
    from spancost.reports.periods import instant_ns

    if text is None:
        return None
    found = refuse_value("--as-of", lambda: instant_ns(text, zone, datetime.now(timezone.utc)))
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=found // 1000)


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"found {text!r}; expected an amount in USD") from None
    if not amount.is_finite() or amount <= 0:
        raise ValueError(f"found {text!r}; expected an amount above 0")
    return amount
