# SPDX-License-Identifier: Apache-2.0
"""The calls of SOURCE…: as records, and as tables that an engine can be asked about.

This is what commands, reports, bills and pages build on:

- `call_records(sources)` yields a `CallRecord` for each counted call;
- `open_calls(sources)` gives an engine with the tables of `store/columns.py`: `calls`, `traces`, `spans`.

A source is a file of spans, a pattern, `-`, a folder that `spancost load` wrote, or a Parquet file of calls.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from spancost.core.record import CallRecord
from spancost.store.pricing_choice import PricingChoice, SourceError
from spancost.store.segments import is_store, stored
from spancost.store.sources import CLICKHOUSE, files_of

if TYPE_CHECKING:
    from spancost.store.load_progress import Progress

_DEFAULT = PricingChoice()


class Sums(NamedTuple):
    """A table `sums`: calls added up by time and columns, from which totals are told without reading the calls.

    columns: those that its rows are told apart by. unit_ns: its rows are of whole hours or days of UTC, in nanoseconds.
    """

    columns: frozenset[str]
    unit_ns: int


class Engine(Protocol):
    """What answers SQL over the tables."""

    @property
    def dialect(self) -> str:
        """The SQL dialect, as ibis names it: duckdb or clickhouse."""

    @property
    def sums(self) -> Sums | None:
        """The table of sums, None when there is none."""

    @property
    def is_shared(self) -> bool:
        """Whether several threads may ask at once."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query one by one."""


class Read(NamedTuple):
    """What was read of files of spans. faults: one sentence for each request that could not be read, the first ones."""

    spans: int
    faults: tuple[str, ...]
    faulty: int


class Calls(NamedTuple):
    """An engine with the tables, and what was read to fill them (None when all of them were stored)."""

    engine: Engine
    read: Read | None


def call_records(
    sources: Sequence[str], choice: PricingChoice = _DEFAULT, failed: list[CallRecord] | None = None
) -> Iterator[CallRecord]:
    """Yield the record of each counted call of *sources*, in any order; SourceError when one cannot be read.

    failed: is given the attempts in files that failed before anything was billed, which are no calls.
    """
    failed = [] if failed is None else failed
    stores, files = _divided(sources)
    if stores or _is_clickhouse(sources):
        from spancost.store.stored_records import stored_records

        with open_calls(sources, choice) as calls:
            yield from stored_records(calls.engine)
        return
    from spancost.store.pipeline import count_in_memory, count_shard, divide, plan_of, workers_for

    plan = plan_of(files)
    if plan.shards == 1:
        counted, decoded = count_in_memory(plan, choice)
        if not any(each.spans for each in decoded):
            raise_first(fault for each in decoded for fault in each.faults)
        failed += counted.failed
        yield from counted.records
        return
    with tempfile.TemporaryDirectory(prefix="spancost-") as folder, workers_for(plan, 1) as workers:
        divided = divide(plan, choice, Path(folder), workers)
        for number in range(plan.shards):
            for counted in count_shard(divided.work, number):
                failed += counted.failed
                yield from counted.records


@contextmanager
def open_calls(
    sources: Sequence[str], choice: PricingChoice = _DEFAULT, workers: int = 1, progress: Progress | None = None
) -> Iterator[Calls]:
    """Give an engine with the tables of *sources*, closed at the end of the block.

    workers: processes that decode large files at most; a program that sets it above 1 must be importable
    (`if __name__ == "__main__"`).
    """
    if _is_clickhouse(sources):
        with _clickhouse(sources, choice) as calls:
            yield calls
        return
    from spancost.store.duckdb_engine import DuckEngine
    from spancost.store.tables import make_views

    stores, files = _divided(sources)
    if stores and choice.reprice:
        raise SourceError(f"{stores[0]}: stored calls cannot be priced again; load the spans again with --reprice")
    loaded = [source for path in stores for source in stored(Path(path))]
    with tempfile.TemporaryDirectory(prefix="spancost-") as folder:
        read = None
        if files:
            from spancost.store.load import load

            done = load(files, Path(folder), choice, workers, progress)
            read = Read(done.spans, done.faults, done.faulty)
            loaded += stored(Path(folder))
        engine = DuckEngine()
        try:
            make_views(engine, loaded)
            yield Calls(engine, read)
        finally:
            engine.close()


def _is_clickhouse(sources: Sequence[str]) -> bool:
    return any(source.startswith(CLICKHOUSE) for source in sources)


@contextmanager
def _clickhouse(sources: Sequence[str], choice: PricingChoice) -> Iterator[Calls]:
    """Give the engine at an address of ClickHouse, which must be the only source."""
    from spancost.store.clickhouse_engine import ClickHouseEngine

    if len(sources) > 1:
        raise SourceError("clickhouse://: found other sources beside it; expected it alone")
    if choice.reprice:
        raise SourceError("clickhouse://: stored calls cannot be priced again; load the spans again with --reprice")
    engine = ClickHouseEngine.at(sources[0])
    try:
        yield Calls(engine, None)
    finally:
        engine.close()


def raise_first(faults: Iterator[str]) -> None:
    """Raise SourceError with the first of *faults*, if there is one."""
    for fault in faults:
        raise SourceError(fault)


def _divided(sources: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the stores and the files of spans among *sources*."""
    if _is_clickhouse(sources):
        return [], []
    stores = [source for source in sources if is_store(Path(source))]
    files = files_of([source for source in sources if source not in stores])
    return stores, files
