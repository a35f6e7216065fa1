# SPDX-License-Identifier: Apache-2.0
"""`spancost reconcile`: calls against the bills of their providers."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spancost.cli.answer_forms import Cell, format_option, print_csv, print_json, print_table
from spancost.cli.bill import bill_errors
from spancost.cli.extra import load
from spancost.cli.source_options import (
    calls_of,
    choice_of,
    price_options,
    refusals,
    refuse,
    refuse_value,
    selection_of,
    selection_options,
    sources_argument,
)

if TYPE_CHECKING:
    from spancost.bills.reconcile import Reconciliation

_SHOWN = 25


@click.command(name="reconcile")
@sources_argument
@click.option(
    "--bill", "bills", multiple=True, required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="A bill or usage report; repeat it for more.",
)  # fmt: skip
@click.option("--provider", "--seller", "provider", metavar="NAME", help="Only lines and calls of this provider.")
@click.option(
    "--fail-over", metavar="SHARE", help="Exit with 1 when the settled differences exceed this share of the bill: 2%."
)
@click.option("--as-of", metavar="TIME", help="The time that counts as now, for days that are not settled yet.")
@selection_options
@format_option
@price_options
def command(sources: tuple[str, ...], form: str, bills: tuple[Path, ...], **options: Any) -> None:
    """Compare the calls of SOURCE... with bills: quantities first, then prices.

    Every difference has a class, its dollars and a hint. The dollars of all classes add up to the bill less the calls.
    """
    provider, fail_over, as_of = options.pop("provider"), options.pop("fail_over"), options.pop("as_of")
    with refusals(), bill_errors():
        choice = choice_of(options)
        selection, zone = selection_of(options)
        limit = refuse_value("--fail-over", lambda: _share(fail_over))
        now = _now(as_of, zone)
        read = load("spancost.bills.reader", "reports").read_bills(bills)
        if provider is not None:
            name = _provider(provider)
            read = [each._replace(lines=tuple(line for line in each.lines if line.provider == name)) for each in read]
            if not any(each.lines for each in read):
                refuse(f"--provider: found no line of {name} on the bill; expected its provider")
            selection = selection._replace(where={**selection.where, "provider": (name,)})
        with calls_of(sources, choice) as calls:
            found = load("spancost.bills.reconcile", "reports").reconcile(calls.engine, read, selection, choice, now)
    rows = [row.as_json() for row in found.rows]
    if form == "json":
        print_json([*rows, found.summary()])
    elif form == "csv":
        print_csv(rows)
    else:
        _print(found, form)
    if limit is not None and found.differing_usd > limit * abs(found.bill_usd):
        sys.exit(1)


def _print(found: Reconciliation, form: str) -> None:
    summary = found.summary()
    click.echo(
        f"{found.first} to {found.until}: bill {_usd(found.bill_usd)}, spans {_usd(found.ours_usd)}, "
        f"difference {_usd(found.bill_usd - found.ours_usd)}"
    )
    coverage = [
        [each.provider, each.model, f"{int(each.ours):,}", f"{int(each.bill):,}", _percent(each.ours, each.bill)]
        for each in found.coverage
    ]
    if coverage:
        click.echo()
        titles = ("tokens in spans", "on the bill", "coverage")
        print_table([Cell("provider"), Cell("model"), *(Cell(title, True) for title in titles)], coverage, form)
    classes: dict[tuple[str, str], list[Fraction]] = {}
    for row in found.rows:
        held = classes.setdefault((row.name, row.cause or ""), [Fraction(0), Fraction(0)])
        held[0] += 1
        held[1] += row.usd
    click.echo()
    rows = [[name, cause, f"{int(count):,}", _usd(usd)] for (name, cause), (count, usd) in sorted(classes.items())]
    print_table([Cell("class"), Cell("cause"), Cell("lines", True), Cell("dollars", True)], rows, form)
    differing = [row for row in found.rows if row.name != "matched"][:_SHOWN]
    if differing:
        click.echo()
        cells = [
            [
                row.name, str(row.day or ""), row.model or "", row.meter or "", _quantity(row.ours_quantity),
                _quantity(row.bill_quantity), _usd(row.ours_usd), _usd(row.bill_usd), _usd(row.usd),
            ]
            for row in differing
        ]  # fmt: skip
        numbers = ("ours", "bill", "ours USD", "bill USD", "difference")
        print_table(
            [*map(Cell, ("class", "day", "model", "meter")), *(Cell(title, True) for title in numbers)], cells, form
        )
        click.echo()
        for hint in dict.fromkeys(row.hint for row in differing if row.hint):
            click.echo(f"- {hint}")
    if found.valued:
        click.echo(
            f"\nThe bill of {', '.join(found.valued)} has no amounts: its quantities count at the prices of the spans."
        )
    click.echo(
        f"\nDays before {summary['settled_until']} are settled. {_usd(found.unexplained_usd)} of the difference has no "
        "known cause."
    )


def _provider(name: str) -> str:
    from spancost.config.model_names import provider_named

    return provider_named(name) or name


def _now(as_of: str | None, zone: str) -> datetime:
    from datetime import timedelta

    from spancost.reports.periods import instant_ns

    now = datetime.now(timezone.utc)
    if as_of is None:
        return now
    found = refuse_value("--as-of", lambda: instant_ns(as_of, zone, now))
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=found // 1000)


def _share(text: str | None) -> Fraction | None:
    if text is None:
        return None
    from spancost.bills.literal import number

    plain = text.strip()
    share = number(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    if share < 0:
        raise ValueError(f"found {text!r}; expected a share such as 2%")
    return share


def _usd(value: Fraction | None) -> str:
    from decimal import Decimal

    from spancost.cli.answer_forms import dollars

    return "" if value is None else dollars(Decimal(value.numerator) / Decimal(value.denominator))


def _quantity(value: Fraction | None) -> str:
    return "" if value is None else f"{int(value):,}" if value.denominator == 1 else f"{float(value):,.3f}"


def _percent(part: Fraction, whole: Fraction) -> str:
    return f"{float(part / whole) * 100:.1f} %" if whole else ""
