# SPDX-License-Identifier: Apache-2.0
"""`spancost load`: spans of files become segments of a folder, once, in many processes.

A load that was interrupted leaves segments that nobody reads; the next load of the same files keeps those that are
whole and makes the others. Files that the folder holds already are left out, unless they are priced again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, NamedTuple

from spancost.store.collection import without_collection
from spancost.store.duckdb_engine import DuckEngine
from spancost.store.load_progress import Progress
from spancost.store.pipeline import (
    Advance,
    Work,
    count_in_memory,
    count_shard,
    divide,
    plan_of,
    workers_for,
)
from spancost.store.pricing_choice import PricingChoice, SourceError
from spancost.store.row_text import encoded
from spancost.store.rows import Row
from spancost.store.segments import TABLES, Load, fingerprint, finish, load_name, loads_in, segment, settle
from spancost.store.sources import STANDARD_INPUT
from spancost.store.summary_rows import span_line
from spancost.store.trace_rows import Counted

SHARDS_PER_SEGMENT = 24
_MEMORY_MIB = 128
_TEMPORARY = ".loading-"


class Loaded(NamedTuple):
    """What a load came to. skipped: files that the folder held already. faults: requests that could not be read."""

    spans: int
    calls: int
    skipped: int
    faulty: int
    faults: tuple[str, ...]


class Part(NamedTuple):
    """What one segment came to."""

    number: int
    calls: int
    first_ns: int | None
    last_ns: int | None


class SegmentWriter:
    """Writes the rows of counted traces as the segments with one number, one of each table."""

    def __init__(self, folder: Path, temporary: Path, stem: str, number: int) -> None:
        self._folder = folder
        self._temporary = temporary
        self._stem = stem
        self._number = number
        self._files: dict[str, IO[bytes]] = {
            table: (temporary / f"{table}-{number:04d}.jsonl").open("wb") for table in TABLES
        }
        self._rows = dict.fromkeys(TABLES, 0)
        self._range: list[int] = []

    def add(self, counted: Counted) -> None:
        """Add the rows of a set of traces."""
        self._write("calls", counted.call_lines())
        self._write("spans", map(span_line, counted.above))
        for table, rows in (("traces", counted.traces), ("uncounted", uncounted_rows(counted))):
            self._write(table, (encoded(row) + b"\n" for row in rows))
        starts = [record.start_ns for record in counted.records]
        self._range = [min([*self._range, *starts]), max([*self._range, *starts])] if starts else self._range

    def _write(self, table: str, rows: Iterable[bytes]) -> None:
        lines = list(rows)
        self._rows[table] += len(lines)
        self._files[table].writelines(lines)

    def finish(self, engine: DuckEngine) -> Part:
        """Write the segments; the one with calls last, because it says that all of them are whole."""
        for table in reversed(TABLES):
            self._files[table].close()
            lines = self._temporary / f"{table}-{self._number:04d}.jsonl"
            if self._rows[table] or table == "calls":
                unfinished = self._folder / f".{table}-{self._stem}-{self._number:04d}-{os.getpid()}"
                engine.write_parquet(TABLES[table], lines, unfinished)
                settle(unfinished, segment(self._folder, table, self._stem, self._number))
            lines.unlink()
        first, last = self._range or (None, None)
        return Part(self._number, self._rows["calls"], first, last)


def uncounted_rows(counted: Counted) -> list[Row]:
    """Return the rows of spans that repeat a call."""
    return [
        {"trace_id": f"{trace:032x}", "span_id": f"{span:016x}", "trace_spans": counted.spans.get(trace, 0)}
        for trace, span in counted.uncounted
    ]


class SegmentWork(NamedTuple):
    """What a process needs to make a segment: the divided spans and where segments go."""

    work: Work
    folder: Path
    stem: str


def make_segment(task: SegmentWork, number: int) -> Part:
    """Count the shards of a segment and write it; a segment that is there already stays."""
    with without_collection():
        return _make_segment(task, number)


def _make_segment(task: SegmentWork, number: int) -> Part:
    existing = segment(task.folder, "calls", task.stem, number)
    engine = DuckEngine(threads=1, memory_mib=_MEMORY_MIB)
    try:
        if existing.exists():
            return _part_of(engine, existing, number)
        writer = SegmentWriter(task.folder, task.work.folder, task.stem, number)
        first = number * SHARDS_PER_SEGMENT
        for shard in range(first, min(first + SHARDS_PER_SEGMENT, task.work.shards)):
            for counted in count_shard(task.work, shard):
                writer.add(counted)
        return writer.finish(engine)
    finally:
        engine.close()


def _part_of(engine: DuckEngine, path: Path, number: int) -> Part:
    file = f"read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')"
    ((calls, first, last),) = engine.rows(
        f"SELECT count(*), min(epoch_ns(started_at)), max(epoch_ns(started_at)) FROM {file}"
    )
    return Part(number, calls, first, last)


def load(
    paths: Sequence[str], folder: Path, choice: PricingChoice, workers: int = 1, progress: Progress | None = None
) -> Loaded:
    """Load the spans of *paths* into *folder*, which is made when it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    done = loads_in(folder)
    known = {file for each in done for file in each.files}
    prints = {path: "" if path == STANDARD_INPUT else fingerprint(Path(path)) for path in paths}
    new = [path for path in paths if choice.reprice or not prints[path] or prints[path] not in known]
    if not new:
        return Loaded(0, 0, len(paths), 0, ())
    generation = 1 + max((each.generation for each in done), default=0) if choice.reprice else 0
    files = tuple(sorted(prints[path] or f"-{os.getpid()}" for path in new))
    name = load_name(files, choice.card, choice.contract, choice.account_facts) if choice.reprice else load_name(files)
    with _temporary(folder) as temporary:
        loaded, first, last = _make(
            new, folder, f"{generation}-{name}", choice, temporary, workers, progress or Progress()
        )
    if not loaded.spans and loaded.faulty:
        raise SourceError(loaded.faults[0])
    kept = tuple(file for file in files if not file.startswith("-"))
    finish(folder, Load(generation, name, kept, loaded.spans, loaded.calls, first, last))
    return loaded._replace(skipped=len(paths) - len(new))


def _make(
    paths: Sequence[str],
    folder: Path,
    stem: str,
    choice: PricingChoice,
    temporary: Path,
    most_workers: int,
    progress: Progress,
) -> tuple[Loaded, int | None, int | None]:
    plan = plan_of(paths)
    if plan.shards == 1:
        counted, decoded = count_in_memory(plan, choice)
        engine = DuckEngine(threads=1, memory_mib=_MEMORY_MIB)
        writer = SegmentWriter(folder, temporary, stem, 0)
        writer.add(counted)
        parts = [writer.finish(engine)]
        engine.close()
    else:
        numbers = range(-(-plan.shards // SHARDS_PER_SEGMENT))
        with workers_for(plan, most_workers) as workers:
            progress.begin("reading", plan.size)
            divided = divide(plan, choice, temporary, workers, progress.advance)
            decoded = divided.decoded
            progress.begin("counting", len(numbers))
            parts = []
            for part in workers.each(make_segment, SegmentWork(divided.work, folder, stem), numbers):
                parts.append(part)
                progress.advance(1)
    spans, faulty = sum(each.spans for each in decoded), sum(each.faulty for each in decoded)
    faults = tuple(fault for each in decoded for fault in each.faults)
    starts = [part.first_ns for part in parts if part.first_ns is not None]
    ends = [part.last_ns for part in parts if part.last_ns is not None]
    loaded = Loaded(spans, sum(part.calls for part in parts), 0, faulty, faults)
    return loaded, min(starts, default=None), max(ends, default=None)


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """Give a folder for the time of a load; those of processes that ended are removed."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        if not _is_alive(path.name.split("-")[1]):
            shutil.rmtree(path, ignore_errors=True)
    temporary = Path(mkdtemp(prefix=f"{_TEMPORARY}{os.getpid()}-", dir=folder))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_alive(process: str) -> bool:
    if os.name == "nt":  # there the signal 0 is not a question
        return True
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:
        return True
    return True


__all__ = ["Advance", "Loaded", "load"]
