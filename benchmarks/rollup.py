# SPDX-License-Identifier: Apache-2.0
"""What totals cost: the ledger alone, without the SDK, on deep, wide and ordinary traces, and its memory."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median

from spancost.config import data
from spancost.core.ledger.ledger import HAS_COSTED_CHILDREN, IDLE, Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.pricing.price import Pricer
from spancost.core.span import Attributes, Span

START_NS = 1_795_000_000_000_000_000
_IDS = count(1)


def ledger(options: LedgerOptions = LedgerOptions()) -> Ledger:  # noqa: B008  # an immutable tuple
    return Ledger(data.default_dialects(), Pricer(data.default_card()), options)


def call_attributes(number: int) -> Attributes:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-11-20",
        "gen_ai.response.id": f"chatcmpl-{number:024x}",
        "gen_ai.usage.input_tokens": 1000 + number * 7919 % 50021,
        "gen_ai.usage.output_tokens": 350,
    }


def ended(span_id: int, parent_id: int | None, attributes: Attributes, order: int, name: str = "step") -> Span:
    """Return a span that ended as number *order* of its trace."""
    moment = START_NS + order * 1_000_000
    return Span(
        1,
        span_id,
        parent_id,
        parent_id is None,
        moment,
        moment + 900_000,
        "opentelemetry.instrumentation.openai_v2",
        "2.3",
        name,
        attributes,
    )


def deep(depth: int) -> list[Span]:
    """Return a chain of *depth* spans with one call at its foot, in the order in which they end."""
    ids = [next(_IDS) for _ in range(depth + 1)]
    spans = [ended(ids[-1], ids[-2], call_attributes(ids[-1]), 0, "chat gpt-4o")]
    for order, level in enumerate(range(depth - 1, -1, -1), start=1):
        spans.append(ended(ids[level], ids[level - 1] if level else None, {}, order))
    return spans


def wide(calls: int) -> list[Span]:
    """Return a root with *calls* calls directly below it, in the order in which they end."""
    root = next(_IDS)
    spans = [ended(next(_IDS), root, call_attributes(order), order, "chat gpt-4o") for order in range(calls)]
    return [*spans, ended(root, None, {}, calls)]


def ordinary(traces: int) -> list[Span]:
    """Return *traces* of 30 spans each, six deep, eight of them calls."""
    return [span for _ in range(traces) for span in _ordinary()]


def _ordinary() -> Iterator[Span]:
    order = count()
    root, agent = next(_IDS), next(_IDS)
    for _ in range(4):
        step, plan, tool, search = (next(_IDS) for _ in range(4))
        for parent in (plan, step):
            number = next(_IDS)
            yield ended(number, parent, call_attributes(number), next(order), "chat gpt-4o")
        yield ended(plan, step, {}, next(order))
        yield ended(next(_IDS), search, {}, next(order))
        yield ended(search, tool, {}, next(order))
        yield ended(tool, step, {}, next(order))
        yield ended(step, agent, {}, next(order))
    yield ended(agent, root, {}, next(order))
    yield ended(root, None, {}, next(order))


def per_span_us(spans: list[Span], rounds: int) -> float:
    """Return the median CPU µs a span takes through a fresh ledger, as an adapter drives it."""
    samples = []
    for _ in range(rounds):
        subject = ledger()
        gc.collect()
        started = time.thread_time_ns()
        for span in spans:
            todo = subject.ends(span.span_id, span.parent_id, span.attributes)
            if todo == HAS_COSTED_CHILDREN:
                subject.end_ancestor(span.span_id, span.parent_id, span.is_local_root, span.attributes, {})
            elif todo != IDLE:
                subject.end(span)
        samples.append((time.thread_time_ns() - started) / len(spans) / 1000)
    return median(samples)


def open_span_bytes(open_spans: int, options: LedgerOptions) -> tuple[float, dict[str, int]]:
    """Return the bytes for each of *open_spans* spans with an ended call below, and the ledger's counters."""
    subject = ledger(options)
    subject.end(ended(next(_IDS), next(_IDS), call_attributes(0), 0))  # the tables it reads with are not state
    gc.collect()
    gc.disable()
    before = resident_bytes()
    for order in range(open_spans):
        subject.end(ended(next(_IDS), next(_IDS), call_attributes(order), order, "chat gpt-4o"))
    held = resident_bytes() - before
    gc.enable()
    return held / open_spans, subject.counters


def resident_bytes() -> int:
    """Return the resident memory of this process, bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(rounds: int, open_spans: int) -> dict[str, object]:
    """Return µs a span by shape and size, and bytes an open span with room for all and with the default bounds."""
    rounds = max(3, rounds // 20)
    shapes = {f"deep {size:,}": per_span_us(deep(size), rounds) for size in (100, 1_000, 10_000)} | {
        f"wide {size:,}": per_span_us(wide(size), rounds) for size in (1_000, 10_000, 100_000)
    }
    shapes["ordinary, 30 spans"] = per_span_us(ordinary(200), rounds)
    roomy, _ = open_span_bytes(open_spans, LedgerOptions(open_spans=2 * open_spans))
    bounded, counters = open_span_bytes(open_spans // 5, LedgerOptions())
    return {
        "us_a_span": shapes,
        "open_spans": open_spans,
        "bytes_with_room": roomy,
        "kib_by_default": bounded * (open_spans // 5) / 1024,
        "evicted_by_default": counters["evicted"],
    }
