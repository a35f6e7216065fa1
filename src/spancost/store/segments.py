# SPDX-License-Identifier: Apache-2.0
"""A folder of stored tables: immutable Parquet segments, and one file that says a load is finished.

Names: `TABLE-GENERATION-LOAD-NUMBER.parquet` and `load-GENERATION-LOAD.json`. A segment is written under a name with a
dot, synced and renamed; segments of a load without its JSON file are not read. LOAD identifies what was loaded, so
that loading it again writes the same names. Among rows with the same key, the one of the highest generation counts
(`--reprice` begins a new one), then the one whose load saw the most spans of the trace.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from spancost.store.columns import CALLS, SPANS, SPANS_KEY, TRACES, TRACES_KEY, Column

UNCOUNTED = (Column("trace_id", "string"), Column("span_id", "string"), Column("trace_spans", "int64"))
"""Spans that repeat a call: where a load that saw less of the trace counted them, they do not count."""
TABLES: dict[str, tuple[Column, ...]] = {"calls": CALLS, "traces": TRACES, "spans": SPANS, "uncounted": UNCOUNTED}
KEYS = {"traces": TRACES_KEY, "spans": SPANS_KEY}
FORMAT = 1
_EDGE = 1 << 16


class Load(NamedTuple):
    """A finished load. files: fingerprints of what was read. first_ns, last_ns: range of its calls' begins."""

    generation: int
    name: str
    files: tuple[str, ...]
    spans: int
    calls: int
    first_ns: int | None
    last_ns: int | None

    @property
    def stem(self) -> str:
        """Return the part that the names of its segments share."""
        return f"{self.generation}-{self.name}"


def loads_in(folder: Path) -> list[Load]:
    """Return the finished loads of a folder, by generation and name."""
    found = []
    for path in folder.glob("load-*.json"):
        held = json.loads(path.read_text(encoding="utf-8"))
        if held.get("format") == FORMAT:
            found.append(Load(**{**{name: held[name] for name in Load._fields}, "files": tuple(held["files"])}))
    return sorted(found)


def finish(folder: Path, load: Load) -> None:
    """Say that *load* is finished: its segments are read from now on."""
    text = json.dumps({"format": FORMAT, **load._asdict()}, indent=1) + "\n"
    temporary = folder / f".load-{load.stem}-{os.getpid()}"
    temporary.write_text(text, encoding="utf-8")
    settle(temporary, folder / f"load-{load.stem}.json")


def settle(temporary: Path, target: Path) -> None:
    """Give a file that was written under a temporary name its own, after its content is on the disk."""
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(target)


def segment(folder: Path, table: str, stem: str, number: int) -> Path:
    """Return the path of a segment."""
    return folder / f"{table}-{stem}-{number:04d}.parquet"


def segments_of(folder: Path, table: str, load: Load) -> list[Path]:
    """Return the segments of a load that hold *table*."""
    return sorted(folder.glob(f"{table}-{load.stem}-*.parquet"))


def is_store(path: Path) -> bool:
    """Return whether a path is a folder of segments, or a Parquet file."""
    if path.suffix == ".parquet":
        return True
    return path.is_dir() and any(path.glob("*.parquet"))


def fingerprint(path: Path) -> str:
    """Return what identifies the content of a file: size, time of the last change, first and last 64 KiB."""
    status = path.stat()
    digest = blake2b(f"{status.st_size} {status.st_mtime_ns}".encode(), digest_size=12)
    with path.open("rb") as file:
        digest.update(file.read(_EDGE))
        file.seek(max(0, status.st_size - _EDGE))
        digest.update(file.read(_EDGE))
    return digest.hexdigest()


def load_name(fingerprints: Iterable[str], *options: object) -> str:
    """Return the name of the load of these files, in whatever order, with these options."""
    text = "\n".join([*sorted(fingerprints), repr(options), str(FORMAT)])
    return blake2b(text.encode(), digest_size=8).hexdigest()


class Source(NamedTuple):
    """Segments of one load: `calls` and other tables; *rank* orders loads where the same call is in several."""

    rank: int
    paths: dict[str, list[Path]]
    range_ns: tuple[int, int] | None


def stored(path: Path) -> list[Source]:
    """Return the loads of a folder, or a Parquet file of calls that somebody else wrote."""
    if path.is_file():
        return [Source(0, {"calls": [path]}, None)]
    found = [
        Source(
            load.generation,
            {table: segments_of(path, table, load) for table in TABLES},
            None if load.first_ns is None or load.last_ns is None else (load.first_ns, load.last_ns),
        )
        for load in loads_in(path)
    ]
    if found or any(path.glob("calls-*-*-*.parquet")):
        return found
    named = sorted(path.glob("calls*.parquet"))
    return [Source(0, {"calls": named or sorted(path.glob("*.parquet"))}, None)]


def may_overlap(sources: Sequence[Source]) -> bool:
    """Return whether a call may be in two of *sources*: not when their times do not overlap."""
    ranges: list[Any] = [source.range_ns for source in sources if source.paths.get("calls")]
    if len(ranges) < 2:
        return False
    if any(each is None for each in ranges):
        return True
    ordered = sorted(ranges)
    return any(following[0] <= before[1] for before, following in pairwise(ordered))
