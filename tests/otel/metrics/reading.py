# SPDX-License-Identifier: Apache-2.0
"""Reads what a metric reader collected as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

Series = frozenset[tuple[str, Any]]
COST, TOKENS, REQUESTS, UNPRICED = "llm.cost.usd", "llm.tokens", "llm.requests", "llm.unpriced_requests"


def provider(*readers: Any) -> MeterProvider:
    return MeterProvider(readers, resource=Resource.get_empty(), shutdown_on_exit=False)


def points(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    """Collect once; return the data points of each metric by name."""
    found: dict[str, list[Any]] = {}
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data is not None else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                found.setdefault(metric.name, []).extend(metric.data.data_points)
    return found


def values(reader: InMemoryMetricReader, name: str) -> dict[Series, float]:
    """Collect once; return the value of each series of *name*."""
    return {frozenset(point.attributes.items()): point.value for point in points(reader).get(name, ())}


def sums(reader: InMemoryMetricReader) -> dict[str, float]:
    """Collect once; return the sum over all series of each metric."""
    return {name: sum(point.value for point in found) for name, found in points(reader).items()}


def nano(usd: float) -> int:
    return round(usd * 1e9)


def series(**attributes: str) -> Series:
    return frozenset((key.replace("__", "."), value) for key, value in attributes.items())


def of(attributes: Mapping[str, Any]) -> Series:
    return frozenset(attributes.items())
