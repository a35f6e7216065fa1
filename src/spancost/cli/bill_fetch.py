# SPDX-License-Identifier: Apache-2.0
"""`spancost bill fetch`: download what a provider says it bills. It reads only."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spancost.cli.extra import load
from spancost.cli.output_file import OutputFile
from spancost.cli.source_options import refuse

if TYPE_CHECKING:
    from spancost.bills.fetch import Source

_PROVIDERS = ("openai", "anthropic", "openrouter")
_REPORTS = ("cost", "usage")


@click.command(name="fetch")
@click.argument("provider", type=click.Choice(_PROVIDERS))
@click.option("--since", required=True, metavar="DAY", help="First UTC day, such as 2026-11-01.")
@click.option("--until", metavar="DAY", help="UTC day after the last one. Default: today.")
@click.option("--report", type=click.Choice(_REPORTS), default="cost", show_default=True, help="What to fetch.")
@click.option("--out", "path", type=OutputFile(), required=True, metavar="FILE", help="Write JSON Lines to FILE.")
@click.option("--base-url", metavar="URL", help="Address of the API, instead of the provider's own.")
def command(provider: str, since: str, until: str | None, report: str, path: Path, base_url: str | None) -> None:
    """Fetch the bill of PROVIDER and write the pages as they come, for `bill show`, `reconcile` and `focus`.

    The key comes from the environment: OPENAI_ADMIN_KEY, ANTHROPIC_ADMIN_KEY or OPENROUTER_MANAGEMENT_KEY.
    """
    from spancost.bills import fetch
    from spancost.bills.line import BillError

    source = fetch.SOURCES[provider]
    now = datetime.now(timezone.utc)
    if report not in source.reports:
        refuse(f"--report: found {report}; expected {' or '.join(source.reports)} for {provider}")
    first, end = _days(source, since, until, now)
    key = ""
    try:
        key = fetch.key_of(source)
        ask = load(source.module, "bills").open_source(report, key, fetch.base_url_of(source, base_url))
        asked = fetch.asked_for(source.reports[report], first, end)
        count = fetch.write_pages(path, asked, fetch.pages(source, ask, first, end))
    except BillError as error:
        refuse(str(error))
    except fetch.HttpFault as fault:
        refuse(fetch.fault_sentence(provider, source, fault, key))
    click.echo(f"{path}: {count:,} {'page' if count == 1 else 'pages'}, {first} to {end}", err=True)
    _warn_of_open_days(provider, source.reports[report], first, end, now)


def _days(source: Source, since: str, until: str | None, now: datetime) -> tuple[date, date]:
    first = _day("--since", since)
    end = now.date() if until is None else _day("--until", until)
    tomorrow = now.date() + timedelta(days=1)
    if not first < end <= tomorrow:
        refuse(f"--until: found {end}; expected a day after {first} and at most {tomorrow}")
    if source.oldest_days is not None and (now.date() - first).days > source.oldest_days:
        refuse(f"--since: found {first}; expected one of the last {source.oldest_days} days")
    return first, end


def _day(option: str, text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        refuse(f"{option}: found {text[:40]!r}; expected a day such as 2026-11-01")


def _warn_of_open_days(provider: str, form_id: str, first: date, end: date, now: datetime) -> None:
    from spancost.bills.described import forms
    from spancost.bills.fetch import first_open_day

    lag_hours = forms().by_id(form_id).lag_hours
    begin = max(first, first_open_day(now, lag_hours))
    if begin < end:
        click.echo(
            f"Warning: days from {begin} may still change: {provider} reports with up to {lag_hours} hours of delay",
            err=True,
        )
