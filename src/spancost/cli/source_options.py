# SPDX-License-Identifier: Apache-2.0
"""Arguments and options of every command that reads calls: SOURCE…, prices, time range, conditions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from functools import partial
from typing import Any, NoReturn

import click

from spancost.cli.extra import load
from spancost.cli.progress import cores, progress_bar

Command = Callable[..., Any]
_FAULTS_SHOWN = 3


def sources_argument(command: Command) -> Command:
    """Add SOURCE… (standard input when there is none)."""
    return click.argument("sources", nargs=-1, metavar="SOURCE...")(command)


def price_options(command: Command) -> Command:
    """Add what prices spans without `llm.*`: --card, --contract, --account-fact, --reprice."""
    for option in (
        click.option("--reprice", is_flag=True, help="Price again the spans that already have a cost."),
        click.option(
            "--account-fact",
            "account_facts",
            metavar="PROVIDER:FACT=VALUE",
            multiple=True,
            help="A fact of your account.",
        ),
        click.option("--contract", "contract_path", metavar="FILE", help="Apply this contract to the rate card."),
        click.option(
            "--card", "card_name", metavar="FILE|VERSION", help="Price by this rate card instead of the newest one."
        ),
    ):
        command = option(command)
    return command


def choice_of(options: dict[str, Any]) -> Any:
    """Remove the options of `price_options` from *options* and return them as a `PricingChoice`."""
    from spancost.store.pricing_choice import PricingChoice

    names = ("card_name", "contract_path", "account_facts", "reprice")
    return PricingChoice(*(options.pop(name) for name in names))


def selection_options(command: Command) -> Command:
    """Add the time range and the conditions of a question."""
    return history_options(click.option("--until", metavar="TIME", help="Calls that began before this time.")(command))


def history_options(command: Command) -> Command:
    """Add the zone, the begin and the conditions of a question, for commands whose --until means something else."""
    for option in (
        click.option(
            "--timezone",
            "zone",
            default="UTC",
            show_default=True,
            metavar="ZONE",
            help="Zone of days and periods, such as Europe/Berlin.",
        ),
        click.option("--since", metavar="TIME", help="Calls since a day, a time, or 7d, 24h, 2w ago."),
        click.option(
            "--where",
            "where",
            multiple=True,
            metavar="COLUMN=VALUE",
            help="Only calls with this value (empty: without a value). Repeat it for more columns or values.",
        ),
    ):
        command = option(command)
    return command


def selection_of(options: dict[str, Any], by: str | None = None) -> tuple[Any, str]:
    """Remove the options of `selection_options` from *options*; return a `Selection` without a period, and the zone."""
    from spancost.reports.periods import instant_ns, zone_named
    from spancost.reports.selection import Selection, columns_named, conditions

    zone, until, since, where = (options.pop(name) for name in ("zone", "until", "since", "where"))
    now = datetime.now(timezone.utc)
    bounds = {}
    refuse_value("--timezone", lambda: zone_named(zone))
    for name, text in (("since", since), ("until", until)):
        read = partial(instant_ns, text or "", zone, now)
        bounds[f"{name}_ns"] = None if text is None else refuse_value(f"--{name}", read)
    columns, names = columns_named(by, "--by") if by else ((), ())
    return Selection(columns, names, where=conditions(where), **bounds), zone


def refuse_value(option: str, read: Callable[[], Any]) -> Any:
    """Return what *read* returns; a ValueError becomes an error that names *option*."""
    from spancost.reports.selection import QuestionError

    try:
        return read()
    except ValueError as error:
        raise QuestionError(f"{option}: {error}") from error


@contextmanager
def refusals() -> Iterator[None]:
    """Turn an error about a question or a source into one sentence on standard error and exit status 2."""
    from spancost.reports.selection import QuestionError
    from spancost.store.pricing_choice import SourceError

    try:
        yield
    except (QuestionError, SourceError) as error:
        refuse(str(error))


def refuse(sentence: str) -> NoReturn:
    """Print one sentence on standard error and exit with status 2."""
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(2)


@contextmanager
def calls_of(sources: tuple[str, ...], choice: Any) -> Iterator[Any]:
    """Give the engine with the tables of SOURCE… (`store.calls.Calls`); faults of a source go to standard error."""
    if not sources and sys.stdin.isatty():
        refuse("SOURCE: found none; expected a file, a folder, a pattern, - or clickhouse://")
    is_clickhouse = any(source.startswith("clickhouse") and "://" in source for source in sources)
    load(*(("clickhouse_connect", "clickhouse") if is_clickhouse else ("duckdb", "reports")))
    store = load("spancost.store.calls", "reports")
    with ExitStack() as stack:
        with progress_bar() as progress:
            calls = stack.enter_context(store.open_calls(sources or ("-",), choice, cores(), progress))
        if calls.read:
            warn_of(calls.read.faults, calls.read.faulty)
        yield calls


def warn_of(faults: Sequence[str], faulty: int) -> None:
    """Print the first requests that could not be read on standard error."""
    for fault in faults[:_FAULTS_SHOWN]:
        click.echo(f"Warning: {fault}", err=True)
    if faulty > _FAULTS_SHOWN:
        click.echo(f"Warning: {faulty - _FAULTS_SHOWN} more requests could not be read", err=True)
