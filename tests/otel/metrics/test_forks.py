# SPDX-License-Identifier: Apache-2.0
"""Parent and child each report their own calls, once, in both temporalities."""

from __future__ import annotations

# Loaded before a provider is made: SDK 1.45 uses it in its fork handler, where a handler that was registered later has
# not released its lock yet, so that the child of a child waits for ever.
import concurrent.futures.thread  # noqa: F401
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from spancost import LLMCostProcessor
from tests.otel.metrics.reading import COST, nano, points, provider
from tests.otel.processor.simple import INPUT, MODEL, Set, simple_ledger

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]
DELTA = {ObservableCounter: AggregationTemporality.DELTA}


class Service:
    """A processor whose metrics two readers collect, one of each temporality."""

    def __init__(self, **options: Any) -> None:
        self.total = InMemoryMetricReader()
        self.delta = InMemoryMetricReader(preferred_temporality=DELTA)
        options.setdefault("ledger", simple_ledger())
        cost = LLMCostProcessor(meter_provider=provider(self.total, self.delta), **options)
        self.calls = Set(cost)

    def read(self) -> list[list[int]]:
        """Collect both: [the total of each series], [the difference of each series], in nano-dollars."""
        return [[nano(point.value) for point in points(reader).get(COST, ())] for reader in (self.total, self.delta)]


def in_child(work: Callable[[], Any]) -> Any:
    """Return what *work* returns in a forked child."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result"
        child = os.fork()
        if not child:
            try:
                result.write_text(json.dumps(work()))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        return json.loads(result.read_text())


def test_a_child_reports_its_own_calls_only() -> None:
    """The parent had collected its own, and another child comes later."""
    service = Service()
    service.calls.call(tokens=10)
    assert service.read() == [[10_000_000], [10_000_000]]

    def child() -> Any:
        before = service.read()
        service.calls.call(tokens=3)
        first = service.read()
        service.calls.call(tokens=4)
        return before, first, service.read()

    expected = [[[], []], [[3_000_000], [3_000_000]], [[7_000_000], [4_000_000]]]
    assert in_child(child) == expected
    service.calls.call(tokens=1)
    assert service.read() == [[11_000_000], [1_000_000]]
    assert in_child(child) == expected
    assert service.read() == [[11_000_000], [0]]


def test_a_child_of_a_child_reports_its_own_calls_only() -> None:
    """Each generation begins at 0."""
    service = Service()
    service.calls.call(tokens=10)
    service.read()

    def grandchild() -> Any:
        service.calls.call(tokens=5)
        return service.read()

    def child() -> Any:
        service.calls.call(tokens=3)
        service.read()
        return in_child(grandchild), service.read()

    assert in_child(child) == [[[5_000_000], [5_000_000]], [[3_000_000], [0]]]


def test_a_child_of_a_process_without_calls_needs_no_scope_of_its_own() -> None:
    """As a server that forks its workers before it serves."""
    service = Service()

    def scopes(reader: InMemoryMetricReader) -> Any:
        data = reader.get_metrics_data()
        assert data is not None
        return [dict(scope.scope.attributes or {}) for each in data.resource_metrics for scope in each.scope_metrics]

    def child() -> Any:
        service.calls.call(tokens=3)
        return service.read(), scopes(service.total)

    assert in_child(child) == [[[3_000_000], [3_000_000]], [{}]]


def test_calls_that_were_not_collected_before_the_fork_are_reported_by_the_parent() -> None:
    """And by nobody else."""
    service = Service()
    service.calls.call(tokens=10)

    def child() -> Any:
        service.calls.call(tokens=3)
        return service.read()

    assert in_child(child) == [[3_000_000], [3_000_000]]
    assert service.read() == [[10_000_000], [10_000_000]]


def test_calls_that_wait_to_be_added_up_are_the_parents() -> None:
    """Calls of one plan are appended to a list: the child begins with none of them, and counts by plans of its own."""
    service = Service(ledger=None)

    def call(times: int) -> None:
        fields = {"gen_ai.provider.name": "openai", "gen_ai.operation.name": "chat", MODEL: "gpt-4o", INPUT: 1000}
        for _ in range(times):
            service.calls.tracer.start_span("call", attributes=fields).end()

    def child() -> Any:
        call(5)
        first = service.read()
        call(40)
        return first, service.read()

    call(20)
    one = 2_500_000
    assert in_child(child) == [[[5 * one], [5 * one]], [[45 * one], [40 * one]]]
    call(1)
    assert service.read() == [[21 * one], [21 * one]]
