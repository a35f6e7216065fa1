# SPDX-License-Identifier: Apache-2.0
"""`spancost anomalies`: loops, retries, lost caches and spikes in stored calls."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from spancost.cli.answer_forms import Cell, dollars, format_option, print_csv, print_json, print_table
from spancost.cli.extra import load
from spancost.cli.source_options import choice_of, price_options, refusals, refuse, sources_argument
from spancost.config import detectors
from spancost.core.detect.anomaly import Anomaly
from spancost.core.detect.detectors import detect
from spancost.core.detect.rules import DetectorError
from spancost.core.money import usd_decimal, usd_text
from spancost.core.record import CallRecord


@click.command(name="anomalies")
@sources_argument
@click.option(
    "--detectors",
    "rules_path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Rules (YAML or JSON) over the bundled ones.",
)
@format_option
@price_options
def command(sources: tuple[str, ...], rules_path: Path | None, form: str, **options: Any) -> None:
    """Find loops, retries, lost caches and other anomalies of spend in SOURCE..., with what each cost.

    SOURCE is OTLP JSON or protobuf (plain, gzip, zstd; - is standard input), a pattern, or a folder that `spancost
    load` wrote. The rules are those of the processor and the Collector.
    """
    with refusals():
        choice = choice_of(options)
        try:
            rules = detectors.rules(rules_path)
        except DetectorError as error:
            refuse(str(error))
        failed: list[CallRecord] = []
        records = list(load("spancost.store.calls", "reports").call_records(sources or ("-",), choice, failed))
    found = detect(records, rules, failed)
    if form == "json":
        print_json([as_json(anomaly) for anomaly in found])
    elif form == "csv":
        rows = [as_json(anomaly) for anomaly in found]
        print_csv([{**row, "span_ids": " ".join(row["span_ids"])} for row in rows])
    elif found:
        columns = [Cell("first"), Cell("rule"), Cell("cost", True), Cell("session"), Cell("what")]
        print_table(columns, [_cells(anomaly) for anomaly in found], form)
    if not found:
        click.echo(f"No anomaly in {len(records):,} calls.", err=form in ("json", "csv"))


def as_json(anomaly: Anomaly) -> dict[str, Any]:
    """Return an anomaly as scripts read it; instants are RFC 3339, ids hexadecimal digits."""
    return {
        "rule": anomaly.rule,
        "trace_id": None if anomaly.trace_id is None else f"{anomaly.trace_id:032x}",
        "session_id": anomaly.session_id,
        "span_ids": [f"{span_id:016x}" for span_id in anomaly.span_ids],
        "cost_usd": usd_text(anomaly.cost_femto),
        "threshold": anomaly.threshold,
        "first": _instant(anomaly.first_ns),
        "last": _instant(anomaly.last_ns),
        "text": anomaly.text,
    }


def _instant(ns: int) -> str:
    seconds, rest = divmod(ns, 10**9)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _cells(anomaly: Anomaly) -> list[str]:
    where = anomaly.session_id or ("" if anomaly.trace_id is None else f"{anomaly.trace_id:032x}")
    first = f"{datetime.fromtimestamp(anomaly.first_ns // 10**9, timezone.utc):%Y-%m-%d %H:%M:%S}"
    return [first, anomaly.rule, dollars(usd_decimal(anomaly.cost_femto)), where, anomaly.text]
