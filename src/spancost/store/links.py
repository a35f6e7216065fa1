# SPDX-License-Identifier: Apache-2.0
"""Traces whose spans must be counted together, because spans of different traces may report one call.

Across traces a response id identifies a call, and, within one process, an emitter that writes into traces of its own
(`core/ledger/memory`). A link is something that spans share: (what, trace, scope, whether detached, whether a root).
Traces that share one are counted in one set; any other division of traces gives the same result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zlib import adler32, crc32

from spancost.core.dialect.dialects import Dialects
from spancost.core.dialect.rule import name_matches
from spancost.store.log_facts import LOG_ATTRIBUTES, LOG_SERVICE, LOG_TRACE, LogFact
from spancost.store.span_facts import ATTRIBUTES, END, IS_CANDIDATE, PARENT, RESOURCE, SCOPE, TRACE, Batch

Link = tuple[int, int, int, bool, bool]
_NEAR_NS = 120 * 10**9
"""Spans of one call that lie in different traces end within half of this of each other."""


class Linker:
    """Finds the links of spans."""

    def __init__(self, dialects: Dialects, compiled: Mapping[str, Any]) -> None:
        self._identity = dialects.identity
        entries = compiled["dialects"]
        self._ids = frozenset(key for entry in entries for key in entry["keys"].get("response_id", ()))
        sources = [entry for entry in entries if entry.get("source")]
        self._sourced = tuple(pattern for entry in sources for pattern in entry["scopes"])
        self._sessions = frozenset(key for entry in sources for key in entry["source"]["session"])
        self._outputs = frozenset(key for entry in entries for key in entry["keys"].get("output_tokens", ()))

    def log_links(self, facts: Iterable[LogFact]) -> Iterator[Link]:
        """Yield the links of log records: their sessions, in which spans may report the same calls."""
        for fact in facts:
            for link in self._session_links(fact[LOG_ATTRIBUTES]):
                yield link, trace_of_log(fact), 0, True, True

    def _session_links(self, attributes: Mapping[str, Any]) -> Iterator[int]:
        for key in self._sessions & attributes.keys():
            yield hash_of("session", attributes[key])

    def links(self, batch: Batch) -> Iterator[Link]:
        """Yield the links of the calls in *batch*."""
        identity = self._identity
        detached = [identity.is_detached(name) for name, _ in batch.scopes]
        scopes = [hash_of(name) for name, _ in batch.scopes]
        sourced = [name_matches(self._sourced, name) for name, _ in batch.scopes]
        processes = [identity.process(resource) for resource in batch.resources]
        for fact in batch.facts:
            if not fact[IS_CANDIDATE]:
                continue
            attributes = fact[ATTRIBUTES]
            for key in self._ids & attributes.keys():
                value = attributes[key]
                if isinstance(value, str) and identity.form(value) is not None:
                    yield hash_of("id", value), fact[TRACE], 0, True, True
            if sourced[fact[SCOPE]]:
                for link in self._session_links(attributes):
                    yield link, fact[TRACE], 0, True, True
            is_root, is_detached = not fact[PARENT], detached[fact[SCOPE]]
            process = processes[fact[RESOURCE]]
            if process is not None:
                scope = scopes[fact[SCOPE]]
                for key in self._outputs & attributes.keys():
                    for bucket in (fact[END] // _NEAR_NS, -(fact[END] + _NEAR_NS // 2) // _NEAR_NS):
                        what = hash_of(process, attributes[key], bucket)
                        yield what, fact[TRACE], scope, is_detached, is_root


def trace_of_log(fact: LogFact) -> int:
    """Return the trace by which a log record is divided: its own, else one that stands for its service."""
    return int(fact[LOG_TRACE]) or hash_of("log", fact[LOG_SERVICE])


def hash_of(*parts: object) -> int:
    """Return a number that is the same for equal *parts* in every process.

    Different parts may have the same number: then traces are counted in one set that need not be.
    """
    text = repr(parts).encode()
    return crc32(text) << 32 | adler32(text)


def joined_traces(links: Iterable[Link]) -> Iterator[tuple[int, int]]:
    """Yield pairs of traces that share a link."""
    by_what: dict[int, set[tuple[int, int, bool, bool]]] = defaultdict(set)
    for what, *rest in links:
        by_what[what].add(tuple(rest))  # type: ignore[arg-type]
    for shared in by_what.values():
        traces = sorted({trace for trace, *_ in shared})
        if len(traces) > 1 and _may_be_one(shared):
            yield from ((traces[0], other) for other in traces[1:])


def _may_be_one(shared: set[tuple[int, int, bool, bool]]) -> bool:
    scopes = {scope for _, scope, _, _ in shared}
    if scopes == {0}:
        return True
    return (
        len(scopes) > 1
        and any(is_detached for _, _, is_detached, _ in shared)
        and any(is_root for _, _, _, is_root in shared)
    )


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
