# SPDX-License-Identifier: Apache-2.0
"""Budgets tell what is used as gauges, count refused calls, and emit an event the first time in a period."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from opentelemetry import _logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from spancost.control.budgets import signals
from spancost.control.budgets.exceeded import BudgetExceeded
from spancost.core.budget.limit import Limit
from tests.control.budgets.test_budgets import budgets, facts, limit


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryLogRecordExporter]:
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", provider)
    yield exporter


def spent(*limits: Limit) -> Any:
    made = budgets(*limits)
    made.on_crossing = signals.tell
    made.reserve(facts())
    for _ in range(2):
        with pytest.raises(BudgetExceeded):
            made.reserve(facts())
    return made


def test_metrics_report_each_budget() -> None:
    reader = InMemoryMetricReader()
    made = spent(limit(200))
    metrics = signals.BudgetMetrics(made, MeterProvider([reader], shutdown_on_exit=False))
    data = reader.get_metrics_data()
    assert data is not None
    found = {
        metric.name: [(dict(point.attributes), point.value) for point in metric.data.data_points]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert found == {
        "llm.budget.used.usd": [({"llm.budget.id": "b"}, 120 / 10**15)],
        "llm.budget.limit.usd": [({"llm.budget.id": "b"}, 200 / 10**15)],
        "llm.budget.refused_requests": [({"llm.budget.id": "b"}, 2)],
    }
    metrics.is_on = False
    assert reader.get_metrics_data() is None


def test_a_budget_of_which_nothing_is_used_is_reported_as_zero() -> None:
    """Some backends keep the last value of a gauge that ends: after its window a budget would still seem used."""
    reader = InMemoryMetricReader()
    kept = signals.BudgetMetrics(budgets(limit(200)), MeterProvider([reader], shutdown_on_exit=False))
    data = reader.get_metrics_data()
    assert data is not None and kept.is_on
    metrics = {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    assert [point.value for point in metrics["llm.budget.used.usd"].data.data_points] == [0]


def test_an_event_is_emitted_once_a_period(log: InMemoryLogRecordExporter) -> None:
    spent(limit(200, warn_at=(Fraction(1, 2),)))
    told = [dict(each.log_record.attributes or {}) for each in log.get_finished_logs()]
    assert [(each["llm.budget.action"], each["llm.budget.share"]) for each in told] == [("warn", 0.5), ("refused", 1.0)]
    assert all(each["llm.budget.id"] == "b" for each in told)
