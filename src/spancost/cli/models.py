# SPDX-License-Identifier: Apache-2.0
"""`spancost models`: lists the models of the rate card with the current rates."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from typing import Any

import click

from spancost.cli.call_json import CallError, nanoseconds
from spancost.cli.model_rows import model_rows
from spancost.cli.near import similar
from spancost.cli.price import card_named
from spancost.core.pricing.card import RateCard

_BASES = {"page": "page", "two_catalogues": "two catalogues", "one_catalogue": "one catalogue"}
_COLUMNS = {
    "input_tokens": "input",
    "cache_read_tokens": "cached",
    "cache_write_tokens": "written",
    "output_tokens": "output",
}
_HEADER = ("provider", "model", *_COLUMNS.values(), "other rates", "conditions", "checked", "source")
_UNITS = {1_000_000: "1M", 1_000: "1k", 3_600: "hour", 1: "each"}


@click.command(name="models")
@click.argument("pattern", required=False)
@click.option("--provider", "--seller", help="Only models of this provider, such as openai or aws.bedrock.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="Table or JSON Lines.")
@click.option("--at", metavar="TIME", help="Rates that hold at this time (2026-11-21T12:00:00Z); now by default.")
@click.option("--card", "card_name", metavar="FILE|VERSION", help="Of this rate card instead of the newest one.")
def command(pattern: str | None, provider: str | None, form: str, at: str | None, card_name: str | None) -> None:
    """List the models of the rate card with their rates, the source and the day of the last check.

    PATTERN is a part of a model's name, or a whole name with * and ?. Table prices are in USD per million tokens.
    `conditions` lists what else changes the price: long requests, tiers, hours, regions.
    """
    card = card_named(card_name)
    try:
        provider = _provider(card, provider)
        seconds = _seconds(at)
    except CallError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    rows = model_rows(card, pattern, provider, seconds)
    if form == "json":
        for row in rows:
            click.echo(json.dumps({**row, "pricing_version": card.version}, ensure_ascii=False, separators=(",", ":")))
        return
    found = list(rows)
    for line in _table(found):
        click.echo(line)
    models = "model" if len(found) == 1 else "models"
    asked = f" like {pattern!r}" if pattern and not found else ""
    click.echo(f"{len(found)} {models}{asked}; rate card {card.version}")


def _provider(card: RateCard, provider: str | None) -> str | None:
    if provider is None:
        return None
    found = card.provider_names.canonical(provider) or ""
    if card.provider(found) is None:
        close = similar(found, card.providers)
        meant = f" (near: {', '.join(close)})" if close else ""
        raise CallError(f"--provider: found {provider!r}, which the rate card does not have{meant}")
    return found


def _seconds(at: str | None) -> int:
    if at is None:
        return int(datetime.now(timezone.utc).timestamp())
    return nanoseconds(at) // 1_000_000_000


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the rows as aligned columns with a header; an empty list for no rows."""
    if not rows:
        return []
    cells = [_HEADER, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADER))]
    prices = range(2, 2 + len(_COLUMNS))
    return [
        "  ".join(
            text.rjust(widths[n]) if n in prices else text.ljust(widths[n]) for n, text in enumerate(row)
        ).rstrip()
        for row in cells
    ]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    rates = row["rates"]
    priced = [rates[meter]["price"] if meter in rates else "" for meter in _COLUMNS]
    other = ", ".join(
        f"{meter} {rate['price']}" + ("" if rate["per"] == 1_000_000 else f"/{_UNITS.get(rate['per'], rate['per'])}")
        for meter, rate in rates.items()
        if meter not in _COLUMNS
    )
    checked = " ".join(filter(None, (_BASES.get(row["basis"], ""), row["checked"])))
    return (row["provider"], row["model"], *priced, other, _conditions(row), checked, row["source"] or "")


def _conditions(row: dict[str, Any]) -> str:
    """Return a short list of the conditions that change the price."""
    conditions = [_step(step) for step in row["steps"]]
    for table in (*row["variants"], *row["modifiers"]):
        conditions.append("+".join(table["when"].values()))
    conditions += [window["id"] for window in row["windows"]]
    conditions += [f"{fact}?" for fact in row["assumes"]]
    if row["next_change"]:
        conditions.append(f"from {row['next_change'][:10]}")
    return ", ".join(dict.fromkeys(conditions))


def _step(step: dict[str, Any]) -> str:
    first = step["from"]
    bound = f">{first - 1:,}" if first % 10 == 1 and first > 1 else f">={first:,}"
    return bound if step["meter"] == "input_tokens" else f"{step['meter']} {bound}"
