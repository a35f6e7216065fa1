# SPDX-License-Identifier: Apache-2.0
"""The calls of SOURCE…: as records, and as tables that an engine can be asked about.

This is what commands, reports, bills and pages build on:

- `call_records(sources)` yields a `CallRecord` for each counted call;
- `open_calls(sources)` gives an engine with the tables of `store/columns.py`: `calls`, `traces`, `spans`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from spancost.config import data
from spancost.core.record import CallRecord
from spancost.store.columns import CALLS
from spancost.store.enrich import enrich
from spancost.store.json_documents import requests
from spancost.store.otlp_fields import RequestError
from spancost.store.otlp_json import Carried, carried_spans
from spancost.store.pricing_choice import PricingChoice, SourceError
from spancost.store.rows import row_of
from spancost.store.sources import files_of, opened

if TYPE_CHECKING:
    from spancost.store.duckdb_engine import DuckEngine


class Engine(Protocol):
    """What answers SQL over the tables."""

    @property
    def dialect(self) -> str:
        """The SQL dialect, as ibis names it: duckdb or clickhouse."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query with `?` for parameters."""


class Read(NamedTuple):
    """What was read of the sources. faults: one sentence for each request that could not be read."""

    spans: int
    faults: tuple[str, ...]


class Calls(NamedTuple):
    """An engine with the tables, and what was read to fill them (None when they existed)."""

    engine: Engine
    read: Read | None


def call_records(sources: Sequence[str], choice: PricingChoice = PricingChoice()) -> Iterator[CallRecord]:  # noqa: B008
    """Yield the record of each counted call of *sources*; SourceError when one cannot be read."""
    records, _ = _counted(sources, choice)
    yield from records


@contextmanager
def open_calls(sources: Sequence[str], choice: PricingChoice = PricingChoice()) -> Iterator[Calls]:  # noqa: B008
    """Give an engine with the tables of *sources*, closed at the end of the block."""
    from spancost.store.duckdb_engine import DuckEngine

    records, read = _counted(sources, choice)
    engine = DuckEngine()
    try:
        with tempfile.TemporaryDirectory(prefix="spancost-") as folder:
            _fill(engine, records, Path(folder))
            yield Calls(engine, read)
    finally:
        engine.close()


def _fill(engine: DuckEngine, records: list[CallRecord], folder: Path) -> None:
    lines, target = folder / "calls.jsonl", folder / "calls.parquet"
    with lines.open("wb") as file:
        for record in records:
            file.write(orjson.dumps(row_of(record), option=orjson.OPT_APPEND_NEWLINE))
    engine.write_parquet(CALLS, lines, target)
    engine.view_of_files("calls", CALLS, [target])


def _counted(sources: Sequence[str], choice: PricingChoice) -> tuple[list[CallRecord], Read]:
    carried: list[Carried] = []
    faults: list[str] = []
    for path in files_of(sources):
        with opened(path) as file:
            for request, fault in requests(file):
                if fault is None:
                    try:
                        carried.extend(carried_spans(request))
                    except RequestError as error:
                        fault = str(error)
                if fault is not None:
                    faults.append(f"{path}: {fault}")
    if faults and not carried:
        raise SourceError(faults[0])
    dialects = data.default_dialects()
    records = enrich(carried, choice.ledger(dialects, max(len(carried), 1024)), (), dialects)
    return records, Read(len(carried), tuple(faults))
