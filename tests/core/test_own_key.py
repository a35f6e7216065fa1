# SPDX-License-Identifier: Apache-2.0
"""A gateway's bill with and without an own key at the upstream provider is the same by a plan as in full."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.config import data
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.semconv import LLM_REQUEST_COST_USD
from spancost.core.span import Span

AMOUNTS = st.sampled_from([0, 0.001, 0.002, 0.5, "0.002", None])


def span(at: int, cost: Any, upstream: Any, own_key: Any) -> Span:
    usage = {"cost": cost, "cost_details": {"upstream_inference_cost": upstream}, "is_byok": own_key}
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openrouter",
        "gen_ai.request.model": "openai/gpt-4o",
        "gen_ai.usage.input_tokens": 100 + at,
        "gen_ai.usage.output_tokens": 50,
        "metadata.usage_object": repr(usage),
    }
    return Span(at, at, None, True, 10 * at, 10 * at + 1, "litellm", "", "chat", attributes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, st.sampled_from([True, False, None])), min_size=2, max_size=8))
def test_a_plan_bills_as_the_slow_path(calls: list[tuple[Any, Any, Any]]) -> None:
    """Whatever came before, each call has the cost that it has alone."""
    one = Ledger(data.default_dialects(), data.default_pricer(), LedgerOptions())
    for at, call in enumerate(calls, 1):
        alone = Ledger(data.default_dialects(), data.default_pricer(), LedgerOptions())
        expected = alone.end(span(at, *call)).writes
        assert one.end(span(at, *call)).writes == expected
        cost, upstream, own_key = call
        if isinstance(cost, float) and isinstance(upstream, float):
            is_own = cost < upstream if own_key is None else own_key
            assert abs(float(str(expected[LLM_REQUEST_COST_USD])) - (cost + upstream * is_own)) < 1e-12
