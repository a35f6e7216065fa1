# SPDX-License-Identifier: Apache-2.0
"""Two services with the real SDK: `web` asks `agent`, which asks a model and hands on to a third.

Run as `python -m tests.collector.services web` or `… agent TRACEPARENT`; each prints the traceparent for its callee.
"""

from __future__ import annotations

import sys

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Tracer

from spancost import LLMCostProcessor


def call(tracer: Tracer, response_id: str, model: str, tokens: int) -> None:
    """End the span of a model call, as an instrumentation of the OpenAI SDK makes it."""
    with tracer.start_as_current_span(f"chat {model}", kind=SpanKind.CLIENT) as span:
        span.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": model,
                "gen_ai.response.model": model,
                "gen_ai.response.id": response_id,
                "gen_ai.usage.input_tokens": tokens,
                "gen_ai.usage.output_tokens": 200,
                "gen_ai.usage.cache_read.input_tokens": 0,
            }
        )


def main() -> None:
    """Do one request of the service that is named, and flush."""
    provider = TracerProvider()
    provider.add_span_processor(LLMCostProcessor())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("opentelemetry.instrumentation.openai_v2")
    if sys.argv[1] == "web":
        with tracer.start_as_current_span("POST /ask", kind=SpanKind.SERVER):
            call(tracer, "resp-web", "gpt-4o-mini", 700)
            with tracer.start_as_current_span("POST agent", kind=SpanKind.CLIENT):
                carry()
    else:
        above = propagate.extract({"traceparent": sys.argv[2]})
        with (
            tracer.start_as_current_span("POST /agent", context=above, kind=SpanKind.SERVER),
            tracer.start_as_current_span("invoke_agent helper") as span,
        ):
            span.set_attribute("gen_ai.operation.name", "invoke_agent")
            call(tracer, "resp-agent-1", "gpt-4o", 3_000)
            call(tracer, "resp-agent-2", "gpt-4o", 5_000)
            with tracer.start_as_current_span("POST rag", kind=SpanKind.CLIENT):
                carry()
    provider.shutdown()


def carry() -> None:
    """Print what a callee needs to go on with the trace, and wait for a line, as a caller waits for its answer."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier, context=None)
    assert trace.get_current_span().is_recording()
    print(carrier["traceparent"], flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
