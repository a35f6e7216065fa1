# SPDX-License-Identifier: Apache-2.0
"""The data of one trace: its spans as a tree, with own and subtree cost, and the spans that are not counted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from spancost.diagnose.doctor.fixes import meaning
from spancost.reports.tree import Node, tree
from spancost.store.calls import Engine


def trace_page(engine: Engine, trace_id: str) -> dict[str, Any]:
    """Return the spans of a trace, parents first; QuestionError when there is no such trace.

    A span is a list: depth, id, name, start and duration (ns after the first start), subtree cost, own cost, calls,
    input, output, status, reason.
    """
    nodes = tree(engine, trace_id, fold=False)
    first = min(node.started_at for node in nodes)
    end = max(node.started_at + node.duration_ns for node in nodes)
    own = _own_costs(nodes)
    reasons = sorted({node.reason for node in nodes if node.reason})
    return {
        "trace_id": trace_id,
        "name": nodes[0].name,
        "started_at": nodes[0].as_json()["started_at"],
        "duration_ns": end - first,
        "cost_usd": _usd(sum((node.cost_usd or Decimal(0) for node in nodes if node.depth == 0), Decimal(0))),
        "calls": sum(node.calls for node in nodes if node.depth == 0),
        "unpriced": sum(node.unpriced_calls for node in nodes if node.depth == 0),
        "spans": [
            [
                node.depth,
                node.span_id,
                node.name,
                node.started_at - first,
                node.duration_ns,
                _usd(node.cost_usd),
                _usd(cost),
                node.calls,
                node.input_tokens,
                node.output_tokens,
                node.status,
                node.reason,
            ]
            for node, cost in zip(nodes, own, strict=True)
        ],
        "meanings": {reason: meaning(reason) for reason in reasons},
    }


def _own_costs(nodes: list[Node]) -> list[Decimal | None]:
    """Return the cost of each span itself: of its subtree less those of the spans directly below it."""
    below = [Decimal(0)] * len(nodes)
    path: list[int] = []
    for index, node in enumerate(nodes):
        del path[node.depth :]
        if path and node.cost_usd is not None:
            below[path[-1]] += node.cost_usd
        path.append(index)
    return [
        None if node.status is None or node.cost_usd is None else node.cost_usd - below[index]
        for index, node in enumerate(nodes)
    ]


def _usd(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
