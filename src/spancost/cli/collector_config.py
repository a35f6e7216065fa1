# SPDX-License-Identifier: Apache-2.0
"""`spancost collector-config`: configuration for a Collector without spancost components."""

from __future__ import annotations

from datetime import datetime, timezone

import click

from spancost.cli.price import card_named
from spancost.config.ottl.rows import table_of
from spancost.config.ottl.transform import configuration

USUAL = ("openai", "anthropic", "gcp.gemini", "azure.ai.openai", "mistral_ai", "groq", "x_ai", "cohere")


@click.command(name="collector-config")
@click.option(
    "--stock",
    is_flag=True,
    required=True,
    help="Print statements of the transform processor, for a stock otelcol-contrib.",
)
@click.option(
    "--provider",
    "--seller",
    "providers",
    multiple=True,
    help=f"A provider to include; may be repeated. Default: {', '.join(USUAL)}.",
)
@click.option("--card", "card_name", metavar="FILE|VERSION", help="Use this rate card instead of the newest one.")
def command(stock: bool, providers: tuple[str, ...], card_name: str | None) -> None:
    """Print configuration that applies standard rates to model calls in a Collector without llm_cost.

    The head of the output lists what it cannot do. A span that it cannot price correctly gets no cost.
    """
    card = card_named(card_name)
    providers = tuple(card.provider_names.canonical(provider) or provider for provider in providers)
    now = datetime.now(timezone.utc)
    try:
        tables = [(provider, table_of(card, provider, int(now.timestamp()))) for provider in providers or USUAL]
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(configuration(card, tables, now.date().isoformat()), nl=False)
