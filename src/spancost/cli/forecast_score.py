# SPDX-License-Identifier: Apache-2.0
"""`spancost forecast --score`: how kept forecasts compare with what was spent."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from spancost.cli.answer_forms import Cell, dollars, print_csv, print_json, print_table


def print_scores(engine: Any, selection: Any, path: Path, form: str) -> None:
    """Print the score of each kept forecast whose period is over, and how often the intervals held."""
    from spancost.reports.forecast import spent_in
    from spancost.reports.forecast_score import kept, scores
    from spancost.reports.selection import column_named
    from spancost.reports.spend import range_of

    found = range_of(engine, selection)
    now = "" if found is None else _rfc3339(found[1])

    def actual(keys: Any, since: str, until: str) -> Decimal:
        where = {column_named(name, "--score"): (value,) for name, value in keys.items()}
        return spent_in(engine, selection._replace(where={**selection.where, **where}), since, until)

    rows = [score._asdict() for score in scores(kept(path), actual, now)]
    for row in rows:
        row.update(row.pop("keys"))
    if form in ("json", "csv"):
        (print_json if form == "json" else print_csv)(rows)
        return
    if not rows:
        click.echo("No forecast in the file has a period that is over.")
        return
    titles = ("from", "to", "expected", "actual", "in 80 %", "in 95 %")
    cells = [
        [
            row["since"][:10], row["until"][:10], dollars(row["expected_usd"]), dollars(row["actual_usd"]),
            _yes(row["inside80"]), _yes(row["inside95"]),
        ]
        for row in rows
    ]  # fmt: skip
    print_table([Cell(title, title not in ("from", "to")) for title in titles], cells, form)
    for level in ("80", "95"):
        held = [row[f"inside{level}"] for row in rows if row[f"inside{level}"] is not None]
        if held:
            click.echo(f"{sum(held)} of {len(held)} intervals of {level} % held the total.")


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _rfc3339(at_ns: int) -> str:
    from spancost.reports.periods import rfc3339

    return rfc3339(datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=at_ns // 10**9))
