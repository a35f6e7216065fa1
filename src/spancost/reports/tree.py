# SPDX-License-Identifier: Apache-2.0
"""One trace as a tree: its calls, the spans above them, and the cost of each subtree; repeated calls are folded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from spancost.reports.periods import instant_text
from spancost.reports.selection import QuestionError
from spancost.store import sql
from spancost.store.calls import Engine

FOLDED_FROM = 4
"""Siblings in a row that are alike (operation and model, no spans below them) become one line from this number on."""
_CALL = (
    *("span_id", "parent_id", "operation", "model", "cost_usd", "status", "reason", "input_tokens", "output_tokens"),
    *("cached_input_tokens", "error", "duration_ns"),
)
_SPAN = ("span_id", "parent_id", "name", "service", "duration_ns")


class Node(NamedTuple):
    """A span of the tree. name: of the span, or operation and model of a call. cost_usd: of the span and below it.

    calls: how many calls that is; folded: how many siblings this node stands for. status: of a call, None for others.
    """

    depth: int
    span_id: str
    parent_id: str | None
    name: str
    started_at: int
    duration_ns: int
    cost_usd: Decimal | None
    calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    status: str | None
    reason: str | None
    folded: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return the node as an object."""
        return {**self._asdict(), "started_at": instant_text(self.started_at)}


class _Span:
    """A span of the trace while the tree is made."""

    def __init__(self, span_id: str, parent_id: str | None, started_at: int, row: dict[str, Any]) -> None:
        self.span_id = span_id
        self.parent_id = parent_id
        self.started_at = started_at
        self.row = row
        self.is_call = "status" in row
        self.name = " ".join(filter(None, (row["operation"], row["model"]))) if self.is_call else str(row["name"])


def tree(engine: Engine, trace_id: str, fold: bool = True) -> list[Node]:
    """Return the spans of a trace, parents first, siblings in order of time; QuestionError when there is none.

    trace_id: 32 hexadecimal digits, or the first ones (8 or more) of a single trace.
    """
    whole = _trace_named(engine, trace_id)
    spans: dict[str, _Span] = {}
    for table, columns in (("spans", _SPAN), ("calls", _CALL)):
        at = sql.nanoseconds("started_at", engine.dialect)
        names = ", ".join(sql.identifier(name) for name in columns)
        for row in engine.rows(f"SELECT {at}, {names} FROM {table} WHERE trace_id = {sql.text(whole, engine.dialect)}"):
            held = dict(zip(columns, row[1:], strict=True))
            spans[held["span_id"]] = _Span(held["span_id"], held["parent_id"], int(row[0]), held)
    below: dict[str | None, list[_Span]] = defaultdict(list)
    for span in spans.values():
        below[span.parent_id if span.parent_id in spans else None].append(span)
    for siblings in below.values():
        siblings.sort(key=lambda span: (span.started_at, span.span_id))
    return list(_nodes(below, None, 0, fold))


def _trace_named(engine: Engine, trace_id: str) -> str:
    wanted = trace_id.lower().removeprefix("0x")
    if not 8 <= len(wanted) <= 32 or set(wanted) - set("0123456789abcdef"):
        raise QuestionError(f"trace id: found {trace_id!r}; expected 32 hexadecimal digits, or the first 8 or more")
    end = wanted + "g"  # sorts after every digit
    bounds = f"trace_id >= {sql.text(wanted, engine.dialect)} AND trace_id < {sql.text(end, engine.dialect)}"
    found = engine.rows(f"SELECT DISTINCT trace_id FROM calls WHERE {bounds} LIMIT 2")
    if not found:
        raise QuestionError(f"trace id: found no trace {trace_id} with a model call in the source")
    if len(found) > 1:
        raise QuestionError(f"trace id: found several traces that begin with {trace_id}; expected more digits")
    return str(found[0][0])


def _nodes(below: dict[str | None, list[_Span]], parent: str | None, depth: int, fold: bool) -> Iterator[Node]:
    siblings = below.get(parent, [])
    at = 0
    while at < len(siblings):
        span = siblings[at]
        alike = 1
        if fold and span.is_call and span.span_id not in below:
            while at + alike < len(siblings) and _is_alike(span, siblings[at + alike], below):
                alike += 1
        if alike >= FOLDED_FROM:
            yield _folded(siblings[at : at + alike], depth)
            at += alike
            continue
        inner = list(_nodes(below, span.span_id, depth + 1, fold))
        yield _node(span, depth, [node for node in inner if node.depth == depth + 1])
        yield from inner
        at += 1


def _is_alike(span: _Span, other: _Span, below: dict[str | None, list[_Span]]) -> bool:
    return other.is_call and other.name == span.name and other.span_id not in below


def _node(span: _Span, depth: int, children: list[Node]) -> Node:
    row = span.row
    own = [row["cost_usd"]] if span.is_call and row["cost_usd"] is not None else []
    costs = own + [child.cost_usd for child in children if child.cost_usd is not None]
    return Node(
        depth,
        span.span_id,
        span.parent_id,
        span.name,
        span.started_at,
        int(row["duration_ns"]),
        sum(costs, Decimal(0)) if costs else None,
        int(span.is_call) + sum(child.calls for child in children),
        int(row.get("status") == "unpriced") + sum(child.unpriced_calls for child in children),
        int(row.get("input_tokens") or 0) + sum(child.input_tokens for child in children),
        int(row.get("output_tokens") or 0) + sum(child.output_tokens for child in children),
        row.get("status"),
        row.get("reason"),
    )


def _folded(spans: list[_Span], depth: int) -> Node:
    nodes = [_node(span, depth, []) for span in spans]
    first = nodes[0]
    costs = [node.cost_usd for node in nodes if node.cost_usd is not None]
    end = max(node.started_at + node.duration_ns for node in nodes)
    statuses = {node.status for node in nodes}
    return first._replace(
        name=f"{len(nodes)} × {first.name}",
        duration_ns=end - first.started_at,
        cost_usd=sum(costs, Decimal(0)) if costs else None,
        calls=len(nodes),
        unpriced_calls=sum(node.unpriced_calls for node in nodes),
        input_tokens=sum(node.input_tokens for node in nodes),
        output_tokens=sum(node.output_tokens for node in nodes),
        status=first.status if len(statuses) == 1 else "mixed",
        reason=first.reason if len({node.reason for node in nodes}) == 1 else None,
        folded=len(nodes),
    )
