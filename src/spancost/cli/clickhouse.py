# SPDX-License-Identifier: Apache-2.0
"""`spancost clickhouse`: the DDL over the exporter's tables, and a check of a server."""

from __future__ import annotations

import sys

import click

from spancost.cli.extra import load
from spancost.cli.source_options import refusals


@click.group(name="clickhouse")
def command() -> None:
    """Print and check what reports need in ClickHouse, beside the tables of the Collector's exporter."""


@command.command(name="ddl")
@click.option("--database", default="otel", show_default=True, help="Database of the exporter's tables.")
@click.option("--table", default="otel_traces", show_default=True, help="The exporter's table of spans.")
@click.option(
    "--form",
    type=click.Choice(["map", "json"]),
    default="map",
    show_default=True,
    help="Type of the attributes' columns.",
)
@click.option("--backfill", is_flag=True, help="Print the statement that takes over spans which are there already.")
def ddl(database: str, table: str, form: str, backfill: bool) -> None:
    """Print the statements for the calls table, the views that reports read, and the hourly roll-up.

    Each may be run again. `--form json` is for an exporter with `json: true`.
    """
    made = load("spancost.store.clickhouse_ddl", "reports")
    names = made.Names(database, table, form)
    for statement in [made.fill(names)] if backfill else made.statements(names):
        click.echo(f"{statement};\n")


@command.command(name="check")
@click.argument("url")
def check(url: str) -> None:
    """Check that URL (clickhouse://user:password@host:8123/otel) has the views, and that its spans have costs.

    Exit status 1 when something is missing.
    """
    with refusals():
        engine = load("spancost.store.clickhouse_engine", "clickhouse").ClickHouseEngine.at(url)
        findings = list(load("spancost.store.clickhouse_check", "clickhouse").check(engine))
        engine.close()
    for finding in findings:
        click.echo(f"{'  ' if finding.is_good else '! '}{finding.text}")
    sys.exit(0 if all(finding.is_good for finding in findings) else 1)
