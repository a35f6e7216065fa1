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
from spancost.store.span_facts import ATTRIBUTES, END, IS_CANDIDATE, RESOURCE, SCOPE, TRACE, Batch

Link = tuple[str, int]
"""What spans share (after a letter that says what it is), and the trace."""
Emitters = dict[str, set[str]]
"""Scopes of calls by process."""
ID, SESSION, TOKENS = "i", "s", "t"
_NEAR_NS = 120 * 10**9
"""Spans of one call that lie in different traces end within half of this of each other."""
_KEYS_KEPT = 4096


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
        self._id_keys: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.emitters: Emitters = defaultdict(set)

    def links(self, batch: Batch) -> Iterator[Link]:
        """Yield the links of the calls in *batch* by response id and session; note their emitters."""
        sourced = [name_matches(self._sourced, name) for name, _ in batch.scopes]
        places: set[tuple[int, int]] = set()
        known = self._id_keys
        for fact in batch.facts:
            if not fact[IS_CANDIDATE]:
                continue
            attributes = fact[ATTRIBUTES]
            keys = tuple(attributes)
            names = known.get(keys)
            if names is None:
                if len(known) >= _KEYS_KEPT:
                    known.clear()
                names = known[keys] = tuple(key for key in keys if key in self._ids)
            for name in names:
                value = attributes[name]
                if value.__class__ is str:
                    yield ID + value, fact[TRACE]
            if sourced[fact[SCOPE]]:
                for link in self._session_links(attributes):
                    yield link, fact[TRACE]
            places.add((fact[SCOPE], fact[RESOURCE]))
        for scope, resource in places:
            process = self._identity.process(batch.resources[resource])
            if process is not None:
                self.emitters[process].add(batch.scopes[scope][0])

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
        process_of = [self._identity.process(resource) for resource in batch.resources]
        for fact in batch.facts:
            process = process_of[fact[RESOURCE]]
            if fact[IS_CANDIDATE] and process in processes:
                attributes = fact[ATTRIBUTES]
                for key in self._outputs & attributes.keys():
                    for bucket in (fact[END] // _NEAR_NS, -(fact[END] + _NEAR_NS // 2) // _NEAR_NS):
                        yield f"{TOKENS}{process}\0{attributes[key]}\0{bucket}", fact[TRACE]

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
