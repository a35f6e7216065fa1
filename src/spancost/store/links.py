# SPDX-License-Identifier: Apache-2.0
"""Traces whose spans must be counted together, because spans of different traces may report one call.

Across traces a response id identifies a call, and so does the session of an emitter that reports calls as spans and as
log records. Within one process, equal tokens at one time do, when an emitter of the process writes into traces of its
own (`core/ledger/memory`). Such emitters are rare: their processes are looked for first (`Emitters`), and only spans of
these processes have links by tokens. Traces that share a link are counted as one set; any other division of traces
gives the same result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zlib import adler32, crc32

from spancost.core.dialect.dialects import Dialects
from spancost.core.dialect.rule import name_matches
from spancost.store.log_facts import LOG_ATTRIBUTES, LOG_SERVICE, LOG_TRACE, LogFact
from spancost.store.span_facts import END, KIND, TRACE, VALUES, Batch

Link = tuple[str, int]
"""What spans share (after a letter that says what it is), and the trace."""
Emitters = dict[str, set[str]]
"""Scopes of calls by process."""
ID, SESSION, TOKENS = "i", "s", "t"
_NEAR_NS = 120 * 10**9
"""Spans of one call that lie in different traces end within half of this of each other."""


class Linker:
    """Finds the links of spans."""

    def __init__(self, dialects: Dialects, compiled: Mapping[str, Any]) -> None:
        self._identity = dialects.identity
        entries = compiled["dialects"]
        sources = [entry for entry in entries if entry.get("source")]
        self._ids = frozenset(key for entry in entries for key in entry["keys"].get("response_id", ()))
        self._sourced = tuple(pattern for entry in sources for pattern in entry["scopes"])
        self._sessions = frozenset(key for entry in sources for key in entry["source"]["session"])
        self._outputs = frozenset(key for entry in entries for key in entry["keys"].get("output_tokens", ()))
        self.emitters: Emitters = defaultdict(set)

    def links(self, batch: Batch) -> Iterator[Link]:
        """Yield the links of the calls in *batch* by response id and session; note their emitters."""
        # For each kind of calls: where response ids are, and where the session is, if it may have other reports.
        places: dict[int, tuple[list[int], list[int]]] = {}
        for number, (names, is_candidate, scope, _, resource) in enumerate(batch.kinds):
            if is_candidate:
                ids = [at for at, name in enumerate(names) if name in self._ids]
                is_sourced = name_matches(self._sourced, scope)
                sessions = [at for at, name in enumerate(names) if is_sourced and name in self._sessions]
                places[number] = ids, sessions
                process = self._identity.process(batch.resources[resource])
                if process is not None:
                    self.emitters[process].add(scope)
        for fact in batch.facts:
            found = places.get(fact[KIND])
            if found is not None:
                ids, sessions = found
                values = fact[VALUES]
                for at in ids:
                    if (value := values[at]).__class__ is str:
                        yield ID + value, fact[TRACE]
                for at in sessions:
                    yield f"{SESSION}{values[at]}", fact[TRACE]

    def log_links(self, facts: Iterable[LogFact]) -> Iterator[Link]:
        """Yield the links of log records: their sessions, in which spans may report the same calls."""
        for fact in facts:
            for link in self._session_links(fact[LOG_ATTRIBUTES]):
                yield link, trace_of_log(fact)

    def _session_links(self, attributes: Mapping[str, Any]) -> Iterator[str]:
        for key in self._sessions & attributes.keys():
            yield f"{SESSION}{attributes[key]}"

    def shared_processes(self, emitters: Mapping[str, set[str]]) -> set[str]:
        """Return the processes with several emitters of which one may write into traces of its own."""
        detached = self._identity.is_detached
        return {
            process
            for process, scopes in emitters.items()
            if len(scopes) > 1 and any(detached(name) for name in scopes)
        }

    def token_links(self, batch: Batch, processes: set[str]) -> Iterator[Link]:
        """Yield the links of the calls of *processes* by output tokens and time."""
        places: dict[int, tuple[str, list[int]]] = {}
        for number, (names, is_candidate, _, _, resource) in enumerate(batch.kinds):
            process = self._identity.process(batch.resources[resource])
            if is_candidate and process in processes:
                places[number] = process, [at for at, name in enumerate(names) if name in self._outputs]
        for fact in batch.facts:
            process, outputs = places.get(fact[KIND], ("", ()))
            for at in outputs:
                for bucket in (fact[END] // _NEAR_NS, -(fact[END] + _NEAR_NS // 2) // _NEAR_NS):
                    yield f"{TOKENS}{process}\0{fact[VALUES][at]}\0{bucket}", fact[TRACE]

    def joined_traces(self, links: Iterable[Link]) -> Iterator[tuple[int, int]]:
        """Yield pairs of traces that share a link; a response id joins only when a provider may have issued it."""
        first: dict[str, int] = {}
        for what, trace in links:
            other = first.setdefault(what, trace)
            if other != trace and (what[0] != ID or self._identity.form(what[1:]) is not None):
                yield other, trace


def trace_of_log(fact: LogFact) -> int:
    """Return the trace by which a log record is divided: its own, else one that stands for its service."""
    return int(fact[LOG_TRACE]) or hash_of(f"log {fact[LOG_SERVICE]}")


def hash_of(text: str) -> int:
    """Return a number that is the same for equal texts in every process."""
    encoded = text.encode("utf-8", "surrogatepass")
    return crc32(encoded) << 32 | adler32(encoded)


def groups(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return the smallest trace of its group for every trace that is in a pair."""
    above: dict[int, int] = {}

    def top(trace: int) -> int:
        while (higher := above.get(trace, trace)) != trace:
            above[trace] = above.get(higher, higher)
            trace = higher
        return trace

    for one, other in pairs:
        a, b = sorted((top(one), top(other)))
        above[b] = a
        above.setdefault(a, a)
    return {trace: top(trace) for trace in above}
