# SPDX-License-Identifier: Apache-2.0
"""A service with budgets and detectors, told what to do by lines: `spend FEATURE USD`, `refuse FEATURE`, `storm`.

Run as `python -m tests.dashboards.budgeted BUDGETS`. It exports by OTLP the metrics of budgets and of anomalies,
and not its spend.
"""

from __future__ import annotations

import sys

from opentelemetry import metrics as api
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View
from opentelemetry.sdk.trace import TracerProvider

import spancost
from spancost.otel import metrics

OFTEN_MS = 300


def storm(processor: spancost.LLMCostProcessor) -> None:
    """Send one request again and again."""
    provider = TracerProvider()
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("opentelemetry.instrumentation.openai_v2")
    with spancost.attribution(feature="search"), tracer.start_as_current_span("agent"):
        for tokens in (300, 400, *[500] * 8):
            with tracer.start_as_current_span("chat") as span:
                span.set_attributes(
                    {
                        "gen_ai.operation.name": "chat",
                        "gen_ai.provider.name": "openai",
                        "gen_ai.request.model": "gpt-4o-mini",
                        "gen_ai.usage.input_tokens": tokens,
                        "gen_ai.usage.output_tokens": 9,
                    }
                )


def main() -> None:
    """Follow the lines on standard input, each answered by one on standard output."""
    names = (metrics.COST_NAME, metrics.TOKENS_NAME, metrics.REQUESTS_NAME, metrics.UNPRICED_NAME)
    views = [View(instrument_name=name, aggregation=DropAggregation()) for name in names]
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=OFTEN_MS)
    meters = MeterProvider([reader], views=views)
    api.set_meter_provider(meters)
    spancost.enforce_budgets(sys.argv[1])
    processor = spancost.LLMCostProcessor(detectors="on", meter_provider=meters)
    for line in sys.stdin:
        what, *words = line.split()
        if what == "storm":
            storm(processor)
        else:
            tokens = 100_000_000 if what == "refuse" else 10
            asked = {"provider": "openai", "model": "gpt-4o-mini", "tags": {"app.feature": words[0]}}
            try:
                with spancost.reserve(input_tokens=tokens, max_output_tokens=1, **asked) as hold:
                    hold.settle(words[1])
            except spancost.BudgetExceeded:
                pass
        print(what, flush=True)
    meters.shutdown()


if __name__ == "__main__":
    main()
