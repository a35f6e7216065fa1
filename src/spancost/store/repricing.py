# SPDX-License-Identifier: Apache-2.0
"""Spans that carry costs, made ready to be priced again: by what their instrumentation reports, else by `llm.*`.

A span that was counted elsewhere (duplicate, aggregate) stays so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from spancost.core import semconv as names
from spancost.core.call import AGGREGATE, DUPLICATE
from spancost.core.ledger.reading_pricer import Prices
from spancost.core.pricing.names import ProviderNames
from spancost.core.reading import Reading
from spancost.core.span import Attributes, AttributeValue, Span
from spancost.diagnose.verify.calls import OF_A_CALL, Recomputing
from spancost.store.otlp_json import Carried, put

OF_A_COST = frozenset(
    (
        names.LLM_REQUEST_COST_USD,
        names.LLM_REQUEST_COST_NANOUSD,
        names.LLM_COST_BUCKET,
        names.LLM_COST_STATUS,
        names.LLM_COST_REASON,
        names.LLM_COST_SOURCE,
        names.LLM_LIST_COST_USD,
        names.LLM_PRICING_VERSION,
        names.LLM_RATE_ID,
    )
)
"""What a price gives. Capture writes the other `llm.*` attributes of a call itself."""
TOTALS = frozenset(
    name
    for key, name in vars(names).items()
    if key.startswith(("LLM_SUBTREE_", "LLM_TRACE_")) and isinstance(name, str)
)
_KEPT = (DUPLICATE, AGGREGATE)


class Reads(Protocol):
    """What is asked of `Dialects`."""

    def read(self, span: Span) -> Reading | None:
        """Return what the span says about a model call."""


def repricer(dialects: Reads, prices: Prices, providers: ProviderNames) -> Callable[[Span], Span]:
    """Return a function that returns a span without its costs, or with new ones where only `llm.*` reports usage."""
    recomputing = Recomputing(dialects, prices, providers)  # type: ignore[arg-type]

    def reprice(span: Span) -> Span:
        status = span.attributes.get(names.LLM_COST_STATUS)
        if status is None or status in _KEPT:
            return span
        plain = span._replace(attributes=without_costs(span.attributes))
        reading = dialects.read(plain)
        if reading is not None and (reading.usage or names.LLM_INPUT_TOKENS not in span.attributes):
            return plain
        kept = {key: value for key, value in span.attributes.items() if key not in OF_A_CALL}
        return span._replace(attributes={**kept, **recomputing.written(span)})

    return reprice


def without_costs(attributes: Attributes) -> dict[str, AttributeValue]:
    """Return *attributes* without what an earlier run wrote about the call."""
    dropped = OF_A_COST if names.LLM_CAPTURE in attributes else frozenset(OF_A_CALL)
    return {key: value for key, value in attributes.items() if key not in dropped}


def repriced(carried: Carried, reprice: Callable[[Span], Span]) -> Carried:
    """Return a span of OTLP JSON ready to be priced again; its object is changed in place.

    Totals of an earlier run are removed, and the costs of a call. Costs that only `llm.*` could give are replaced.
    """
    span = reprice(carried.span)
    attributes = {key: value for key, value in span.attributes.items() if key not in TOTALS}
    gone = carried.span.attributes.keys() - attributes.keys()
    entries = carried.raw.get("attributes")
    if gone and isinstance(entries, list):
        carried.raw["attributes"] = [e for e in entries if not (isinstance(e, dict) and e.get("key") in gone)]
    if names.LLM_COST_STATUS in attributes and span is not carried.span:
        put(carried.raw, {key: value for key, value in attributes.items() if key in OF_A_CALL})
    return carried._replace(span=span._replace(attributes=attributes))
