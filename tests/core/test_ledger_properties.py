# SPDX-License-Identifier: Apache-2.0
"""The laws of totals, order, copies and repetition over random traces that several emitters report."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.core import semconv as names
from spancost.store.enrich import enrich
from spancost.store.otlp_json import carried_spans
from tests.core.ledgers import ledger, request_of, written

PRICE = {"input": 2_000_000_007, "output": 8_000_000_011, "unknown": ["mystery"]}
FEMTO = 10**15
SCOPES = ("opentelemetry.instrumentation.genai.openai", "com.anthropic.sdk.python", "acme.llm", "app")
OPERATIONS = ("chat", "embeddings", "invoke_agent", "execute_tool")
MODELS = ("gpt-4o", "mystery", "claude-sonnet-4-5")


@st.composite
def span(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """One span of a trace: anywhere below an earlier one, with or without usage, sometimes in another service."""
    start = draw(st.integers(0, 50))
    attributes: dict[str, Any] = {}
    if draw(st.booleans()):
        attributes = {
            "gen_ai.operation.name": draw(st.sampled_from(OPERATIONS)),
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": draw(st.sampled_from(MODELS)),
        }
        for key, values in (
            ("gen_ai.usage.input_tokens", st.integers(0, 4)),
            ("gen_ai.usage.output_tokens", st.integers(0, 3)),
            ("gen_ai.usage.cache_read.input_tokens", st.integers(0, 9)),
            ("gen_ai.response.id", st.sampled_from("abcdef")),
        ):
            if draw(st.booleans()):
                attributes[key] = draw(values)
    return {
        "trace": draw(st.integers(1, 2)),
        "span": number,
        "parent": draw(st.one_of(st.none(), st.integers(1, number - 1))) if number > 1 else None,
        "start": start,
        "end": start + draw(st.integers(0, 50)),
        "scope": draw(st.sampled_from(SCOPES)),
        "service": draw(st.sampled_from(("app", "worker"))),
        "attributes": attributes,
        "error": draw(st.booleans()) and draw(st.booleans()),
    }


@st.composite
def traces(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [draw(span(number)) for number in range(1, draw(st.integers(1, 14)) + 1)]


def enriched(*requests: dict[str, Any]) -> list[dict[str, Any]]:
    """Return copies of *requests*, enriched as one set in hand."""
    copies = copy.deepcopy(list(requests))
    enrich([carried for request in copies for carried in carried_spans(request)], ledger(PRICE))
    return copies


def result(spans: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    before = {f"{one['trace']}/{one['span']}": one["attributes"] for one in spans}
    return written(enriched(request_of(spans))[0], before)


def femto(attributes: dict[str, Any]) -> int:
    return round(attributes.get(names.LLM_REQUEST_COST_USD, 0) * FEMTO)


@settings(deadline=None, max_examples=60)
@given(traces())
def test_a_subtree_is_the_sum_of_the_calls_in_it(spans: list[dict[str, Any]]) -> None:
    """To the last femto-dollar, on every ancestor; roots carry the same as their subtree."""
    got = result(spans)
    keys = {(one["trace"], one["span"]): one for one in spans}
    sums: dict[tuple[int, int], list[int]] = {key: [0, 0, 0] for key in keys}
    for key in keys:
        own = got.get(f"{key[0]}/{key[1]}", {})
        node: tuple[int, int] | None = key
        while node in keys:
            sums[node][0] += femto(own)
            sums[node][1] += own.get(names.LLM_INPUT_TOKENS, 0)
            sums[node][2] += own.get(names.LLM_OUTPUT_TOKENS, 0)
            node = (node[0], keys[node]["parent"])
    for (trace, number), (cost, entered, left) in sums.items():
        has = got.get(f"{trace}/{number}", {})
        for kind in ("subtree", "trace"):
            if f"llm.{kind}_input_tokens" in has:
                assert round(has.get(f"llm.{kind}_cost_usd", 0) * FEMTO) == cost
                assert (has[f"llm.{kind}_input_tokens"], has[f"llm.{kind}_output_tokens"]) == (entered, left)
        above = (trace, keys[trace, number]["parent"])
        if cost and above in keys:
            assert names.LLM_SUBTREE_COST_USD in got[f"{above[0]}/{above[1]}"]


@settings(deadline=None, max_examples=50)
@given(traces(), st.randoms(use_true_random=False), st.integers(0, 14))
def test_order_batches_and_copies_change_nothing(spans: list[dict[str, Any]], random: Any, cut: int) -> None:
    expected = result(spans)
    shuffled = [*spans, *random.sample(spans, len(spans) // 2)]
    random.shuffle(shuffled)
    batches = enriched(request_of(shuffled[:cut]), request_of(shuffled[cut:]))
    before = {f"{one['trace']}/{one['span']}": one["attributes"] for one in spans}
    together = {"resourceSpans": [item for batch in batches for item in batch["resourceSpans"]]}
    assert written(together, before) == expected


@settings(deadline=None, max_examples=50)
@given(traces())
def test_running_twice_changes_nothing(spans: list[dict[str, Any]]) -> None:
    once = enriched(request_of(spans))
    assert enriched(*once) == once


@settings(deadline=None, max_examples=50)
@given(traces())
def test_unknown_has_a_reason_and_nothing_is_negative(spans: list[dict[str, Any]]) -> None:
    for attributes in result(spans).values():
        status = attributes.get(names.LLM_COST_STATUS)
        cost = attributes.get(names.LLM_REQUEST_COST_USD)
        assert cost is None or cost >= 0
        if status == "unpriced":
            assert cost is None and names.LLM_COST_REASON in attributes
        if status in ("duplicate", "aggregate"):
            assert (
                set(attributes) & {names.LLM_INPUT_TOKENS, names.LLM_OUTPUT_TOKENS, names.LLM_REQUEST_COST_USD} == set()
            )
            assert names.LLM_COST_REASON in attributes
        if cost == 0:
            assert not attributes.get(names.LLM_TOTAL_TOKENS)
