# SPDX-License-Identifier: Apache-2.0
"""What a span costs: the bare SDK, the SDK with a processor that does nothing, and the SDK with spancost.

Every pipeline ends in a real BatchSpanProcessor whose exporter keeps nothing; its queue is emptied between batches, so
the export thread never runs while the clock does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer, set_span_in_context

from benchmarks.families import FAMILIES, family_span
from benchmarks.measure import Timing, Variant, added, interleave, ratio

SCOPE = "opentelemetry.instrumentation.openai_v2"
QUEUE = 8192
_SERIAL = count()  # no two calls of a run are alike: one that was seen before is a duplicate, which costs other time
SPANS_A_BATCH = 150
TRACES_A_BATCH = 6

HTTP_ATTRIBUTES: tuple[tuple[str, str | int], ...] = (
    ("http.request.method", "GET"),
    ("url.full", "https://api.example.com/v1/orders/17?expand=lines"),
    ("server.address", "api.example.com"),
    ("server.port", 443),
    ("http.response.status_code", 200),
    ("network.protocol.version", "1.1"),
    ("user_agent.original", "orders/2.4 (linux; python 3.11)"),
)
CALL_ATTRIBUTES: tuple[tuple[str, str | int | float | tuple[str, ...]], ...] = (
    ("gen_ai.operation.name", "chat"),
    ("gen_ai.provider.name", "openai"),
    ("gen_ai.request.model", "gpt-4o"),
    ("gen_ai.request.temperature", 0.2),
    ("gen_ai.request.max_tokens", 1024),
    ("server.address", "api.openai.com"),
    ("server.port", 443),
    ("gen_ai.response.model", "gpt-4o-2024-11-20"),
    ("gen_ai.response.finish_reasons", ("stop",)),
    ("gen_ai.usage.output_tokens", 350),
)
"""Ten of the twelve attributes; the response id and the input tokens differ from call to call."""


class DropExporter(SpanExporter):
    """An exporter that takes everything and keeps nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class NothingProcessor(SpanProcessor):
    """The least a processor can cost: every hook is there and empty."""

    def _on_ending(self, span: object) -> None:
        return None


def pipeline(*processors: SpanProcessor) -> TracerProvider:
    """Return a provider that exports in batches, then has *processors*, as zero-code registration leaves it."""
    provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(
            DropExporter(), max_queue_size=QUEUE, max_export_batch_size=QUEUE, schedule_delay_millis=3_600_000
        )
    )
    for processor in processors:
        provider.add_span_processor(processor)
    return provider


def under_a_root(tracer: Tracer, child: Callable[[Tracer, object], None]) -> Callable[[int], None]:
    """Return a runner that makes *n* children of one root span."""

    def run(calls: int) -> None:
        root = tracer.start_span("handle request")
        context = set_span_in_context(root)
        for _ in range(calls):
            child(tracer, context)
        root.end()

    return run


def bare_span(tracer: Tracer, context: object) -> None:
    tracer.start_span("step", context).end()  # type: ignore[arg-type]


def http_span(tracer: Tracer, context: object) -> None:
    span = tracer.start_span("GET", context)  # type: ignore[arg-type]
    for key, value in HTTP_ATTRIBUTES:
        span.set_attribute(key, value)
    span.end()


def call_span(serial: Iterator[int]) -> Callable[[Tracer, object], None]:
    """Return a maker of LLM spans as the OpenTelemetry conventions have them: 12 attributes, no two calls alike."""

    def child(tracer: Tracer, context: object) -> None:
        number = next(serial)
        span = tracer.start_span("chat gpt-4o", context)  # type: ignore[arg-type]
        for key, value in CALL_ATTRIBUTES:
            span.set_attribute(key, value)
        span.set_attribute("gen_ai.response.id", f"chatcmpl-{number:024x}")
        span.set_attribute("gen_ai.usage.input_tokens", 1000 + number * 7919 % 50021)
        span.end()

    return child


def agent_trace(tracer: Tracer, serial: Iterator[int]) -> Callable[[int], None]:
    """Return a runner of whole traces: 30 spans, six deep, eight of them LLM calls, made current as programs do."""
    call = call_span(serial)

    def run(traces: int) -> None:
        for _ in range(traces):
            with tracer.start_as_current_span("POST /ask"), tracer.start_as_current_span("agent"):
                for _ in range(4):
                    with tracer.start_as_current_span("step"):
                        with tracer.start_as_current_span("plan"):
                            call(tracer, None)
                        with tracer.start_as_current_span("tool"), tracer.start_as_current_span("search"):
                            http_span(tracer, None)
                        call(tracer, None)

    return run


def ours() -> SpanProcessor:
    from spancost import LLMCostProcessor

    return LLMCostProcessor()


def measure(rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return for each kind of span and each pipeline the µs of a span (of a trace, for `agent trace`)."""
    return {
        kind: _summary(_time(kind, _providers(), rounds))
        for kind in (
            "bare span",
            "HTTP span, 7 attributes",
            *(f"LLM span, {family}" for family in FAMILIES),
            "agent trace, 30 spans",
        )
    }


def _providers() -> dict[str, TracerProvider]:
    """Return the pipelines of one kind of span: a ledger that saw calls of another kind compares them with these."""
    return {"bare SDK": pipeline(), "no-op processor": pipeline(NothingProcessor()), "spancost": pipeline(ours())}


def _time(kind: str, providers: dict[str, TracerProvider], rounds: int) -> dict[str, Timing]:
    variants = []
    for name, provider in providers.items():
        family = FAMILIES.get(kind.removeprefix("LLM span, "), FAMILIES["OpenTelemetry"])
        tracer = provider.get_tracer(family.scope, family.version)
        runners = {
            "bare span": under_a_root(tracer, bare_span),
            "HTTP span, 7 attributes": under_a_root(tracer, http_span),
            "agent trace, 30 spans": agent_trace(tracer, _SERIAL),
        }
        runner = runners.get(kind) or under_a_root(tracer, family_span(family, _SERIAL))
        calls = TRACES_A_BATCH if kind.startswith("agent") else SPANS_A_BATCH
        variants.append(Variant(name, runner, provider.force_flush, calls))
    interleave(variants, rounds=max(3, rounds // 10))  # warm up
    return interleave(variants, rounds=rounds)


def _summary(timings: dict[str, Timing]) -> dict[str, dict[str, float]]:
    base = timings["bare SDK"]
    return {
        name: {
            "median_us": timing.median,
            "p10_us": timing.p10,
            "added_us": added(timing, base),
            "added_p10_us": timing.p10 - base.p10,
            "ratio": ratio(timing, base),
        }
        for name, timing in timings.items()
    }
