# SPDX-License-Identifier: Apache-2.0
"""Metrics add up to the costs on the spans, for every reader, temporality and combination of attributes."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from spancost import LLMCostProcessor, attribution
from spancost.core.ledger import spend_table
from spancost.core.record import CallRecord
from tests.otel.metrics.reading import COST, REQUESTS, TOKENS, UNPRICED, nano, points, provider, series, sums, values
from tests.otel.processor.simple import Set, processor, simple_ledger

DELTA = {ObservableCounter: AggregationTemporality.DELTA}
CALL = {"llm.provider": "acme", "llm.model": "m", "llm.operation": "chat", "llm.cost_status": "priced"}


def made(meters: MeterProvider, **settings: Any) -> Set:
    return Set(LLMCostProcessor(ledger=simple_ledger(), meter_provider=meters, **settings))


def spent(calls: Set) -> int:
    """What the spans cost, in nano-dollars."""
    return sum(nano(attributes.get("llm.request_cost_usd", 0)) for _, attributes in calls.kept.spans)


def test_cost_calls_and_tokens_are_reported_by_the_names_of_the_spans() -> None:
    """The attributes of a series are those of its spans; the types of tokens add up to the total."""
    reader = InMemoryMetricReader()
    calls = made(provider(reader))
    with attribution(feature="search", team="growth", workspace_id="w"):
        calls.call(tokens=10, **{"gen_ai.usage.output_tokens": 4})
        calls.call(tokens=20)
    calls.call(tokens=5, **{"gen_ai.request.model": "unknown"})
    found = points(reader)
    searched = {**CALL, "app.feature": "search", "app.team": "growth"}
    failed = {**CALL, "llm.model": "unknown", "llm.cost_status": "unpriced"}

    def of(name: str) -> dict[Any, float]:
        return {frozenset(point.attributes.items()): point.value for point in found[name]}

    assert of(COST) == {frozenset(searched.items()): 0.034}
    assert of(REQUESTS) == {frozenset(searched.items()): 2, frozenset(failed.items()): 1}
    assert of(UNPRICED) == {frozenset(failed.items()): 1}
    assert of(TOKENS) == {
        frozenset({**searched, "llm.token.type": "input"}.items()): 30,
        frozenset({**searched, "llm.token.type": "output"}.items()): 4,
        frozenset({**failed, "llm.token.type": "input"}.items()): 5,
    }
    assert all(isinstance(point.value, int) for name in (REQUESTS, TOKENS) for point in found[name])


class WithoutHash(MeterProvider):
    """A provider that is compared by value, as a dataclass is: it has no hash."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WithoutHash)

    __hash__ = None  # type: ignore[assignment]


def test_a_provider_without_a_hash_is_one_of_its_own() -> None:
    """Two providers that are equal have instruments of their own; neither raises into the call."""
    for _ in range(2):
        reader = InMemoryMetricReader()
        calls = made(WithoutHash([reader]))
        calls.call(tokens=10)
        assert sum(values(reader, REQUESTS).values()) == 1
        assert not [name for name in calls.cost.stats if name.startswith("errors_")]


def test_two_readers_of_both_temporalities_each_get_everything() -> None:
    """Differences add up to the total, whichever reader collects first."""
    total, delta = InMemoryMetricReader(), InMemoryMetricReader(preferred_temporality=DELTA)
    calls = made(provider(total, delta))
    added = 0
    for step in range(1, 4):
        calls.call(tokens=step)
        added += nano(sums(delta)[COST])
        if step != 2:
            assert nano(sums(total)[COST]) == spent(calls)
    assert added == spent(calls) == 6_000_000


def test_calls_of_eight_threads_add_up() -> None:
    """While a reader collects all the time."""
    delta = InMemoryMetricReader(preferred_temporality=DELTA)
    calls = made(provider(delta))
    is_over = threading.Event()
    added: list[int] = []

    def read() -> None:
        while not is_over.is_set():
            added.append(nano(sums(delta).get(COST, 0)))

    def work(number: int) -> None:
        with attribution(team=f"t{number % 3}"):
            for tokens in range(1, 101):
                calls.call(tokens=tokens)

    reading = threading.Thread(target=read)
    reading.start()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    is_over.set()
    reading.join()
    added.append(nano(sums(delta).get(COST, 0)))
    assert sum(added) == spent(calls) == 8 * 5_050_000_000


def test_calls_of_many_tasks_add_up() -> None:
    """Each task has tags of its own."""
    reader = InMemoryMetricReader()
    calls = made(provider(reader))

    async def work(number: int) -> None:
        with attribution(feature=f"f{number}"):
            await asyncio.sleep(0)
            calls.call(tokens=number + 1)

    async def all_of_them() -> None:
        await asyncio.gather(*(work(number) for number in range(20)))

    asyncio.run(all_of_them())
    found = values(reader, COST)
    assert len(found) == 20
    assert nano(sum(found.values())) == spent(calls) == 210_000_000


def test_nothing_is_recorded_without_a_meter_provider_and_from_the_first_call_with_one() -> None:
    """A provider that is set up later is found at the next call."""
    ledger = simple_ledger()
    calls = Set(processor(ledger))
    calls.call()
    assert not ledger.makes_records
    assert not Set(processor(simple_ledger(), meter_provider=NoOpMeterProvider())).cost._metrics.is_on  # type: ignore[union-attr]


def test_metrics_can_be_switched_off() -> None:
    """No instrument is made."""
    reader = InMemoryMetricReader()
    made(provider(reader), metrics=False).call()
    assert points(reader) == {}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["model"], {"llm.model": "m"}),
        (["app.release", "workspace_id", "session_id"], {"app.release": "7", "app.workspace_id": "w"}),
        (["-provider", "-operation", "-status", "+tenant"], {"llm.model": "m", "app.workspace_id": "w"}),
        (["reason"], {}),
    ],
)
def test_a_setting_chooses_the_attributes(names: list[str], expected: dict[str, str]) -> None:
    """By short name or attribute; + and - change the default."""
    reader = InMemoryMetricReader()
    calls = made(provider(reader), metric_tags=names)
    with attribution(**{"app.release": "7"}, tenant="w"):
        calls.call()
    (found,) = values(reader, REQUESTS)
    assert {key: value for key, value in found if key != "session.id"} == expected
    assert ("session.id" in dict(found)) == ("session_id" in names)


def test_too_many_series_are_folded_and_counted_and_the_sum_stays_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """First the tags of a model become `other`, then everything does; no series is renamed."""
    reader = InMemoryMetricReader()
    calls = made(provider(reader), metric_tags=["model", "team"])
    table = calls.cost._metrics.table  # type: ignore[union-attr]
    table.__init__(table.attributes, 10)  # type: ignore[misc]
    for number in range(30):
        with attribution(team=f"t{number}"):
            calls.call(**{"gen_ai.request.model": f"m{number % 15}"})
    found = values(reader, COST)
    assert len(found) == 10
    assert nano(sum(found.values())) == spent(calls) == 300_000_000
    assert series(llm__model="other", app__team="other") in found
    assert any(dict(each)["app.team"] == "other" != dict(each)["llm.model"] for each in found)
    assert calls.cost.stats["metrics_folded"] == 25


def test_token_series_stay_below_the_limit_of_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A series that was reported keeps its name."""
    monkeypatch.setattr(spend_table, "TOKEN_LIMIT", 3)
    reader = InMemoryMetricReader()
    calls = made(provider(reader), metric_tags=["team"])
    for round_ in (1, 2):
        for number in range(4):
            with attribution(team=f"t{number}"):
                calls.call(tokens=1, **({"gen_ai.usage.output_tokens": 1} if round_ == 2 else {}))
        found = values(reader, TOKENS)
        assert sum(found.values()) == {1: 4, 2: 12}[round_]
        assert found[series(app__team="t2", llm__token__type="input")] == round_
        assert found[series(app__team="other", llm__token__type="input")] == round_


def test_processors_of_one_meter_provider_share_its_instruments(caplog: pytest.LogCaptureFixture) -> None:
    """Also one that is gone: what it counted was spent."""
    reader = InMemoryMetricReader()
    meters = provider(reader)
    first, second = made(meters), made(meters)
    first.call(tokens=1)
    second.call(tokens=2)
    assert nano(sums(reader)[COST]) == 3_000_000
    for _ in range(2):
        gone = made(meters)
        gone.call(tokens=10)
        del gone
        gc.collect()
    assert nano(sums(reader)[COST]) == 23_000_000
    assert "already" not in caplog.text


def record(**values: Any) -> CallRecord:
    fields = dict.fromkeys(CallRecord._fields)
    given = {"tags": {}, "usage": {}, "session_id": "s", "status": "priced", "cost_femto": 10**15, **values}
    return CallRecord(**{**fields, **given})


def read(table: spend_table.SpendTable) -> tuple[list[int], list[int]]:
    return [value for value, _ in table.read(spend_table.COST)], [value for value, _, _ in table.read_tokens()]


def test_a_correction_never_lowers_a_series_that_was_read() -> None:
    """It takes out what was not read yet; of what was, later calls make up for it."""
    table = spend_table.SpendTable(("llm.model",))
    call = record(model="m", usage={"input_tokens": 7})
    table.add(call)
    table.add(call)
    table.subtract(call)
    assert read(table) == ([10**15], [7])
    table.subtract(call)
    assert read(table) == ([10**15], [7])
    table.add(call)
    assert read(table) == ([10**15], [7])
    table.add(call)
    assert read(table) == ([2 * 10**15], [14])


def test_types_of_tokens_are_disjoint() -> None:
    """Meters contain each other; the types do not."""
    table = spend_table.SpendTable(())
    usage = {
        "input_tokens": 100,
        "cache_read_tokens": 60,
        "cache_write_tokens": 30,
        "output_tokens": 50,
        "reasoning_tokens": 20,
    }
    table.add(record(usage=usage))
    assert {name: value for value, _, name in table.read_tokens()} == {
        "input": 10,
        "cache_read": 60,
        "cache_write": 30,
        "output": 30,
        "reasoning": 20,
    }
