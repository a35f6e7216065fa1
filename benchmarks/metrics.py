# SPDX-License-Identifier: Apache-2.0
"""What metrics add to one counted call, next to one `Counter.add` of the same SDK: `python -m benchmarks.metrics`.

Both in the same place, at the end of a span: a tight loop finds its code and data in the processor's caches. Calls
that wait to be added up when a batch ends are added up on its time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from benchmarks.measure import Variant, added, called, interleave
from spancost import LLMCostProcessor
from spancost.core.ledger.spend_table import COST

ATTRIBUTES = {
    "llm.provider": "openai",
    "llm.model": "gpt-4o-mini-2024-07-18",
    "llm.operation": "chat",
    "llm.cost_status": "priced",
    "app.feature": "search",
    "app.team": "growth",
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


def ending(
    attributes: dict[str, Any], meters: MeterProvider, further: SpanProcessor | None = None, **settings: Any
) -> Callable[[int], object]:
    """Return what starts and ends spans under a processor, and *further*, and then adds up what waits in its table."""
    provider = TracerProvider(shutdown_on_exit=False)
    processor = LLMCostProcessor(meter_provider=meters, **settings)
    provider.add_span_processor(processor)
    if further is not None:
        provider.add_span_processor(further)
    tracer = provider.get_tracer("opentelemetry.instrumentation.openai_v2")

    def end() -> None:
        tracer.start_span("span", attributes=attributes).end()

    end_all, metrics = called(end), processor._metrics

    def run(calls: int) -> None:
        end_all(calls)
        if metrics is not None:
            for _ in metrics.table.read(COST):
                pass

    return run


class OneAdd(SpanProcessor):
    """Adds to one synchronous counter at the end of each span."""

    def __init__(self, counter: Any) -> None:
        self._counter = counter

    def on_end(self, span: ReadableSpan) -> None:
        self._counter.add(1, ATTRIBUTES)


def measure(rounds: int) -> dict[str, float]:
    """Return in µs of CPU what metrics add to a call and to another span, and `ratio` to one `Counter.add`."""
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    counter = meters.get_meter("benchmark").create_counter("benchmark")
    nothing = OneAdd(NoOpMeterProvider().get_meter("benchmark").create_counter("benchmark"))
    one_add = OneAdd(counter)
    timings = interleave(
        [
            Variant("call without", ending(SPAN, meters, nothing, metrics=False)),
            Variant("call with", ending(SPAN, meters, nothing)),
            Variant("call and add", ending(SPAN, meters, one_add, metrics=False)),
            Variant("other without", ending({"http.method": "GET"}, meters, metrics=False)),
            Variant("other with", ending({"http.method": "GET"}, meters)),
        ],
        rounds=rounds,
    )
    call = added(timings["call with"], timings["call without"])
    add = added(timings["call and add"], timings["call without"])
    return {
        "added to a call by metrics": call,
        "added to a call by one Counter.add": add,
        "ratio": call / add,
        "added to another span by metrics": added(timings["other with"], timings["other without"]),
    }


if __name__ == "__main__":
    for name, value in measure(60).items():
        print(f"{name}: {value:.3f}")
