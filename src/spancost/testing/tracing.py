# SPDX-License-Identifier: Apache-2.0
"""The usual OpenTelemetry set-up, pointed at the receiver: a provider, processors, the real OTLP exporter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

from spancost.store.otlp_receiver import OtlpReceiver


def traced(
    receiver: OtlpReceiver,
    processors: Iterable[SpanProcessor] = (),
    *,
    batch: bool = True,
    resource: Mapping[str, str] | None = None,
) -> TracerProvider:
    """Return a provider with *processors*, then an exporter to *receiver*: in batches, or each span as it ends.

    The caller shuts it down; nothing global is set.
    """
    provider = TracerProvider(resource=Resource.create(dict(resource or {})), shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    exporter = OTLPSpanExporter(endpoint=receiver.endpoint, compression=Compression.Gzip)
    provider.add_span_processor(BatchSpanProcessor(exporter) if batch else SimpleSpanProcessor(exporter))
    return provider
