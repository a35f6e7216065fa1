# SPDX-License-Identifier: Apache-2.0
"""Files of spans become counted calls: decoded in ranges, divided by trace, counted set by set.

Law: the result depends on the spans alone, not on files, lines, order, copies, ranges, processes or the number of
shards. Memory is bounded by the size of a shard. A small input stays in memory, as one set, in this process.
"""

from __future__ import annotations

import marshal
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from spancost.config import data
from spancost.core.ledger.ledger import Ledger
from spancost.store.collection import without_collection
from spancost.store.decoding import Decoded, Decoder, Job
from spancost.store.links import groups, trace_of_log
from spancost.store.pricing_choice import PricingChoice
from spancost.store.shards import LOGS, ShardWriter, append, batches_in, file_name, values_in
from spancost.store.sources import STANDARD_INPUT, is_compressed
from spancost.store.span_facts import TRACE, Batch, Fact
from spancost.store.trace_rows import Counted, TraceSet

RANGE = 8 << 20
SHARD = 8 << 20
"""Bytes of JSON in a range, and for each shard: 8,000 spans of 1 KB, which take about 30 MB in memory."""
_PARTS = 8
"""Parts of a shard that are counted one after the other."""
MOST_SHARDS = 1024
_EXPANDS = 12
"""How many bytes of JSON a compressed byte may stand for."""
_UNKNOWN_SHARDS = 64

_GROUPS = "groups"
T = TypeVar("T")
W = TypeVar("W")
Advance = Callable[[int], None]
"""Is told how many bytes were read."""


def _ignore(_: int) -> None:
    pass


class Plan(NamedTuple):
    """How files are read: jobs, the number of shards, how many bytes there are (0 when unknown)."""

    jobs: list[Job]
    shards: int
    size: int


def plan_of(paths: Sequence[str]) -> Plan:
    """Return how to read *paths*: files of JSON lines in ranges, others as a whole."""
    jobs: list[Job] = []
    expanded, size, is_known = 0, 0, True
    for path in paths:
        if path == STANDARD_INPUT or not Path(path).is_file():
            jobs.append(Job(path))
            is_known = False
            continue
        length = Path(path).stat().st_size
        size += length
        packed = is_compressed(path)
        expanded += length * _EXPANDS if packed else length
        if packed or length <= RANGE or not _has_lines(path):
            jobs.append(Job(path))
        else:
            jobs += [Job(path, begin, min(begin + RANGE, length)) for begin in range(0, length, RANGE)]
    shards = min(MOST_SHARDS, 1 + expanded // SHARD) if is_known else _UNKNOWN_SHARDS
    return Plan(jobs, shards, size if is_known else 0)


def _has_lines(path: str) -> bool:
    """Return whether the first line of a file is a whole request."""
    from spancost.store.messages import parsed

    with Path(path).open("rb") as file:
        return file.read(1) == b"{" and parsed(b"{" + file.readline(), "line 1").fault is None


class Work(NamedTuple):
    """What a process needs to do its part. is_moved: some traces are counted with another one (`groups_of`)."""

    folder: Path
    shards: int
    choice: PricingChoice
    is_moved: bool = False


def groups_of(work: Work) -> dict[int, int]:
    """Return the traces that are counted with another one, by trace; each process reads them once."""
    if not work.is_moved:
        return {}
    if _KEPT.get("groups of") != work.folder:
        _KEPT.update({"groups of": work.folder, "groups": marshal.loads((work.folder / _GROUPS).read_bytes())})
    groups: dict[int, int] = _KEPT["groups"]
    return groups


def decode(work: Work, job: Job) -> Decoded:
    """Decode a job into the shards; one decoder a process is kept."""
    with without_collection():
        return decoder_of(work).decode(job)


def decoder_of(work: Work) -> Decoder:
    """Return the decoder of this process."""
    if _KEPT.get("decoder of") != work.folder:
        _KEPT.update({"decoder of": work.folder, "decoder": Decoder(work.folder, work.shards)})
    decoder: Decoder = _KEPT["decoder"]
    return decoder


_KEPT: dict[str, Any] = {}
"""What a process keeps between two parts of the work."""


def pairs_in(work: Work, number: int) -> list[tuple[int, int]]:
    """Return the pairs of traces that links of a shard join."""
    with without_collection():
        return decoder_of(work).pairs(work.folder, number)


def link_tokens(work: Work, item: tuple[int, set[str]]) -> None:
    """Write the links by tokens of a shard, for some processes."""
    number, processes = item
    decoder_of(work).token_links(work.folder, number, processes)


def move(work: Work, number: int) -> None:
    """Put the spans of a shard that are counted with another trace where that trace is."""
    groups = groups_of(work)
    writer = ShardWriter(work.folder / "moved", str(os.getpid()), work.shards, groups)
    for batch in batches_in(work.folder, number):
        facts = [fact for fact in batch.facts if fact[TRACE] in groups]
        if facts:
            writer.add(Batch(facts, batch.kinds, batch.resources))
    writer.close()
    for held in values_in(work.folder, LOGS, number):
        for fact in held:
            group = groups.get(trace_of_log(fact))
            if group is not None:
                name = file_name(LOGS, group % work.shards, str(os.getpid()))
                append(work.folder / "moved" / name, [fact])


def count_shard(work: Work, number: int) -> Iterator[Counted]:
    """Yield the calls of the traces of a shard, counted in parts: one part at a time fits into a processor's cache."""
    with without_collection():
        parts = _parts_of(work, number)
    while parts:
        with without_collection():
            traces = parts.pop()
            counted = traces.count(work.choice, ledger_of(work, len(traces)))
        yield counted


def _parts_of(work: Work, number: int) -> list[TraceSet]:
    """Return the spans of a shard by trace; the last part has the traces that are counted with another one."""
    moved, shards = groups_of(work), work.shards
    *parts, joined = [TraceSet() for _ in range(_PARTS + 1)]
    for batch in batches_in(work.folder, number):
        divided: list[list[Fact]] = [[] for _ in parts]
        for fact in batch.facts:
            if (trace := fact[TRACE]) not in moved:
                divided[trace // shards % _PARTS].append(fact)
        for part, facts in zip(parts, divided, strict=True):
            part.add(Batch(facts, batch.kinds, batch.resources))
    for held in values_in(work.folder, LOGS, number):
        for log in held:
            if (trace := trace_of_log(log)) not in moved:
                parts[trace // shards % _PARTS].add_logs((log,))
    if moved:
        for batch in batches_in(work.folder / "moved", number):
            joined.add(batch)
        for held in values_in(work.folder / "moved", LOGS, number):
            joined.add_logs(held)
    return [*parts, joined]


def ledger_of(work: Work, spans: int) -> Ledger:
    """Return an empty ledger for so many spans; one a process is kept, because it has learnt plans."""
    kept: Ledger | None = _KEPT.get("ledger")
    if kept is None or _KEPT.get("ledger of") != work.folder or kept.options.closed_spans < spans:
        kept = work.choice.ledger(data.default_dialects(), max(1024, spans * 5 // 4))
        _KEPT.update({"ledger of": work.folder, "ledger": kept})
    kept.clear()
    return kept


class Workers:
    """Runs functions of this module in *number* processes, or in this one."""

    def __init__(self, number: int) -> None:
        self.number = number
        # A new interpreter for each: a fork would copy threads of an engine or a progress bar.
        self._pool = ProcessPoolExecutor(number, mp_context=get_context("spawn")) if number > 1 else None

    def each(self, function: Callable[[W, Any], T], work: W, items: Sequence[Any]) -> Iterator[T]:
        """Yield the result of *function* for each of *items*, in any order."""
        if self._pool is None:
            for item in items:
                yield function(work, item)
            return
        waiting: set[Future[T]] = {self._pool.submit(function, work, item) for item in items}
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


class Divided(NamedTuple):
    """Spans in shards, ready to be counted."""

    work: Work
    decoded: list[Decoded]


def divide(plan: Plan, choice: PricingChoice, folder: Path, workers: Workers, advance: Advance = _ignore) -> Divided:
    """Decode all jobs of *plan* into shards in *folder*."""
    work = Work(folder, plan.shards, choice)
    decoded = []
    for done in workers.each(decode, work, plan.jobs):
        decoded.append(done)
        advance(done.size)
    numbers = range(plan.shards)
    emitters: dict[str, set[str]] = defaultdict(set)
    for each in decoded:
        for process, scopes in each.emitters.items():
            emitters[process] |= scopes
    processes = decoder_of(work).shared_processes(emitters) if plan.shards > 1 else set()
    if processes:
        for _ in workers.each(link_tokens, work, [(number, processes) for number in numbers]):
            pass
    joined = groups(pair for pairs in workers.each(pairs_in, work, numbers) for pair in pairs)
    if joined:
        (folder / _GROUPS).write_bytes(marshal.dumps(joined))
        work = work._replace(is_moved=True)
        (folder / "moved").mkdir()
        for _ in workers.each(move, work, numbers):
            pass
    return Divided(work, decoded)


def count_in_memory(plan: Plan, choice: PricingChoice) -> tuple[Counted, list[Decoded]]:
    """Decode and count everything as one set in this process."""
    with without_collection():
        decoder = Decoder(None, 1)
        decoded = [decoder.decode(job) for job in plan.jobs]
        traces = TraceSet()
        traces.add(decoder.held())
        traces.add_logs(decoder.logs)
        ledger = choice.ledger(data.default_dialects(), max(1024, len(traces)))
        return traces.count(choice, ledger), decoded


@contextmanager
def workers_for(plan: Plan, most: int | None) -> Iterator[Workers]:
    """Give as many processes as *plan* needs, at most *most* (1 for None)."""
    workers = Workers(max(1, min(most or 1, len(plan.jobs))))
    try:
        yield workers
    finally:
        workers.close()
