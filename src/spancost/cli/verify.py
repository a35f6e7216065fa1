# SPDX-License-Identifier: Apache-2.0
"""`spancost verify`: recomputes every priced span of OTLP JSON files and reports each difference."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

import click

from spancost.cli.emitters_option import dialects_of, emitters_option
from spancost.config import contracts, data
from spancost.core.contract.terms import Contract, ContractError
from spancost.core.pricing.card import CardError, RateCard
from spancost.core.pricing.price import Pricer
from spancost.diagnose.format_count import format_count
from spancost.diagnose.verify.finding import ALONE, SOURCE, TOTAL, Difference, Place, Report, Unverified
from spancost.diagnose.verify.verify import verify
from spancost.store.json_documents import requests
from spancost.store.otlp_fields import RequestError
from spancost.store.otlp_json import Carried, carried_spans

_BASES = {
    ALONE: " (from llm.* only)",
    SOURCE: " (from the instrumentation's attributes)",
    TOTAL: " (from the child spans)",
}
_SHOWN = 100


@click.command(name="verify")
@click.argument("files", nargs=-1, type=click.File("rb"))
@click.option(
    "--card",
    "cards",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own rate card, for spans with its version; may be repeated.",
)
@click.option(
    "--contract",
    "contract_paths",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A contract, for spans whose version ends in its +o...; may be repeated.",
)
@click.option(
    "--account-fact",
    "account_facts",
    metavar="PROVIDER:FACT=VALUE",
    multiple=True,
    help="An account fact that the spans were priced with.",
)
@click.option(
    "--read-responses/--no-read-responses",
    default=True,
    show_default=True,
    help="As set when the spans were enriched.",
)
@emitters_option
@click.option("--json", "as_json", is_flag=True, help="Print each finding and a summary as JSON Lines.")
def command(
    files: tuple[BinaryIO, ...],
    cards: tuple[Path, ...],
    contract_paths: tuple[Path, ...],
    account_facts: tuple[str, ...],
    read_responses: bool,
    emitters_path: Path | None,
    as_json: bool,
) -> None:
    """Recompute the cost of every priced span of FILES with the rate card it names, and the totals above it.

    FILES hold OTLP JSON as `enrich` writes it (default: standard input). Rate cards come from this release and from
    --card; the network is not used. Exit status 1: a value differs or could not be verified, or there was no cost.
    """
    pricers = _Pricers(_own_cards(cards), _own_contracts(contract_paths, account_facts))
    faults: list[str] = []
    spans = list(spans_of_files(files or (sys.stdin.buffer,), faults))
    dialects = dialects_of(emitters_path, read_responses)
    report = verify(spans, pricers.of, dialects, data.default_names())
    lines = _json_lines(report, faults) if as_json else _page(report, faults)
    for line in lines:
        click.echo(line)
    sys.exit(0 if report.is_good and not faults and (report.calls or report.unpriced) else 1)


class _Pricers:
    """Provides the pricer for the version on a span."""

    def __init__(self, cards: Mapping[str, RateCard], available_contracts: list[Contract]) -> None:
        self._cards = cards
        self._contracts = available_contracts

    def of(self, version: str) -> Pricer:
        """Return the pricer of exactly *version*; CardError when its card or contract is not available."""
        of_card, plus, _ = version.partition("+")
        card = self._cards.get(of_card) or data.card(of_card)
        if not plus:
            return data.pricer(card)
        for contract in self._contracts:
            if version == f"{of_card}+o{contract.suffix}":
                try:
                    return data.pricer(card, contract)
                except ContractError as error:
                    raise CardError(str(error)) from error
        raise CardError(
            f"contract: found none for {version}; expected the file it was priced with (--contract) or --account-fact"
        )


def _own_contracts(paths: tuple[Path, ...], facts: tuple[str, ...]) -> list[Contract]:
    """Return the contracts in files, and each of them, or none, with the account facts."""
    try:
        loaded = [contracts.load(path) for path in paths]
        stated = [contracts.with_facts(contract, facts, "--account-fact") for contract in (None, *loaded) if facts]
        return [*loaded, *(contract for contract in stated if contract is not None)]
    except (ContractError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _own_cards(paths: tuple[Path, ...]) -> dict[str, RateCard]:
    try:
        return {card.version: card for card in map(data.card_from_file, paths)}
    except CardError as error:
        raise click.ClickException(str(error)) from error


def spans_of_files(sources: tuple[BinaryIO, ...], faults: list[str]) -> Iterator[Carried]:
    """Yield the spans of all *sources*; invalid requests go into *faults*."""
    for source in sources:
        for number, (request, fault) in enumerate(requests(source), 1):
            try:
                if fault is None:
                    yield from carried_spans(request)
            except RequestError as error:
                fault = f"request {number}: {error}"
            if fault is not None:
                faults.append(f"{getattr(source, 'name', 'standard input')}, {fault}")


def _json_lines(report: Report, faults: list[str]) -> Iterator[str]:
    for fault in faults:
        yield _json({"kind": "error", "error": fault})
    for found in report.differences:
        what = {"attribute": found.attribute, "found": found.found, "expected": found.expected, "basis": found.basis}
        yield _json({"kind": "difference", **_where(found.place), **what})
    for skipped in report.unverified:
        yield _json({"kind": "unverified", **_where(skipped.place), "why": skipped.why})
    for stated in report.stated:
        yield _json({"kind": "stated_costs", **stated.facts()})
    yield _json(
        {
            "kind": "summary",
            "spans": report.spans,
            "traces": report.traces,
            "calls_verified": report.calls,
            "calls_unpriced": report.unpriced,
            "totals_verified": report.totals,
            "pricing_versions": report.versions,
            "differences": len(report.differences),
            "unverified": len(report.unverified),
            "errors": len(faults),
        }
    )


def _where(place: Place) -> dict[str, Any]:
    return {"trace_id": place.trace_id, "span_id": place.span_id, "span": place.name}


def _json(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def _page(report: Report, faults: list[str]) -> Iterator[str]:
    """Yield the text report: each span once with its differences, then what could not be verified, then the summary."""
    yield from faults
    shown = report.differences[:_SHOWN]
    for place, found in groupby(shown, key=lambda difference: difference.place):
        yield f"{place.name}  trace {place.trace_id} span {place.span_id}"
        yield from map(_difference, found)
        yield ""
    if len(report.differences) > _SHOWN:
        yield f"... and {len(report.differences) - _SHOWN} more differences (--json lists all)"
        yield ""
    if any(found.basis == ALONE for found in report.differences):
        yield "From llm.* only: the instrumentation's attributes are no longer on the span, and with them"
        yield "the meters that llm.* does not report (cache writes by lifetime, audio, fees)."
        yield ""
    yield from _unverified(report.unverified)
    for stated in report.stated:
        yield f"stated cost: {stated.text()}"
    yield _sum(report)


def _difference(found: Difference) -> str:
    values = f"found {_value(found.found)}, expected {_value(found.expected)}"
    return f"  {found.attribute}: {values}{_BASES.get(found.basis, '')}"


def _value(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _unverified(skipped: list[Unverified]) -> Iterator[str]:
    """Yield each reason once, with its spans."""
    by_reason: dict[str, list[Place]] = {}
    for each in skipped:
        by_reason.setdefault(each.why, []).append(each.place)
    for why, places in by_reason.items():
        yield f"not verified: {why}"
        for place in places[:3]:
            yield f"  {place.name}  trace {place.trace_id} span {place.span_id}"
        if len(places) > 3:
            yield f"  ... and {len(places) - 3} more spans"
        yield ""


def _sum(report: Report) -> str:
    if not report.calls and not report.unpriced and not report.unverified:
        spans = (
            f"none of {format_count(report.spans, 'span')} has"
            if report.spans
            else "found no span; expected spans with"
        )
        return f"nothing to verify: {spans} llm.pricing_version (see `spancost enrich`)"
    with_cards = ", ".join(report.versions) or "no card"
    text = f"{format_count(report.calls, 'call')} and {format_count(report.totals, 'total')} verified with {with_cards}"
    if report.unpriced:
        text += f", {format_count(report.unpriced, 'call')} without a price"
    text += ": "
    if report.is_good:
        return text + "all values match"
    parts = [f"{format_count(len(report.differences), 'difference')}"] if report.differences else []
    parts += [f"{format_count(len(report.unverified), 'span')} not verified"] if report.unverified else []
    return text + ", ".join(parts)
