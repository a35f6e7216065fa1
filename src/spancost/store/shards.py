# SPDX-License-Identifier: Apache-2.0
"""Spans on their way through a load, divided by trace so that each part fits into memory.

All spans of a trace are in one shard, whichever lines, files and processes they come from. Each process appends to
files of its own, and a shard is read from all of them. The files hold what `span_facts` keeps, and are removed when the
load ends.
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from spancost.store.span_facts import KIND, TRACE, Batch

_LENGTH = struct.Struct("<Q")
_HELD = 16_384
"""Facts that a writer keeps in memory at most, over all shards."""
_KINDS_KEPT = 16_384
SPANS, LOGS, LINKS = "spans", "logs", "links"
_NO_GROUPS: Mapping[int, int] = {}


class ShardWriter:
    """Appends facts of one process to the files of so many *shards* in *folder*; with no folder they stay in memory."""

    def __init__(self, folder: Path | None, writer: str, shards: int, groups: Mapping[int, int] = _NO_GROUPS) -> None:
        """Begin to write; *groups* gives the trace by which a trace is divided, where that is another one."""
        self._groups = groups
        self._folder = folder
        self._writer = writer
        self._count = shards
        self._most = max(16, _HELD // shards)
        self._held = [Batch() for _ in range(shards)]
        self._numbers: list[dict[int, int]] = [{} for _ in range(shards)]
        self._kinds = KindNumbers()

    def add(self, batch: Batch) -> None:
        """Add spans, each to the shard of its trace."""
        shards, most, groups, every, numbers = self._count, self._most, self._groups, self._held, self._numbers
        kinds = self._kinds.of(batch)
        for fact in batch.facts:
            number = (groups.get(fact[TRACE], fact[TRACE]) if groups else fact[TRACE]) % shards
            held = every[number]
            kind = numbers[number].get(kinds[fact[KIND]])
            if kind is None:
                kind = numbers[number][kinds[fact[KIND]]] = _copied(batch, fact[KIND], held)
            held.facts.append((*fact[:KIND], kind))
            if len(held.facts) >= most and self._folder is not None:
                self._flush(number)

    def _flush(self, number: int) -> None:
        held = self._held[number]
        if held.facts and self._folder is not None:
            value = held.facts, held.kinds, held.resources
            append(self._folder / file_name(SPANS, number, self._writer), value)
        self._held[number] = Batch()
        self._numbers[number] = {}

    def close(self) -> Batch:
        """Write what is held; return it where facts stay in memory."""
        if self._folder is None:
            return self._held[0]
        for number in range(self._count):
            self._flush(number)
        return Batch()


def _copied(batch: Batch, number: int, held: Batch) -> int:
    """Put a kind of *batch*, and its resource, into *held*; return its number there."""
    *kind, resource = batch.kinds[number]
    if not held.resources or held.resources[-1] != batch.resources[resource]:
        held.resources.append(batch.resources[resource])
    held.kinds.append((*kind, len(held.resources) - 1))  # type: ignore[arg-type]
    return len(held.kinds) - 1


class KindNumbers:
    """Numbers for the kinds of many batches: equal kinds have the same one. A number is never given again."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[Any, ...], int] = {}
        self._resources: dict[bytes, int] = {}
        self._next = count()

    def of(self, batch: Batch) -> list[int]:
        """Return the number of each kind of *batch*."""
        if len(self._kinds) + len(self._resources) > _KINDS_KEPT:
            self._kinds, self._resources = {}, {}
        resources = [self._number(self._resources, marshal.dumps(resource)) for resource in batch.resources]
        return [self._number(self._kinds, (*kind, resources[resource])) for *kind, resource in batch.kinds]

    def _number(self, numbers: dict[Any, int], value: Any) -> int:
        number = numbers.get(value)
        if number is None:
            number = numbers[value] = next(self._next)
        return number


def file_name(kind: str, number: int, writer: str) -> str:
    """Return the name of the file of a shard that one process writes."""
    return f"{kind}-{number:04d}-{writer}"


def append(path: Path, value: Any) -> None:
    """Append a value to a file."""
    body = marshal.dumps(value)
    with path.open("ab") as file:
        file.write(_LENGTH.pack(len(body)))
        file.write(body)


def values_in(folder: Path, kind: str, number: int) -> Iterator[Any]:
    """Yield the values that all processes wrote for a shard."""
    for path in sorted(folder.glob(file_name(kind, number, "*"))):
        with path.open("rb") as file:
            while head := file.read(_LENGTH.size):
                yield marshal.loads(file.read(_LENGTH.unpack(head)[0]))


def batches_in(folder: Path, number: int) -> Iterator[Batch]:
    """Yield the spans of a shard, as they were written."""
    for value in values_in(folder, SPANS, number):
        yield Batch(*value)
