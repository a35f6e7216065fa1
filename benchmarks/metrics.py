# SPDX-License-Identifier: Apache-2.0
"""What metrics add to one counted call, next to one `Counter.add` of the same SDK: `python -m benchmarks.metrics`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.measure import Variant, added, called, interleave
from spancost import LLMCostProcessor
from spancost.core.spend_table import SpendTable

ATTRIBUTES = {
    "llm.provider": "openai",
    "llm.model": "gpt-4o-mini-2024-07-18",
    "llm.operation": "chat",
    "llm.cost_status": "priced",
}
SPAN = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 80,
    "app.feature": "search",
    "app.team": "growth",
}


def ending(attributes: dict[str, Any], meters: MeterProvider, **settings: Any) -> Callable[[], object]:
    """Return what starts and ends one span under a processor."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(LLMCostProcessor(meter_provider=meters, **settings))
    tracer = provider.get_tracer("opentelemetry.instrumentation.openai_v2")

    def end() -> None:
        tracer.start_span("span", attributes=attributes).end()

    return end


def measure(rounds: int) -> dict[str, float]:
    """Return in µs of CPU what metrics add to a call and to another span, and `ratio` to one `Counter.add`."""
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    counter = meters.get_meter("benchmark").create_counter("benchmark")
    record = one_record()
    table = SpendTable((*ATTRIBUTES, "app.feature", "app.environment", "app.team"))
    timings = interleave(
        [
            Variant("call without", called(ending(SPAN, meters, metrics=False))),
            Variant("call with", called(ending(SPAN, meters))),
            Variant("other without", called(ending({"http.method": "GET"}, meters, metrics=False))),
            Variant("other with", called(ending({"http.method": "GET"}, meters))),
            Variant("Counter.add", called(lambda: counter.add(1, ATTRIBUTES))),
            Variant("table", called(lambda: table.add(record))),
            Variant("nothing", called(lambda: None)),
        ],
        rounds=rounds,
    )
    call = added(timings["call with"], timings["call without"])
    one_add = added(timings["Counter.add"], timings["nothing"])
    return {
        "added to a call": call,
        "added to another span": added(timings["other with"], timings["other without"]),
        "one Counter.add": one_add,
        "of it the table": added(timings["table"], timings["nothing"]),
        "ratio": call / one_add,
    }


def one_record() -> Any:
    """Return the record of the benchmark's call."""
    heard: list[Any] = []
    provider = TracerProvider(shutdown_on_exit=False)
    cost = LLMCostProcessor(on_call=[heard.append], metrics=False)
    provider.add_span_processor(cost)
    provider.get_tracer("opentelemetry.instrumentation.openai_v2").start_span("span", attributes=SPAN).end()
    cost.force_flush()
    return heard[0]


if __name__ == "__main__":
    for name, value in measure(40).items():
        print(f"{name}: {value:.3f}")
