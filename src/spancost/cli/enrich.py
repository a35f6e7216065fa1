# SPDX-License-Identifier: Apache-2.0
"""`spancost enrich`: reads OTLP JSON and writes it with `llm.*` attributes added."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import click

from spancost.cli.emitters_option import dialects_of, emitters_option
from spancost.cli.price import card_named, card_option, contract_option, pricer_of
from spancost.config import data
from spancost.core.dialect.dialects import Dialects
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.semconv import LLM_COST_STATUS
from spancost.core.span import Span
from spancost.diagnose.format_count import format_count
from spancost.store.enrich import enrich
from spancost.store.json_documents import requests
from spancost.store.log_records import CarriedRecord, carried_records
from spancost.store.otlp_fields import RequestError
from spancost.store.otlp_json import Carried, carried_spans
from spancost.store.repricing import repriced, repricer


@click.command(name="enrich")
@click.argument("files", nargs=-1, type=click.File("rb"))
@click.option("--each", is_flag=True, help="Treat every request as a separate set of spans.")
@click.option("--keep-provider", is_flag=True, help="Keep an llm.provider that is already on a span.")
@click.option(
    "--read-responses/--no-read-responses",
    default=True,
    show_default=True,
    help="Read usage that no attribute reports from the usage member of a response stored in an attribute.",
)
@emitters_option
@click.option("--reprice", is_flag=True, help="Price again the spans that already have a cost.")
@card_option
@contract_option
def command(
    files: tuple[BinaryIO, ...],
    each: bool,
    keep_provider: bool,
    read_responses: bool,
    emitters_path: Path | None,
    reprice: bool,
    card_name: str | None,
    contract_path: Path | None,
) -> None:
    """Put costs and totals on the spans and log records of FILES (standard input when there are none).

    A file holds one ExportTraceServiceRequest or ExportLogsServiceRequest, on any number of lines, or one per line as
    the Collector's file exporter writes them. The output has one request per line, in the same order. All files are
    processed as one set unless --each is given. A call that spans and log records both report is counted once. A
    span that already has a cost keeps it, unless --reprice is given.
    """
    dialects = dialects_of(emitters_path, read_responses)
    pricer = pricer_of(card_named(card_name), contract_path)
    options = LedgerOptions(keep_provider=keep_provider, join_services=True)
    sources = files or (sys.stdin.buffer,)
    again = repricer(dialects, pricer, data.default_names()) if reprice else None
    failed, kept = False, 0
    held: list[tuple[Any, str | None]] = []

    def finish(held: list[tuple[Any, str | None]]) -> None:
        nonlocal failed, kept
        ledger = Ledger(dialects, pricer, options)
        failed |= _finish(held, ledger, dialects, again)
        kept += ledger.counters["already_priced"]

    for request, fault in (found for source in sources for found in requests(source)):
        if each:
            finish([(request, fault)])
        else:
            held.append((request, fault))
    if held:
        finish(held)
    if kept and not reprice and (card_name or contract_path):
        spans = format_count(kept, "span")
        click.echo(f"Note: {spans} had a cost and kept it; --reprice prices them by this card or contract", err=True)
    sys.exit(1 if failed else 0)


def _finish(
    held: list[tuple[Any, str | None]],
    ledger: Ledger,
    dialects: Dialects,
    again: Callable[[Span], Span] | None,
) -> bool:
    """Enrich one set of requests and print them in order; return whether one was invalid."""
    carried: list[Carried] = []
    records: list[CarriedRecord] = []
    markers = dialects.markers | {LLM_COST_STATUS}
    faults: list[str | None] = []
    for request, fault in held:
        if fault is None:
            try:
                carried.extend(carried_spans(request))
                records.extend(carried_records(request, markers))
            except RequestError as error:
                fault = str(error)
        faults.append(fault)
    if again is not None:
        carried = [repriced(each, again) for each in carried]
    enrich(carried, ledger, records, dialects)
    for (request, _), fault in zip(held, faults, strict=True):
        answer = request if fault is None else {"id": None, "error": fault}
        line = json.dumps(answer, ensure_ascii=False, separators=(",", ":")) + "\n"
        sys.stdout.buffer.write(line.encode("utf-8", "replace"))
    return any(fault is not None for fault in faults)
