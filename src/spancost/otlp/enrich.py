# SPDX-License-Identifier: Apache-2.0
"""All spans in hand at once: put them in order, once each, through a ledger, and write what it says."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable

from spancost.core.ledger.ledger import Ledger
from spancost.core.span import Span
from spancost.otlp.request import Carried, put

_OTHER_TRACE = 1 << 64


def enrich(spans_in_hand: Iterable[Carried], ledger: Ledger) -> None:
    """Write `llm.*` on the requests that *spans_in_hand* came from; the spans are taken as one set.

    Order, batches and copies do not matter: children go before their parents, else the earlier end, start and id go
    first; a span given more than once is counted once and every copy gets the same attributes.
    """
    copies: dict[tuple[int, int], list[Carried]] = defaultdict(list)
    for carried in spans_in_hand:
        copies[carried.span.trace_id, carried.span.span_id].append(carried)
    spans = joined(copies)
    for key in in_order(spans):
        written = ledger.end(spans[key])
        if written:
            for copy in copies[key]:
                put(copy.raw, written)


def joined(copies: dict[tuple[int, int], list[Carried]]) -> dict[tuple[int, int], Span]:
    """Return each span once, its ids unique among all traces, `is_local_root` told by the service of its parent."""
    unique: dict[tuple[int, int], int] = {}
    taken: set[int] = set()
    for number, key in enumerate(sorted(copies)):
        span_id = key[1]
        unique[key] = span_id if span_id not in taken else span_id + number * _OTHER_TRACE
        taken.add(span_id)
    spans = {}
    for key, (first, *_) in copies.items():
        parent = (key[0], first.span.parent_id or 0)
        above = copies.get(parent)
        spans[key] = first.span._replace(
            span_id=unique[key],
            parent_id=unique.get(parent),
            is_local_root=above is None or above[0].service != first.service,
        )
    return spans


def in_order(spans: dict[tuple[int, int], Span]) -> list[tuple[int, int]]:
    """Return the keys of *spans*, children before parents, else by end, start and id; a circle of parents is cut."""
    key_of = {span.span_id: key for key, span in spans.items()}
    open_children = dict.fromkeys(spans, 0)
    for span in spans.values():
        if span.parent_id is not None:
            open_children[key_of[span.parent_id]] += 1
    ready = [(span.end_ns, span.start_ns, key) for key, span in spans.items() if not open_children[key]]
    heapq.heapify(ready)
    waiting = sorted(((span.end_ns, span.start_ns, key) for key, span in spans.items()), reverse=True)
    order: list[tuple[int, int]] = []
    done: set[tuple[int, int]] = set()
    while len(order) < len(spans):
        while not ready:
            entry = waiting.pop()
            if entry[2] not in done:
                ready.append(entry)
        key = heapq.heappop(ready)[2]
        if key in done:
            continue
        done.add(key)
        order.append(key)
        parent = spans[key].parent_id
        if parent is not None:
            above = key_of[parent]
            open_children[above] -= 1
            if not open_children[above]:
                heapq.heappush(ready, (spans[above].end_ns, spans[above].start_ns, above))
    return order
