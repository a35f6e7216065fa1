# SPDX-License-Identifier: Apache-2.0
"""Whatever the tree and the order in which its spans end, every call is in the root's total or counted as late."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import set_span_in_context

from tests.otel.processor.simple import INPUT, MODEL, Set, processor

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies


@st.composite
def traces(draw: Any) -> tuple[list[int], list[int], list[int]]:
    """Parents of the inner spans (the first is the root), parents of the calls, and the order in which all end."""
    inner = [draw(st.integers(0, place)) for place in range(draw(st.integers(0, 6)))]
    calls = draw(st.lists(st.integers(0, len(inner)), min_size=1, max_size=6))
    return inner, calls, draw(st.permutations(range(1 + len(inner) + len(calls))))


@pytest.mark.parametrize("strategy", ["auto", "wrap", "on_end"])
@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(trace=traces())
def test_every_call_is_in_the_total_or_late(strategy: str, trace: tuple[list[int], list[int], list[int]]) -> None:
    """Token by token: call number n has 2**n of them."""
    inner, calls, order = trace
    made = Set(processor(strategy=strategy), exporter_first=False)
    spans = [made.tracer.start_span("root")]
    for parent in inner:
        spans.append(made.tracer.start_span("inner", context=set_span_in_context(spans[parent])))
    for number, parent in enumerate(calls):
        usage = {MODEL: "m", INPUT: 2**number}
        spans.append(made.tracer.start_span("call", context=set_span_in_context(spans[parent]), attributes=usage))
    for place in order:
        spans[place].end()
    expected = in_time([0, *inner, *calls], 1 + len(inner), order)
    root = made.kept.of("root")
    assert root.get("llm.trace_input_tokens", 0) == sum(2**number for number in expected)
    assert root.get("llm.trace_requests", 0) == len(expected)
    assert made.cost.stats["late"] == len(calls) - len(expected)
    assert made.cost.stats["own"] == len(calls)


def in_time(parents: list[int], first_call: int, order: list[int]) -> list[int]:
    """The calls whose subtotal reaches the root before it ends: each end moves what a span holds upwards."""
    held: dict[int, list[int]] = {place: [place - first_call] for place in range(first_call, len(parents))}
    ended: set[int] = set()
    for place in order:
        ended.add(place)
        if place == 0:
            return held.get(0, [])
        above = parents[place]
        while above in ended:
            above = parents[above]
        held.setdefault(above, []).extend(held.pop(place, []))
    raise AssertionError("the root ends")
