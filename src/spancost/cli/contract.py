# SPDX-License-Identifier: Apache-2.0
"""`spancost contract`: checks a contract, reports what stays at list prices, and compiles it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from spancost.cli.output_file import OutputFile
from spancost.cli.price import card_named, pricer_of
from spancost.config import contracts
from spancost.core.call import Call
from spancost.core.contract.terms import Contract, ContractError, Term
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.match import Match, match
from spancost.diagnose.contract_names import unknown_names
from spancost.diagnose.format_count import format_count


@click.command(name="contract")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--output", type=OutputFile(), help="Write the compiled contract here.")
@click.option("--card", "card_name", metavar="FILE|VERSION", help="Compare with this rate card instead of the newest.")
def command(path: Path, output: Path | None, card_name: str | None) -> None:
    """Check the contract in FILE and write its compiled form: one line of JSON, readable without further packages.

    Standard error lists what each term leaves at list prices, and warns of providers, models and patterns that are not
    on the rate card.
    """
    card = card_named(card_name)
    pricer_of(card, path)
    try:
        body = contracts.compiled(path)
    except ContractError as error:
        raise click.ClickException(str(error)) from error
    contract = Contract.from_bytes(body, str(path))
    for line in remarks(contract, card):
        click.echo(line, err=True)
    if output is None:
        sys.stdout.buffer.write(body)
    else:
        output.write_bytes(body)


def remarks(contract: Contract, card: RateCard) -> Iterator[str]:
    """Yield the version of *contract* and, for each term, what it leaves at list prices."""
    yield f"contract {contract.name}: +o{contract.suffix}, {format_count(len(contract.terms), 'term')}"
    for term in contract.terms:
        provider, model = term.when.get("provider"), term.when.get("model")
        if not provider or not model or "*" in provider + model or term.hardware is not None:
            continue
        found = match(card, Call(provider, model, {}, 0))
        if isinstance(found, Match):
            left = list(_left_at_list(term, found))
            if left and term.has_rates:
                yield f"term {term.id}: {model} keeps list prices of {', '.join(left)}"
    for sentence in unknown_names(contract, card):
        yield f"warning: {sentence}"


def _left_at_list(term: Term, found: Match) -> Iterator[str]:
    """Yield meters, steps and variants of the newest price period of an entry that a term does not name."""
    period = found.line["models"][found.spans[-1][2]]["eras"][-1]
    yield from (meter for meter in period["rates"] if meter not in term.base.rates)
    own = {(step["meter"], step["from"]) for step in term.base.steps}
    for step in period.get("steps", ()):
        if (step["meter"], step["from"]) not in own:
            yield f"{step['meter']} from {step['from']:,} on"
    named = [dict(table.when) for table in term.variants]
    for variant in period.get("variants", ()):
        if variant["when"] not in named:
            yield " and ".join(f"{fact}={value}" for fact, value in sorted(variant["when"].items()))
    for window in period.get("windows", ()):
        yield f"window {window['id']}"
