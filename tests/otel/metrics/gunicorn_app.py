# SPDX-License-Identifier: Apache-2.0
"""A service for `test_gunicorn`: telemetry is set up and three calls are made at import, one call by each request.

Each process writes the costs of its spans and its metrics, of both temporalities, to files in the folder FOLDER.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from spancost import LLMCostProcessor

FOLDER = Path(os.environ["FOLDER"])
AT_IMPORT = 3


def write(kind: str, row: object) -> None:
    with (FOLDER / f"{kind}.{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


class SpanCosts(SpanExporter):
    """Writes what each span costs."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            write("spans", (span.attributes or {}).get("llm.request_cost_nanousd"))
        return SpanExportResult.SUCCESS


class Values(MetricExporter):
    """Writes {metric: sum of its points} at each export."""

    def __init__(self, kind: str, temporality: AggregationTemporality) -> None:
        super().__init__(preferred_temporality={ObservableCounter: temporality})
        self._kind = kind

    def export(self, metrics_data: MetricsData, timeout_millis: float = 0, **_: Any) -> MetricExportResult:
        sums: dict[str, float] = {}
        for resource in metrics_data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found = sum(point.value for point in metric.data.data_points)  # type: ignore[union-attr,misc]
                    sums[metric.name] = sums.get(metric.name, 0) + found
        write(self._kind, sums)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 0) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 0, **_: Any) -> None:
        pass


readers = [
    PeriodicExportingMetricReader(Values(kind, temporality), export_interval_millis=300)
    for kind, temporality in (("total", AggregationTemporality.CUMULATIVE), ("delta", AggregationTemporality.DELTA))
]
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(SpanCosts()))
provider.add_span_processor(LLMCostProcessor(meter_provider=MeterProvider(readers)))
tracer = provider.get_tracer("service")


def call(tokens: int) -> None:
    attributes = {
        "gen_ai.provider.name": "openai",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": 1,
    }
    tracer.start_span("call", attributes=attributes).end()


for number in range(AT_IMPORT):
    call(1000 + number)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Make one call of as many tokens as the path says."""
    call(int(environ["PATH_INFO"].strip("/") or 1))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
