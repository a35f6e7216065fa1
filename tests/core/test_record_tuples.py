# SPDX-License-Identifier: Apache-2.0
"""Values made without their constructor, for speed, hold every field: Python checks no named tuple made that way."""

from __future__ import annotations

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from spancost.config import data
from spancost.core.call import Call, Cost
from spancost.core.ledger.counting import counted
from spancost.core.ledger.ledger import Ledger
from spancost.core.pricing.price import Pricer
from spancost.core.span import Span
from spancost.otel.processor.sdk_access import Reader

ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 3,
}


def test_values_built_as_tuples_fill_every_field() -> None:
    """A field added to one of these values must be added where the value is built as a plain tuple."""
    provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
    sdk_span = provider.get_tracer("test").start_span("chat gpt-4o", attributes=ATTRIBUTES)
    reader = Reader()
    about = reader.about(sdk_span, 10**18)
    span = reader.read(sdk_span, sdk_span.context, None, ATTRIBUTES, about)  # type: ignore[arg-type,attr-defined]
    dialects = data.default_dialects()
    first, again = dialects.read(span), dialects.read(span)
    assert first is not None
    assert again == first
    seen: list[Call] = []

    pricer = Pricer(data.default_card())

    class Watched:
        version = pricer.version

        def price(self, call: Call) -> Cost:
            seen.append(call)
            return pricer.price(call)

    Ledger(dialects, Watched()).process_uncached(span)
    costs = [pricer.price(seen[0]) for _ in range(3)]
    for value in (span, first, again, counted(first, span, 0), seen[0], *costs):
        assert len(value) == len(type(value)._fields), type(value)
    assert type(span) is Span
