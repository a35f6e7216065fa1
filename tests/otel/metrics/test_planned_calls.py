# SPDX-License-Identifier: Apache-2.0
"""Calls that are counted by their plan, many at a time, add up as calls that are counted by their records do."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry.sdk.metrics import ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from spancost import LLMCostProcessor
from spancost.core.ledger import tallies
from tests.otel.metrics.reading import COST, REQUESTS, TOKENS, UNPRICED, nano, provider, sums, values
from tests.otel.processor.simple import INPUT, MODEL, Set

DELTA = {ObservableCounter: AggregationTemporality.DELTA}


def spent(calls: Set) -> int:
    """What the spans cost, in nano-dollars."""
    return sum(nano(attributes.get("llm.request_cost_usd", 0)) for _, attributes in calls.kept.spans)


def real(reader: InMemoryMetricReader, **options: Any) -> Set:
    """Calls under the real prices and dialects, which have plans."""
    return Set(LLMCostProcessor(meter_provider=provider(reader), **options))


def work(calls: Set) -> None:
    """Calls of two models with and without tags, one that costs nothing known, one whose tag is no text."""
    for number in range(30):
        tokens = {INPUT: 100 + number, "gen_ai.usage.output_tokens": 7, "gen_ai.usage.cache_read.input_tokens": number}
        named = {"gen_ai.provider.name": "openai", "gen_ai.operation.name": "chat"}
        model = ("gpt-4o", "gpt-4o-mini", "no-such-model")[number % 3]
        tags = {} if number % 2 else {"app.feature": f"f{number % 4}"}
        odd = {"app.team": [1, 2]} if number == 20 else {}
        calls.tracer.start_span("call", attributes={**named, MODEL: model, **tokens, **tags, **odd}).end()


def test_calls_of_one_plan_are_counted_as_their_records_would_be() -> None:
    """Series for series, for every metric; a listener makes every call be counted by its record."""
    found = []
    for options in ({}, {"on_call": [lambda _: None]}, {"metric_tags": ["+session_id"]}):
        reader = InMemoryMetricReader()
        calls = real(reader, **options)
        for _ in range(2):
            work(calls)
        assert spent(calls) == nano(sums(reader)[COST])
        tokens = sum(attributes["llm.total_tokens"] for _, attributes in calls.kept.spans)
        assert sums(reader)[TOKENS] == tokens
        assert sums(reader)[REQUESTS] == len(calls.kept.spans) == 60
        if "metric_tags" not in options:
            found.append({name: values(reader, name) for name in (COST, TOKENS, REQUESTS, UNPRICED)})
        metrics = calls.cost._metrics
        assert metrics is not None
        assert any(tally.total()[0] for each in metrics.table._series.values() for tally in each.tallies) is (
            not options
        )
    assert found[0] == found[1]


def test_calls_of_one_plan_add_up_while_threads_count_and_a_reader_collects() -> None:
    """To the nano-dollar and the token, however many calls wait to be added up when the reader comes."""
    delta = InMemoryMetricReader(preferred_temporality=DELTA)
    calls = real(delta)
    is_over = threading.Event()
    added = {COST: 0, TOKENS: 0, REQUESTS: 0}

    def collect() -> None:
        found = sums(delta)
        for name, sum_ in found.items():
            added[name] = added.get(name, 0) + (nano(sum_) if name == COST else int(sum_))

    def read_on() -> None:
        while not is_over.is_set():
            collect()

    reading = threading.Thread(target=read_on)
    threads = [threading.Thread(target=lambda: [work(calls) for _ in range(10)]) for _ in range(8)]
    reading.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    is_over.set()
    reading.join()
    collect()
    assert added[COST] == spent(calls)
    assert added[REQUESTS] == len(calls.kept.spans) == 2400
    assert added[UNPRICED] == 800
    assert added[TOKENS] == sum(attributes["llm.total_tokens"] for _, attributes in calls.kept.spans)


@pytest.mark.parametrize("limit", [1, 3, 8])
def test_tallies_are_evicted_and_their_series_keep_what_they_counted(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """More kinds of calls than tallies are kept for."""
    monkeypatch.setattr(tallies, "TALLIES", limit)
    reader = InMemoryMetricReader()
    calls = real(reader)
    for _ in range(5):
        work(calls)
        assert spent(calls) == nano(sums(reader)[COST])
    assert sums(reader)[REQUESTS] == 150
    assert sums(reader)[UNPRICED] == 50


def test_calls_of_one_plan_and_two_resources_are_counted_apart() -> None:
    """Where the environment is that of the resource; calls of both alternate."""
    reader = InMemoryMetricReader()
    calls = real(reader)
    other = TracerProvider(resource=Resource({"deployment.environment.name": "test"}), shutdown_on_exit=False)
    other.add_span_processor(calls.cost)
    fields = {"gen_ai.provider.name": "openai", "gen_ai.operation.name": "chat", MODEL: "gpt-4o"}
    for number in range(40):
        for tracer in (calls.tracer, other.get_tracer("tests")):
            tracer.start_span("call", attributes={**fields, INPUT: 1 + number}).end()
    found = values(reader, REQUESTS)
    assert {dict(each).get("app.environment"): value for each, value in found.items()} == {None: 40, "test": 40}
