# SPDX-License-Identifier: Apache-2.0
"""A span that looks like one seen before gets what the ledger works out in full, to the last byte and in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.config import data
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.ledger.plan import PLANS_KEPT
from spancost.core.ledger.rollup import KEPT_CALLS, Subtotal
from spancost.core.ledger.writes import Written
from spancost.core.span import Span

SCOPES = (
    "opentelemetry.instrumentation.openai_v2",
    "openinference.instrumentation.openai",
    "opentelemetry.instrumentation.genai.langchain",
    "anthropic",
    "elsewhere",
)
WORDS: tuple[Mapping[str, Any], ...] = (
    {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini"},
    {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5.4"},
    {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-sonnet-4-5"},
    {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-sonnet-4-20250514"},
    {"gen_ai.provider.name": "gcp.gemini", "gen_ai.request.model": "gemini-2.5-pro"},
    {"gen_ai.provider.name": "deepseek", "gen_ai.request.model": "deepseek-chat"},
    {"gen_ai.provider.name": "openai", "gen_ai.request.model": "no-such-model"},
    {"gen_ai.provider.name": "openai", "gen_ai.request.model": "o3", "gen_ai.openai.response.service_tier": "flex"},
)
COUNTS = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.reasoning.output_tokens",
    "llm.usage.total_tokens",
    "llm.token_count.prompt",
    "llm.token_count.completion",
)
JUNE_2024, JUNE_2025, JUNE_2026 = 1_717_200_000_000_000_000, 1_748_800_000_000_000_000, 1_780_300_000_000_000_000
NUMBERS = st.one_of(
    st.sampled_from((0, 1, 7, 100, 128_000, 200_000, 200_001, 272_001, 1 << 53, 1 << 62)),
    st.integers(0, 3_000),
    st.sampled_from((-1, 1.0, 2.5, True, "12", None)),
)
SHAPES = st.tuples(
    st.sampled_from(SCOPES),
    st.sampled_from(WORDS),
    st.lists(st.sampled_from(COUNTS), min_size=1, max_size=5, unique=True),
    st.sampled_from(("chat", "embeddings", "invoke_agent")),
)


@st.composite
def spans(draw: Any) -> list[Span]:
    """Spans of few shapes with many numbers, some below others, some twice, their ids and times close together."""
    shapes = draw(st.lists(SHAPES, min_size=1, max_size=3))
    made = []
    for _ in range(draw(st.integers(4, 16))):
        scope, words, counts, operation = draw(st.sampled_from(shapes))
        attributes = {"gen_ai.operation.name": operation, **words, **{key: draw(NUMBERS) for key in counts}}
        if draw(st.booleans()):
            number = draw(st.integers(0, 12))
            attributes["gen_ai.response.id"] = draw(
                st.sampled_from((f"r{number}", f"msg_01t32dlp9EbBge58UlNjN{number:03d}"))
            )
        span_id, parent_id = draw(st.integers(1, 30)), draw(st.sampled_from((None, 31, 31, 31, 1, 2, 3)))
        start = draw(st.sampled_from((JUNE_2024, JUNE_2026))) + draw(st.integers(0, 5))
        is_root = parent_id is None or draw(st.integers(0, 9)) == 0
        is_error = draw(st.integers(0, 9)) == 0
        made.append(
            Span(1, span_id, parent_id, is_root, start, start + 3, scope, "2.0", "call", attributes, is_error, None)
        )
    return made


def ended(ledger: Ledger, all_spans: Iterable[Span], *, in_full: bool) -> list[Any]:
    """Return what is written on each span and on the root above them, and what is counted."""
    end = ledger.process_uncached if in_full else ledger.end
    found: list[Any] = [list(end(span).writes.items()) for span in all_spans]
    found.append(list(end(Span(1, 31, None, True, 0, 1, "", "", "root", {})).writes.items()))
    return [*found, ledger.counters]


@settings(max_examples=300, deadline=None)
@given(spans(), st.booleans(), st.booleans())
def test_what_is_planned_is_what_is_worked_out_in_full(made: list[Span], keeps: bool, joins: bool) -> None:
    """A ledger that has seen spans like these, and one that works out every span, write the same in the same order."""
    options = LedgerOptions(keep_provider=keeps, join_services=joins)
    seasoned, plain = (Ledger(data.default_dialects(), data.default_pricer(), options) for _ in range(2))
    for _ in range(2):
        ended(seasoned, made, in_full=False)
        ended(plain, made, in_full=True)
        seasoned.clear()
        plain.clear()
    assert ended(seasoned, made, in_full=False) == ended(plain, made, in_full=True)


def test_a_root_whose_id_is_that_of_a_doubted_span_says_that_its_trace_may_be_incomplete() -> None:
    words = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini"}
    used = [(1, 3, 0, 1), (1, None, 0, 0), (3, None, 0, 1), *[(1, None, 0, 0)] * 4, (1, None, 1, 0)]
    made = []
    for span_id, parent_id, output, written in used:
        counts = {"output_tokens": output, "input_tokens": 0, "cache_creation.input_tokens": written}
        attributes = {**words, **{f"gen_ai.usage.{key}": count for key, count in counts.items()}}
        place = (1, span_id, parent_id, parent_id is None, JUNE_2024, JUNE_2024 + 3)
        made.append(Span(*place, "opentelemetry.instrumentation.openai_v2", "2.0", "call", attributes, True, None))
    seasoned, plain = (Ledger(data.default_dialects(), data.default_pricer()) for _ in range(2))
    for _ in range(3):
        assert ended(seasoned, made, in_full=False) == ended(plain, made, in_full=True)
        seasoned.clear()
        plain.clear()


PARAMETERS = (
    '{"temperature": 0.2}',
    '{"service_tier": "flex"}',
    '{"service\\u005ftier": "flex"}',
    "{'service_tier': 'priority'}",
    '{"messages": ["\\u0041"]}',
    "not JSON",
)


@pytest.mark.parametrize("first", PARAMETERS)
@pytest.mark.parametrize("second", PARAMETERS)
def test_what_is_inside_an_attribute_is_found_by_a_plan_too(first: str, second: str) -> None:
    """A text that holds none of the words is not parsed; a key may be written with an escape."""
    plain = {"openinference.span.kind": "LLM", "llm.provider": "openai", "llm.model_name": "o3"}
    counts = {"llm.token_count.prompt": 1_000, "llm.token_count.completion": 10}
    made = [
        Span(
            1, number, 31, False, JUNE_2026, JUNE_2026 + 3, SCOPES[1], "0.1", "call",
            {**plain, "llm.invocation_parameters": text, **counts, "llm.response.id": f"r{number}"},
        )
        for number, text in enumerate((first, first, first, second, second, second, first), 1)
    ]  # fmt: skip
    seasoned, plain_ledger = (Ledger(data.default_dialects(), data.default_pricer()) for _ in range(2))
    assert ended(seasoned, made, in_full=False) == ended(plain_ledger, made, in_full=True)


@pytest.mark.parametrize("first", ["o3", "", None])
@pytest.mark.parametrize("second", ["gpt-4o-mini", "", None])
def test_a_text_is_read_where_the_attribute_that_wins_over_it_is_empty(first: str | None, second: str | None) -> None:
    """Logfire encodes the request; its model counts where no attribute names one."""
    counts = {"gen_ai.usage.input_tokens": 1_000, "gen_ai.usage.output_tokens": 10}
    made = [
        Span(
            1, number, 31, False, JUNE_2026, JUNE_2026 + 3, "logfire.openai", "5.2.0", "call",
            {
                "gen_ai.provider.name": "openai", "gen_ai.request.model": model,
                "request_data": '{"model": "gpt-4o", "messages": []}', **counts, "gen_ai.response.id": f"r{number}",
            },
        )
        for number, model in enumerate((first, first, first, first, second, second, second, second, first), 1)
    ]  # fmt: skip
    seasoned, plain = (Ledger(data.default_dialects(), data.default_pricer()) for _ in range(2))
    assert ended(seasoned, made, in_full=False) == ended(plain, made, in_full=True)


def call(number: int, parent_id: int | None = 31, **more: Any) -> Span:
    attributes = {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 1000 + number,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.response.id": f"r{number}",
    }
    at = JUNE_2026 + number
    return Span(
        1, 100 + number, parent_id, parent_id is None, at, at + 1, SCOPES[0], "2", "chat", {**attributes, **more}
    )


def planned(ledger: Ledger, span: Span) -> bool:
    """Whether a ledger casts *span*; it is not ended when it does not."""
    written: Written = {}
    is_planned = None is not ledger.try_plan(
        (span.trace_id, None, None),
        (span.span_id, span.parent_id, span.is_local_root, span.start_ns, span.end_ns),
        ((span.scope_name, span.scope_version, span.language), span.name),
        span.attributes,
        written,
    )
    assert is_planned == bool(written)
    return is_planned


def ledger_that_saw(*seen: Span) -> Ledger:
    ledger = Ledger(data.default_dialects(), data.default_pricer())
    for span in seen:
        ledger.end(span)
    return ledger


def test_the_third_span_of_a_kind_is_planned() -> None:
    """Without this the law above would hold of a ledger that never casts."""
    ledger = ledger_that_saw(call(0))
    assert not planned(ledger, call(1))
    ledger.end(call(1))
    assert planned(ledger, call(2))
    assert planned(ledger, call(3, None))
    assert ledger.counters["own"] == 4


@pytest.mark.parametrize("never_twice", ["gen_ai.response.finish_reasons", None])
def test_spans_that_never_look_alike_make_no_plans(never_twice: str | None) -> None:
    """To make one takes longer than to work a span out: by words under the same keys, and by keys."""
    ledger = ledger_that_saw(*(call(each, **{never_twice or f"key.{each}": (f"{each}",)}) for each in range(50)))
    plans = ledger._plans
    assert plans is not None
    assert sum(len(one.plans) for scope in plans._layouts.values() for one in scope.values() if one) <= 1


@pytest.mark.parametrize(
    "odd",
    [
        call(2, **{"gen_ai.request.model": "gpt-4o"}),
        call(2, **{"gen_ai.usage.input_tokens": -1}),
        call(2, **{"gen_ai.usage.input_tokens": True}),
        call(2, **{"gen_ai.usage.reasoning.output_tokens": 3}),
        call(2, **{"gen_ai.response.id": "r0"}),
        call(2, **{"gen_ai.response.id": ""}),
        call(2, **{"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}),
        call(2)._replace(scope_version="3"),
    ],
)
def test_what_differs_in_more_than_numbers_is_worked_out_in_full(odd: Span) -> None:
    assert not planned(ledger_that_saw(call(0), call(1)), odd)


def test_a_plan_follows_the_rates_of_the_time() -> None:
    """The price of o3 fell on 2025-06-10: a call of another time is worked out anew, and then calls like that one."""
    o3 = {"gen_ai.request.model": "o3"}
    ledger = ledger_that_saw(call(0, **o3), call(1, **o3))
    before = [call(number, **o3)._replace(start_ns=JUNE_2025) for number in (3, 4)]
    assert planned(ledger, call(2, **o3))
    assert not planned(ledger, before[0])
    ledger.end(before[0])
    assert planned(ledger, before[1])


def test_many_calls_beneath_one_span_add_up_in_bounded_memory() -> None:
    ledger = ledger_that_saw(call(0))
    number = 20 * KEPT_CALLS
    for each in range(1, number):
        assert ledger.end(call(each)).writes
    held = ledger._pending.get(31)
    assert isinstance(held, list) and len(held) <= KEPT_CALLS and isinstance(held[0], Subtotal)
    written = ledger.end(Span(1, 31, None, True, 0, 1, "", "", "root", {})).writes
    assert written["llm.trace_requests"] == number
    assert written["llm.trace_input_tokens"] == sum(1000 + each for each in range(number))


def test_plans_are_bounded() -> None:
    """Ever new values, each seen twice, make ever new plans; past a number all are evicted."""
    ledger = ledger_that_saw(
        *(call(each, **{"gen_ai.response.finish_reasons": (f"{each // 2}",)}) for each in range(10_000))
    )
    plans = ledger._plans
    assert plans is not None
    kept = sum(len(one.plans) for scope in plans._layouts.values() for one in scope.values() if one)
    assert 0 < kept <= PLANS_KEPT
