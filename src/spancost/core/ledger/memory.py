# SPDX-License-Identifier: Apache-2.0
"""The calls counted lately, to compare later spans with: by response id, by trace and tokens, by process and tokens."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from spancost.core.call import Quantity
from spancost.core.dialect.identity import NO_IDENTITY, Identity
from spancost.core.generational import GenerationalCache

_PER_KEY = 8
_PER_PROCESS = 32
"""How many calls with the same response id, or the same tokens in a trace, or in a process, are kept."""

SPAN_ID = (1 << 64) - 1
"""What of a span's id in a ledger is its id in the trace: offline, ids that repeat in several traces are numbered."""

CACHED_NS = 20_000_000
"""How long an answer from the application's own cache takes at most."""
EXCHANGE = "exchange"
"""Stands for the emitter in the claims of spans that capture wrote on."""

Process: TypeAlias = "str | int | None"
"""One process: what its resource says, 0 where all spans are of the own process, None when it is not known."""


class CountedCall(NamedTuple):
    """A call that was counted: what later spans are compared with.

    input, output: inclusive token counts, None when unknown. parts: cached, written to the cache, reasoning, None when
    unknown. reported_meters: the meters it reports, even when 0; None when that is not known any more. is_child:
    whether the span has a parent. is_exchange: whether the span carries what capture read from the provider's answer.
    """

    span_id: int
    scope: str
    models: frozenset[str]
    trace_id: int
    input: Quantity | None
    output: Quantity | None
    process: Process
    response_id: str | None
    start_ns: int
    end_ns: int
    reported_meters: frozenset[str] | None = None
    provider: str | None = None
    parts: tuple[Quantity | None, Quantity | None, Quantity | None] = (None, None, None)
    is_child: bool = False
    is_exchange: bool = False


new_counted = partial(tuple.__new__, CountedCall)  # a third of the time of Counted(...)

Record: TypeAlias = "tuple[Any, ...]"
"""A call counted with a cost, as quick to make and as small as can be: the fields of `CountedCall`, then its cost in
femto-dollars, and 1 if that is incomplete, else 0."""

Held: TypeAlias = "list[CountedCall | Record] | CountedCall | Record"
_SEVERAL = "\0"
"""Stands for the only emitter when there are several."""
_FIELDS = len(CountedCall._fields)


def call_of_record(call: CountedCall | Record) -> CountedCall:
    """Return the call that a record holds, which may be one already."""
    return call if isinstance(call, CountedCall) else CountedCall._make(call[:_FIELDS])


class RecentCalls:
    """Calls counted lately, in any trace; bounded.

    reused: how many response ids were seen with other tokens, and are no identity any more.
    Calls are compared by tokens only with those of another emitter. While all are of one, they wait to be indexed.
    """

    def __init__(self, size: int, identity: Identity = NO_IDENTITY) -> None:
        self.identity = identity
        self.reused = 0
        self._by_response: GenerationalCache[str, Held] = GenerationalCache(size)
        self._here: GenerationalCache[tuple[Any, ...], Held] = GenerationalCache(size)
        self._attached: GenerationalCache[tuple[Any, ...], Held] = GenerationalCache(size)
        self._detached: GenerationalCache[tuple[Any, ...], Held] = GenerationalCache(size)
        self._only_scope: str | None = None
        self._waiting: deque[CountedCall | Record] = deque(maxlen=size)
        self._claims: GenerationalCache[tuple[int, int, str], bool] = GenerationalCache(size)
        self._no_identity: GenerationalCache[tuple[str, str | None], bool] = GenerationalCache(size)
        self._doubted: GenerationalCache[int, bool] = GenerationalCache(size)
        self._caches: tuple[GenerationalCache[Any, Any], ...] = (
            self._by_response,
            self._here,
            self._attached,
            self._detached,
            self._claims,
            self._no_identity,
            self._doubted,
        )

    def clear(self) -> None:
        """Forget all calls; `reused` stays."""
        for cache in self._caches:
            cache.clear()
        self._only_scope = None
        self._waiting.clear()

    def add(self, call: CountedCall) -> None:
        """Remember *call*."""
        if call.response_id:
            _put(self._by_response, call.response_id, call, _PER_KEY)
        if call.input is not None or call.output is not None:
            if self._only_scope is None:
                self._only_scope = call.scope
            if call.scope == self._only_scope:
                self._waiting.append(call)
                return
            self._only_scope = _SEVERAL
            self._index_waiting()
            self._index(call)

    def add_if_new(self, record: Record, is_detached: bool) -> bool:
        """Remember a call, unless there is one that it must be compared with: then return False.

        That is one with its response id, or one of another scope with its tokens: in its trace, or in its process when
        one of the two is detached. Also one whose answer this may repeat from a cache.
        """
        by_response = self._by_response
        response_id, scope = record[7], record[1]
        if response_id in by_response.new or response_id in by_response.old:
            return False
        if response_id is None and record[9] - record[8] <= CACHED_NS and self.identity.replays(scope):
            return False
        if scope == self._only_scope:
            self._waiting.append(record)
        elif not self._index_if_new(record, is_detached):
            return False
        if response_id is not None:
            by_response.new[response_id] = record
            if len(by_response.new) >= by_response.size:
                by_response.turn()
        return True

    def _index_if_new(self, record: Record, is_detached: bool) -> bool:
        """Do what `add_if_new` does by tokens, for a call that is not of the only emitter so far."""
        scope = record[1]
        if self._only_scope is None:
            self._only_scope = scope
            self._waiting.append(record)
            return True
        self._only_scope = _SEVERAL
        if self._waiting:
            self._index_waiting()
        here = self._here
        key = record[3:6]
        alike = here.new.get(key) or here.old.get(key)
        if alike is not None and _has_other(alike, scope):
            return False
        process = record[4:7]
        is_known = record[6] is not None
        if is_known:
            detached = self._detached
            if detached.new or detached.old:
                others = detached.get(process)
                if others is not None and _has_other(others, scope):
                    return False
            if is_detached:
                others = self._attached.get(process)
                if others is not None and _has_other(others, scope):
                    return False
        if alike is None:
            here.new[key] = record
            if len(here.new) >= here.size:
                here.turn()
        else:
            _put(here, key, record, _PER_KEY)
        if is_known:
            known = self._detached if is_detached else self._attached
            if process in known.new or process in known.old:
                _put(known, process, record, _PER_PROCESS)
            else:
                known.new[process] = record
                if len(known.new) >= known.size:
                    known.turn()
        return True

    def _index(self, call: CountedCall | Record) -> None:
        _put(self._here, call[3:6], call, _PER_KEY)
        if call[6] is not None:
            _put(
                self._detached if self.identity.is_detached(call[1]) else self._attached, call[4:7], call, _PER_PROCESS
            )

    def _index_waiting(self) -> None:
        waiting = self._waiting
        while waiting:
            self._index(waiting.popleft())

    def add_alias(self, response_id: str, call: CountedCall) -> None:
        """Remember that *call* is known by another response id too: gateways give ids of their own."""
        if response_id != call.response_id:
            _put(self._by_response, response_id, call, _PER_KEY)

    def claim(self, call: CountedCall, by: CountedCall) -> None:
        """Note that *by* repeats *call*."""
        self._claims.set((call.trace_id, call.span_id, by.scope), True)
        if by.is_exchange:
            self._claims.set((call.trace_id, call.span_id, EXCHANGE), True)

    def is_claimed(self, call: CountedCall, by: CountedCall) -> bool:
        """Whether a span of the emitter of *by*, or another exchange, repeats *call*: then there are two calls."""
        of = (call.trace_id, call.span_id)
        return (*of, by.scope) in self._claims or (by.is_exchange and (*of, EXCHANGE) in self._claims)

    def doubt(self, span_id: int) -> None:
        """Note that a span was taken for a copy of the call on the span with this id, without an id that shows it."""
        self._doubted.set(span_id & SPAN_ID, True)

    def is_doubted(self, span_id: int) -> bool:
        """Whether a span was taken for a copy of the call on the span with this id, without an id that shows it."""
        return span_id & SPAN_ID in self._doubted

    @property
    def has_doubts(self) -> bool:
        """Whether any call is doubted."""
        return bool(self._doubted.new or self._doubted.old)

    def reuse(self, response_id: str, provider: str | None) -> None:
        """Note that a provider gave this response id to two calls."""
        if not self.is_reused(response_id, provider):
            self._no_identity.set((response_id, provider), True)
            self.reused += 1

    def is_reused(self, response_id: str, provider: str | None) -> bool:
        """Whether this response id was seen with other tokens: then it identifies nothing."""
        return (response_id, provider) in self._no_identity

    def response(self, response_id: str) -> list[CountedCall]:
        """Return the calls with this response id, oldest first."""
        return _all(self._by_response.get(response_id))

    def here(self, call: CountedCall) -> list[CountedCall]:
        """Return the calls in the trace of *call* with exactly its tokens, oldest first; at least those of others."""
        if call.scope != self._only_scope:
            self._index_waiting()
        return _all(self._here.get(call[3:6]))

    def alike(self, call: CountedCall) -> list[CountedCall]:
        """Return the calls in its trace, or in its process, with exactly the tokens of *call*."""
        self._index_waiting()
        if call.process is None:
            return self.here(call)
        return self.here(call) + _all(self._attached.get(call[4:7])) + _all(self._detached.get(call[4:7]))

    def elsewhere(self, call: CountedCall) -> list[CountedCall]:
        """Return the calls of others in other traces of its process with exactly its tokens, of which one is detached.

        One of the two is a root: within a request both would be in its trace.
        """
        if call.process is None:
            return []
        if call.scope != self._only_scope:
            self._index_waiting()
        found = _all(self._detached.get(call[4:7]))
        if self.identity.is_detached(call.scope):
            found = _all(self._attached.get(call[4:7])) + found
        return [o for o in found if o.trace_id != call.trace_id and not (o.is_child and call.is_child)]


def _put(recent: GenerationalCache[Any, Held], key: Any, call: CountedCall | Record, most: int) -> None:
    held = recent.get(key)
    if held is None:
        recent.set(key, call)
    elif isinstance(held, list):
        if len(held) >= most:
            del held[0]
        held.append(call)
        recent.set(key, held)
    else:
        recent.set(key, [held, call])


def _all(held: Held | None) -> list[CountedCall]:
    if held is None:
        return []
    return [call_of_record(call) for call in held] if isinstance(held, list) else [call_of_record(held)]


def _has_other(held: Held, scope: str) -> bool:
    if isinstance(held, list):
        return any(call[1] != scope for call in held)
    return bool(held[1] != scope)
