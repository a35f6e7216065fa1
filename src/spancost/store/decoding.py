# SPDX-License-Identifier: Apache-2.0
"""First step of a load: requests of files become facts in shards. Runs in many processes, each on a range of a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from spancost.config import data
from spancost.store.json_spans import facts_of, quick_facts
from spancost.store.links import Emitters, Link, Linker, trace_of_log
from spancost.store.log_facts import LogFact, log_facts
from spancost.store.messages import Message, document_in, line_messages, messages
from spancost.store.otlp_fields import RequestError
from spancost.store.shards import LINKS, LOGS, ShardWriter, append, batches_in, file_name, values_in
from spancost.store.sources import opened
from spancost.store.span_facts import TRACE, Batch, Keys, careful_facts

FAULTS_KEPT = 20


class Job(NamedTuple):
    """A part of the work: a whole file, or the lines that begin in a byte range of it (end > 0)."""

    path: str
    begin: int = 0
    end: int = 0


class Decoded(NamedTuple):
    """What a job came to. faults: sentences about requests that could not be read, the first of them.

    emitters: scopes of calls by process, of this and earlier jobs.
    """

    spans: int
    faulty: int
    faults: tuple[str, ...]
    size: int
    emitters: Emitters


class Decoder:
    """Decodes jobs into the shards of *folder*; without a folder everything stays in memory."""

    def __init__(self, folder: Path | None, shards: int) -> None:
        compiled = json.loads(data.read("semconv/compiled/dialects.json"))
        dialects = data.default_dialects()
        self._keys = Keys(dialects.markers, compiled)
        self._linker = Linker(dialects, compiled) if shards > 1 else None
        self._folder = folder
        self._shards = shards
        self._name = str(os.getpid())
        self._writer = ShardWriter(folder, self._name, shards)
        self._links: list[list[Link]] = [[] for _ in range(shards)]
        self.logs: list[LogFact] = []

    def decode(self, job: Job) -> Decoded:
        """Decode one job; SourceError when the file cannot be read."""
        spans, faulty, size = 0, 0, 0
        faults: list[str] = []
        for message in _messages(job):
            size += message.size
            fault = message.fault
            if fault is None:
                try:
                    spans += self._add(message)
                except RequestError as error:
                    fault = str(error)
            if fault is not None:
                faulty += 1
                if len(faults) < FAULTS_KEPT:
                    faults.append(f"{job.path}: {fault}")
        if self._folder is not None:
            self._writer.close()
            self._write_links(self._folder)
        emitters = {} if self._linker is None else dict(self._linker.emitters)
        return Decoded(spans, faulty, tuple(faults), size, emitters)

    def held(self) -> Batch:
        """Return the spans that stay in memory."""
        return self._writer.close()

    def _add(self, message: Message) -> int:
        if message.protobuf is not None:
            from spancost.store import otlp_protobuf

            batch = otlp_protobuf.facts_in(message.protobuf, self._keys)
            if any(not fact[TRACE] for fact in batch.facts) or not batch.facts:
                logs = otlp_protobuf.logs_in(message.protobuf)
                if logs is not None:
                    return self._add_logs(log_facts(logs, self._keys))
        else:
            batch = self._facts(message)
            if not batch.facts and message.has_logs:
                document = document_in(message.line) if message.line else message.document
                return self._add_logs(log_facts(document, self._keys))
        self._writer.add(batch)
        if self._linker is not None:
            self._keep_links(self._linker.links(batch))
        return len(batch.facts)

    def _facts(self, message: Message) -> Batch:
        if message.request is None:
            return facts_of(message.document, self._keys)
        batch = quick_facts(message.request, self._keys)
        return careful_facts(document_in(message.line), self._keys) if batch is None else batch

    def _keep_links(self, links: Iterable[Link]) -> None:
        for link in links:
            self._links[crc32(link[0].encode("utf-8", "surrogatepass")) % self._shards].append(link)

    def _write_links(self, folder: Path) -> None:
        for number, links in enumerate(self._links):
            if links:
                append(folder / file_name(LINKS, number, self._name), links)
                links.clear()

    def token_links(self, folder: Path, number: int, processes: set[str]) -> None:
        """Write the links of a shard by tokens, for *processes*."""
        assert self._linker is not None
        for batch in batches_in(folder, number):
            self._keep_links(self._linker.token_links(batch, processes))
        self._write_links(folder)

    def pairs(self, folder: Path, number: int) -> list[tuple[int, int]]:
        """Return the pairs of traces that links of a shard join."""
        assert self._linker is not None
        links = (link for held in values_in(folder, LINKS, number) for link in held)
        return list(self._linker.joined_traces(links))

    def shared_processes(self, emitters: Mapping[str, set[str]]) -> set[str]:
        """Return the processes whose calls need links by tokens."""
        return set() if self._linker is None else self._linker.shared_processes(emitters)

    def _add_logs(self, facts: list[LogFact]) -> int:
        if self._folder is None:
            self.logs.extend(facts)
            return 0
        if self._linker is not None:
            self._keep_links(self._linker.log_links(facts))
        for fact in facts:
            append(self._folder / file_name(LOGS, trace_of_log(fact) % self._shards, self._name), [fact])
        return 0


def _messages(job: Job) -> Iterator[Message]:
    with opened(job.path) as stream:
        yield from line_messages(stream, job.begin, job.end) if job.end else messages(stream)
