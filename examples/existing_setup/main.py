# SPDX-License-Identifier: Apache-2.0
"""A service that has OpenTelemetry already: one line puts costs on its spans.

Needs OPENAI_API_KEY and sends its spans where OTEL_EXPORTER_OTLP_ENDPOINT says; `examples/local.py` stands in for both.
"""

from __future__ import annotations

from openai import OpenAI
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import spancost

provider = TracerProvider(resource=Resource.create({"service.name": "support", "deployment.environment.name": "dev"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
provider.add_span_processor(spancost.LLMCostProcessor())  # the one line
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument(tracer_provider=provider)

tracer = trace.get_tracer("support")
client = OpenAI()


@spancost.attribution(feature="support-chat", team="care")
def answer(question: str) -> str:
    """Return the model's answer to *question*."""
    with tracer.start_as_current_span("answer"):
        completion = client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[
                {"role": "system", "content": "You answer in one sentence."},
                {"role": "user", "content": question},
            ],
        )
        spancost.record_outcome("success")
        return completion.choices[0].message.content or ""


if __name__ == "__main__":
    print(answer("Where is my parcel?"))
    provider.shutdown()
