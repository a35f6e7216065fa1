# SPDX-License-Identifier: Apache-2.0
"""A trace as rows, parents before children in order of their start, with the attributes from spancost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from spancost.core import call, semconv
from spancost.store.otlp_receiver import ReceivedSpan

TOTAL = "total"
CALL = "call"
REPEAT = "repeat"
FAILED = "failed"
PLAIN = "plain"
_REPEATS = frozenset({call.DUPLICATE, call.AGGREGATE})


class Row(NamedTuple):
    """One span. lasts: for the span and each one above it but the root, whether it is the last child of its parent.

    kind: TOTAL (a span above calls), CALL, REPEAT (its usage is counted on another span), FAILED or PLAIN.
    cached_tokens, written_tokens: of the input. usd: cost of the call or of the subtree, None when it is
    unknown; is_complete: whether it covers everything. outcome: the recorded outcome, "" for none.
    """

    lasts: tuple[bool, ...]
    kind: str
    label: str
    scope: str
    input_tokens: int
    cached_tokens: int
    written_tokens: int
    output_tokens: int
    reasoning_tokens: int
    usd: float | None
    is_complete: bool
    outcome: str


def rows(spans: Iterable[ReceivedSpan]) -> list[Row]:
    """Return the rows of *spans*; a span whose parent is not among them is a root."""
    known = list(spans)
    ids = {span.span_id for span in known}
    children: dict[str, list[ReceivedSpan]] = defaultdict(list)
    for span in sorted(known, key=lambda span: span.start_ns):
        children[span.parent_id if span.parent_id in ids else ""].append(span)

    def below(parent_id: str, lasts: tuple[bool, ...]) -> Iterator[Row]:
        family = children[parent_id]
        for span in family:
            place = (*lasts, span is family[-1]) if parent_id else ()
            yield _row(span, place)
            yield from below(span.span_id, place)

    return list(below("", ()))


def is_counted(span: ReceivedSpan) -> bool:
    """Return whether *span* is a call of its own, priced or not."""
    status = span.attributes.get(semconv.LLM_COST_STATUS)
    return status is not None and status not in _REPEATS


def _row(span: ReceivedSpan, lasts: tuple[bool, ...]) -> Row:
    kind, label = _kind(span)
    found = span.attributes
    own = kind == CALL
    return Row(
        lasts,
        kind,
        label,
        span.scope,
        found.get(semconv.LLM_INPUT_TOKENS if own else semconv.LLM_SUBTREE_INPUT_TOKENS, 0),
        found.get(semconv.LLM_CACHED_INPUT_TOKENS, 0) if own else 0,
        found.get(semconv.LLM_CACHE_WRITE_INPUT_TOKENS, 0) if own else 0,
        found.get(semconv.LLM_OUTPUT_TOKENS if own else semconv.LLM_SUBTREE_OUTPUT_TOKENS, 0),
        found.get(semconv.LLM_REASONING_OUTPUT_TOKENS, 0) if own else 0,
        found.get(semconv.LLM_REQUEST_COST_USD if own else semconv.LLM_SUBTREE_COST_USD),
        not found.get(semconv.LLM_SUBTREE_UNPRICED_REQUESTS),
        str(found.get(semconv.APP_OUTCOME, "")),
    )


def _kind(span: ReceivedSpan) -> tuple[str, str]:
    if is_counted(span):
        return CALL, f"{span.attributes[semconv.LLM_OPERATION]} {span.attributes.get(semconv.LLM_MODEL, '(no model)')}"
    if semconv.LLM_COST_STATUS in span.attributes:
        return REPEAT, span.name
    if span.is_error:
        return FAILED, span.name
    if semconv.LLM_SUBTREE_REQUESTS in span.attributes:
        return TOTAL, span.name
    return PLAIN, span.name
