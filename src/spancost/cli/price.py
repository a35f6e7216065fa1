# SPDX-License-Identifier: Apache-2.0
"""`spancost price`: calls in, exact costs out, one JSON object a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any

import click

from spancost.cli.call_json import CallError, call_of, parse
from spancost.cli.near import NearNames
from spancost.config import contracts, data
from spancost.core import reasons
from spancost.core.call import LineItem, Quantity
from spancost.core.contract.price import ContractPricer
from spancost.core.contract.terms import Contract, ContractError
from spancost.core.money import usd_text
from spancost.core.pricing.card import CardError, RateCard
from spancost.core.pricing.price import Pricer

_ACCOUNT = "spancost.account_facts"


def _keep_facts(context: click.Context, _: click.Parameter, facts: tuple[str, ...]) -> None:
    context.meta[_ACCOUNT] = facts


def contract_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command that prices: a contract file and facts of your accounts.

    The file is YAML, or compiled by `spancost contract`. `contract_of` combines both options.
    """
    with_facts = click.option(
        "--account-fact",
        metavar="PROVIDER:FACT=VALUE",
        multiple=True,
        expose_value=False,
        callback=_keep_facts,
        help="A fact of your account for calls that do not report it: gcp.vertex_ai:vertex_location=europe-west1.",
    )
    with_contract = click.option(
        "--contract",
        "contract_path",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Apply this contract to the rate card.",
    )
    return with_contract(with_facts(command))


card_option = click.option(
    "--card", "card_name", metavar="FILE|VERSION", help="Price by this rate card instead of the newest one."
)


@click.command(name="price")
@card_option
@contract_option
def command(card_name: str | None, contract_path: Path | None) -> None:
    """Price calls: reads one JSON object per line and writes one per line, in the same order.

    An invalid line gives {"id": …, "error": …} and exit status 1. With a contract, each line also has the source of the
    cost (cost_source) and the list price (list_cost_usd). For an unknown model, `near` lists models with similar names;
    their prices are not used.
    """
    card = card_named(card_name)
    pricer, near = pricer_of(card, contract_path), NearNames(card)
    failed = False
    for raw in sys.stdin.buffer:
        line = raw.decode("utf-8-sig", "replace")
        if not line.strip():
            continue
        answer = answer_to(line, pricer, near)
        failed = failed or "error" in answer
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"), default=_plain) + "\n"
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.exit(1 if failed else 0)


def card_named(name: str | None) -> RateCard:
    """Return the card of a version or a file, the newest one for None; a click error when there is none."""
    try:
        return data.default_card() if name is None else data.card_named(name)
    except CardError as error:
        raise click.ClickException(str(error)) from error


def pricer_of(card: RateCard, contract_path: Path | None) -> Pricer:
    """Return the pricer of *card* and the contract file, if one is given; a click error when it is unusable."""
    try:
        return data.pricer(card, contract_of(contract_path))
    except ContractError as error:
        raise click.ClickException(str(error)) from error


def checked_contract(contract_path: Path | None) -> Contract | None:
    """Return what `contract_of` does; a click error when it is unusable."""
    try:
        return contract_of(contract_path)
    except ContractError as error:
        raise click.ClickException(str(error)) from error


def account_facts() -> tuple[str, ...]:
    """Return the account facts of the command line, each as `provider:fact=value`."""
    context = click.get_current_context(silent=True)
    facts: tuple[str, ...] = context.meta.get(_ACCOUNT, ()) if context is not None else ()
    return facts


def contract_of(contract_path: Path | None) -> Contract | None:
    """Return the contract file with the account facts of the command line; None for neither.

    ContractError when they are unusable.
    """
    contract = None if contract_path is None else contracts.load(contract_path)
    return contracts.with_facts(contract, account_facts(), "--account-fact")


def answer_to(line: str, pricer: Pricer, near: NearNames | None = None) -> dict[str, Any]:
    """Return the answer to one line: cost, line items, version and rate, or the error; similar names from *near*."""
    row: dict[str, Any] = {}
    try:
        row = parse(line)
        call = call_of(row)
    except CallError as error:
        return {"id": row.get("id"), "error": str(error)}
    cost = pricer.price(call)
    answer: dict[str, Any] = {"id": row.get("id"), "status": cost.status}
    if cost.reason is not None:
        answer["reason"] = cost.reason
    answer["cost_usd"] = None if cost.femto is None else usd_text(cost.femto)
    if isinstance(pricer, ContractPricer):
        answer["cost_source"] = cost.source
        answer["list_cost_usd"] = None if cost.list_femto is None else usd_text(cost.list_femto)
    answer["line_items"] = [_item(item) for item in pricer.line_items(call)]
    answer["pricing_version"] = pricer.version
    answer["rate_id"] = cost.rate_id
    if near is not None and cost.reason == reasons.UNKNOWN_MODEL and (names := near.of(call)):
        answer["near"] = [name._asdict() for name in names]
    return answer


def _item(item: LineItem) -> dict[str, Any]:
    return {
        "meter": item.meter,
        "quantity": number(item.quantity),
        "price": item.price,
        "per": item.per,
        "cost_usd": usd_text(item.femto),
    }


def number(quantity: Quantity) -> int | float:
    """Return a quantity as a JSON number, an int where it is whole."""
    return float(quantity) if isinstance(quantity, Fraction) else quantity


def _plain(value: Any) -> Any:
    """Return a decimal `id` of a line as a number."""
    found = float(value)
    return found if isfinite(found) else str(value)
