# SPDX-License-Identifier: Apache-2.0
"""What the processor writes reaches every exporter, by every strategy and in any order of registration."""

from __future__ import annotations

import pytest

from tests.processor.simple import Set, processor


@pytest.mark.parametrize("exporter_first", [True, False])
@pytest.mark.parametrize("strategy", ["auto", "wrap"])
def test_cost_and_totals_reach_the_exporter_in_any_order(strategy: str, exporter_first: bool) -> None:
    """A call below two spans: its cost on itself, totals on both, the trace's on the root."""
    made = Set(processor(strategy=strategy), exporter_first=exporter_first)
    with made.tracer.start_as_current_span("root"), made.tracer.start_as_current_span("step"):
        made.call(tokens=10)
        made.call("second", tokens=5)
    assert made.kept.of("call")["llm.request_cost_usd"] == 0.01
    assert made.kept.of("step")["llm.subtree_cost_usd"] == 0.015
    assert made.kept.of("step")["llm.subtree_requests"] == 2
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.015
    assert "llm.trace_cost_usd" not in made.kept.of("step")
