# SPDX-License-Identifier: Apache-2.0
"""`spancost whatif`: what calls would have cost with another model, cache, tier, card or contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spancost.cli.answer_forms import Cell, dollars, format_option, print_csv, print_json, print_table, share
from spancost.cli.extra import load
from spancost.cli.source_options import (
    calls_of,
    choice_of,
    price_options,
    refusals,
    refuse_value,
    selection_of,
    selection_options,
)

if TYPE_CHECKING:
    from spancost.core.analysis.whatif.answer import Answer

_KINDS = ("model", "card", "contract", "tier", "cache", "truncate", "route")


@click.command(name="whatif")
@click.argument("arguments", nargs=-1, metavar="SOURCE... CHANGE...", required=True)
@selection_options
@format_option
@price_options
def command(arguments: tuple[str, ...], form: str, **options: Any) -> None:
    """Show what the calls of SOURCE... would have cost after each CHANGE.

    A CHANGE is model=FROM:TO (TO may be provider/model, FROM may be *), card=FILE|VERSION, contract=FILE, tier=NAME,
    batch, cache=as_recorded|none|ideal|rules, truncate=TOKENS or route=SHARE. All changes apply together.

    The answer is a range with its assumptions. It is exact when only rates and tiers change. Calls that the target
    cannot answer, or whose cost is unknown, keep their cost and are counted.
    """
    sources, changes = split(arguments)
    with refusals():
        parse = load("spancost.core.analysis.whatif.changes", "reports").parse
        data = load("spancost.config.data", "reports")
        scenario = refuse_value("CHANGE", lambda: parse(changes, data.default_card().providers))
        choice = choice_of(options)
        selection, _ = selection_of(options)
        with calls_of(sources, choice) as calls:
            question = load("spancost.reports.whatif", "reports")
            answer = question.whatif(calls.engine, selection, scenario, choice)
            if not answer.calls:
                why = load("spancost.reports.emptiness", "reports").why_empty(calls, selection)
                click.echo(why, err=form in ("json", "csv"))
            elif form == "json":
                print_json(list(question.rows_of(answer)))
            elif form == "csv":
                print_csv(list(question.rows_of(answer))[:1])
            else:
                _print(answer, form, question.SENTENCES)


def split(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the sources and the changes of a command line; a file that exists is a source whatever its name."""
    sources: list[str] = []
    changes: list[str] = []
    for argument in arguments:
        is_change = argument == "batch" or (argument.partition("=")[0] in _KINDS and "=" in argument)
        (changes if is_change and not Path(argument).exists() else sources).append(argument)
    return tuple(sources), tuple(changes)


def _print(answer: Answer, form: str, sentences: dict[str, str]) -> None:
    from spancost.core.money import usd_decimal as usd

    current, expected = usd(answer.current_femto), usd(answer.expected_femto)
    titles = ("now", "low", "expected", "high", "change")
    cells = [dollars(usd(value)) for value in (answer.current_femto, answer.low_femto)]
    cells += [dollars(expected), dollars(usd(answer.high_femto)), share(expected - current, current)]
    print_table([Cell(title, True) for title in titles], [cells], form)
    counts = f"{answer.calls:,} calls: {answer.repriced:,} repriced, {answer.infeasible:,} infeasible on the target"
    click.echo(f"\n{counts}, {answer.unknown:,} unknown.{' The figures are exact.' if answer.exact else ''}")
    if answer.facts_kept:
        click.echo(f"{answer.facts_kept:,} calls keep what a region, a speed or a discount did to their cost.")
    if answer.assumptions:
        click.echo()
        rows = [[step.name, dollars(usd(step.expected_femto)), sentences[step.name]] for step in answer.assumptions]
        print_table([Cell("assumption"), Cell("effect", True), Cell("meaning")], rows, form)
