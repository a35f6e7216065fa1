# SPDX-License-Identifier: Apache-2.0
"""A ledger with one dialect and one price, to test the processor alone; a provider that keeps what is exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from spancost.core.call import Call, Cost
from spancost.core.dialect.identity import NO_IDENTITY
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.ledger.reading_pricer import Prices
from spancost.core.reading import CALL, Reading
from spancost.core.span import Span
from spancost.otel.processor import LLMCostProcessor

MODEL = "gen_ai.request.model"
INPUT = "gen_ai.usage.input_tokens"
OUTPUT = "gen_ai.usage.output_tokens"
FEMTO_PER_TOKEN = 10**12
"""Each token costs a thousandth of a dollar."""


class OneDialect:
    """Reads the usage attributes of the GenAI conventions; `gen_ai.response.id` is the response id."""

    markers = frozenset((MODEL, INPUT))
    identity = NO_IDENTITY
    record_keys: Mapping[str, Any] = {}

    def read(self, span: Span) -> Reading | None:
        if self.markers.isdisjoint(span.attributes):
            return None
        usage = {
            meter: value
            for meter, key in (("input_tokens", INPUT), ("output_tokens", OUTPUT))
            if isinstance(value := span.attributes.get(key), int)
        }
        model = span.attributes.get(MODEL)
        response_id = span.attributes.get("gen_ai.response.id")
        return Reading(
            "one",
            CALL,
            "chat",
            "acme",
            model if isinstance(model, str) else None,
            usage,
            response_id=response_id if isinstance(response_id, str) else None,
        )


class OnePrice:
    """Prices every model but `unknown`."""

    version = "2026.01.01-000000000000"

    def price(self, call: Call) -> Cost:
        if call.model == "unknown":
            return Cost("unpriced", "unknown_model", None)
        tokens = int(sum(call.usage.values()))
        return Cost("priced", None, tokens * FEMTO_PER_TOKEN, "acme/m@1", "rate_card")


def simple_ledger(prices: Prices | None = None, **options: Any) -> Ledger:
    return Ledger(OneDialect(), prices or OnePrice(), LedgerOptions(**options))


def processor(ledger: Ledger | None = None, **arguments: Any) -> LLMCostProcessor:
    return LLMCostProcessor(ledger=simple_ledger() if ledger is None else ledger, **arguments)


class Kept(SpanExporter):
    """Keeps, for each exported span, its name and a copy of the attributes it had when it was exported."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, dict[str, Any]]] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += [(span.name, dict(span.attributes or {})) for span in spans]
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass

    def of(self, name: str) -> dict[str, Any]:
        """The attributes of the one span called *name*."""
        found = [attributes for each, attributes in self.spans if each == name]
        assert len(found) == 1, f"found {len(found)} spans called {name}, expected 1"
        return found[0]


class Set:
    """A tracer provider, a processor and what is exported; the exporter is registered first unless told."""

    def __init__(
        self,
        cost: LLMCostProcessor | None = None,
        *,
        exporter_first: bool = True,
        sampler: Sampler = ALWAYS_ON,
        limits: SpanLimits | None = None,
        resource: Resource | None = None,
    ) -> None:
        self.cost = processor() if cost is None else cost
        self.kept = Kept()
        self.provider = TracerProvider(
            sampler=sampler, span_limits=limits, resource=resource or Resource.get_empty(), shutdown_on_exit=False
        )
        both = (SimpleSpanProcessor(self.kept), self.cost)
        for each in both if exporter_first else reversed(both):
            self.provider.add_span_processor(each)
        self.tracer = self.provider.get_tracer("tests")

    def call(self, name: str = "call", tokens: int = 10, **more: Any) -> None:
        """Make one span of a call of *tokens* input tokens below the current span."""
        with self.tracer.start_as_current_span(name) as span:
            span.set_attributes({MODEL: "m", INPUT: tokens, **more})
