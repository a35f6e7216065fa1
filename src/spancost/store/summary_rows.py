# SPDX-License-Identifier: Apache-2.0
"""Rows of the tables of traces and of spans above calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from spancost.core.call import PARTIAL, UNPRICED
from spancost.core.money import usd_text
from spancost.core.record import CallRecord
from spancost.store.row_text import encoded, within_range
from spancost.store.rows import Row
from spancost.store.span_facts import (
    END,
    NAME,
    PARENT,
    SCORE_NAME,
    SCORE_PREFIX,
    SCORE_VALUE,
    SPAN,
    START,
    VALUES,
    Fact,
)

_DOUBTFUL = (PARTIAL, UNPRICED)
_by_start = attrgetter("start_ns", "span_id")


class Above(NamedTuple):
    """A span above calls: its fact, the name of its service, its outcome; None where it has none."""

    fact: Fact
    service: str | None
    outcome: str | None


def trace_row(
    trace: int, calls: Sequence[CallRecord], above: Sequence[Above], spans: int, scores: Mapping[str, float]
) -> Row:
    """Return the row of a trace: its counted calls, the spans above them, the number of all its spans, its scores."""
    root: Above | None = None
    for each in above:
        if not each.fact[PARENT] and (root is None or each.fact[START] < root.fact[START]):
            root = each
    first = calls[0] if len(calls) == 1 else min(calls, key=_by_start)
    start = first.start_ns if root is None else root.fact[START]
    end = max(call.start_ns + call.duration_ns for call in calls) if root is None else root.fact[END]
    femto, priced, unpriced, doubtful, tokens, output = 0, 0, 0, 0, 0, 0
    for call in calls:
        if call.cost_femto is not None:
            femto += call.cost_femto
            priced += 1
        unpriced += call.status == UNPRICED
        doubtful += call.status in _DOUBTFUL
        tokens += int(call.usage.get("input_tokens", 0))
        output += int(call.usage.get("output_tokens", 0))
    root_id = root.fact[SPAN] if root is not None else None
    if root_id is None:
        root_id = next((call.span_id for call in calls if call.parent_id is None), None)
    return {
        "trace_id": f"{trace:032x}",
        "root_id": None if root_id is None else f"{root_id:016x}",
        "name": None if root is None else root.fact[NAME],
        "service": first.service if root is None else root.service,
        "session_id": first.session_id,
        "started_at": within_range(start),
        "duration_ns": within_range(max(0, end - start)),
        "spans": spans,
        "calls": len(calls),
        "unpriced_calls": unpriced,
        "cost_usd": usd_text(femto) if priced else None,
        "input_tokens": within_range(tokens),
        "output_tokens": within_range(output),
        "complete": not doubtful,
        "outcome": _outcome(root, above, calls),
        "scores": dict(scores),
    }


def _outcome(root: Above | None, above: Sequence[Above], calls: Sequence[CallRecord]) -> str | None:
    """Return the outcome of the root, else of the longest span above calls that has one, else of the last call."""
    found = [each for each in above if each.outcome]
    if found:
        return min(
            found, key=lambda each: (each is not root, each.fact[START] - each.fact[END], each.fact[SPAN])
        ).outcome
    of_calls = [call for call in calls if call.outcome]
    return max(of_calls, key=lambda call: call.start_ns).outcome if of_calls else None


def span_line(above: Above) -> bytes:
    """Return the line of a span above calls."""
    trace, span, parent, start, end, name = above.fact[:VALUES]
    duration = within_range(max(0, end - start))
    row = {"name": name, "service": above.service, "started_at": within_range(start), "duration_ns": duration}
    if parent:
        row["parent_id"] = "%016x" % parent  # noqa: UP031 (half the time of an f-string with a format)
    return b'{"trace_id":"%032x","span_id":"%016x",' % (trace, span) + encoded(row)[1:] + b"\n"


def scores_of(attributes: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    """Yield the evaluation scores among the attributes of a span, by name."""
    for key, value in attributes.items():
        if key.startswith(SCORE_PREFIX) and is_number(value):
            yield key.removeprefix(SCORE_PREFIX), float(value)  # type: ignore[arg-type]
    value = attributes.get(SCORE_VALUE)
    if is_number(value):
        name = attributes.get(SCORE_NAME)
        yield name if isinstance(name, str) else "score", float(value)  # type: ignore[arg-type]


def is_score(key: str) -> bool:
    """Return whether an attribute holds a score."""
    return key == SCORE_VALUE or key.startswith(SCORE_PREFIX)


def is_number(value: object) -> bool:
    """Return whether a value is a finite number and no boolean."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
