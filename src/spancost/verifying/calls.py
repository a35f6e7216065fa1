# SPDX-License-Identifier: Apache-2.0
"""One priced span, recomputed with the card that it names.

What `llm.*` says wins; what it does not tell (cache writes by time to live, audio, facts that change the price) is read
from the attributes of the instrumentation, by the dialect that reads them in process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from spancost.core import call as status
from spancost.core import semconv as names
from spancost.core.counting import ONLY_CARRIER
from spancost.core.ledger import Ledger, LedgerOptions, Prices, Reads
from spancost.core.names import ProviderNames
from spancost.core.reading import CALL, CONTAINER, Reading
from spancost.core.span import AttributeValue, Span
from spancost.core.written import Written
from spancost.verifying.finding import ALONE, CARD, SOURCE

OF_A_CALL = (
    names.LLM_PROVIDER,
    names.LLM_MODEL,
    names.LLM_OPERATION,
    names.LLM_INPUT_TOKENS,
    names.LLM_CACHED_INPUT_TOKENS,
    names.LLM_CACHE_WRITE_INPUT_TOKENS,
    names.LLM_OUTPUT_TOKENS,
    names.LLM_REASONING_OUTPUT_TOKENS,
    names.LLM_TOTAL_TOKENS,
    names.LLM_REQUEST_COST_USD,
    names.LLM_REQUEST_COST_NANOUSD,
    names.LLM_COST_BUCKET,
    names.LLM_COST_STATUS,
    names.LLM_COST_REASON,
    names.LLM_COST_SOURCE,
    names.LLM_LIST_COST_USD,
    names.LLM_PRICING_VERSION,
    names.LLM_RATE_ID,
    names.LLM_REQUEST_ID,
    names.LLM_FINISH_REASON,
    names.LLM_SERVICE_TIER,
)
"""What is written on the span of a call, in the order of the registry."""
_METERS = {
    names.LLM_INPUT_TOKENS: "input_tokens",
    names.LLM_CACHED_INPUT_TOKENS: "cache_read_tokens",
    names.LLM_CACHE_WRITE_INPUT_TOKENS: "cache_write_tokens",
    names.LLM_OUTPUT_TOKENS: "output_tokens",
    names.LLM_REASONING_OUTPUT_TOKENS: "reasoning_tokens",
}
_NOTHING_TO_DO = LedgerOptions(roll_up=False)

_STATED_DOUBTS = frozenset((status.PARTIAL, status.ESTIMATED, status.NOT_BILLED))


class Finding(NamedTuple):
    """An attribute of a call that is not what it ought to be (see `Difference`)."""

    attribute: str
    found: AttributeValue | None
    expected: AttributeValue | None
    basis: str


class Said:
    """Stands in for the dialects: every span says *reading*."""

    markers: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.reading: Reading | None = None

    def read(self, span: Span) -> Reading | None:
        """Return the reading that was set."""
        return self.reading


class Recomputing:
    """Recomputes priced spans one by one with *prices*, by the same ledger that priced them."""

    def __init__(self, dialects: Reads, prices: Prices, sellers: ProviderNames) -> None:
        self._dialects = dialects
        self._sellers = sellers
        self._said = Said()
        self._ledger = Ledger(self._said, prices, _NOTHING_TO_DO)

    def written(self, span: Span) -> Written:
        """Return the attributes of a call that *span* ought to carry."""
        self._said.reading = self._together(span)
        self._ledger.clear()
        plain = {key: value for key, value in span.attributes.items() if key != names.LLM_COST_STATUS}
        return self._ledger.end(span._replace(attributes=plain, parent_id=None, is_local_root=False))

    def findings(self, span: Span, expected: Written) -> Iterator[Finding]:
        """Yield what differs between *span* and what was *expected*, then what its instrumentation says otherwise."""
        found, source = span.attributes, self._dialects.read(span)
        for name in OF_A_CALL:
            if found.get(name) != expected.get(name) and not self._is_same_seller(name, found.get(name), expected):
                yield Finding(name, found.get(name), expected.get(name), CARD if source is not None else ALONE)
        if source is None or names.LLM_CAPTURE in found:
            return
        for name, meter in _METERS.items():
            told = source.usage.get(meter)
            if isinstance(told, int) and told != found.get(name):
                yield Finding(name, found.get(name), told, SOURCE)

    def _is_same_seller(self, name: str, found: object, expected: Written) -> bool:
        """Whether the seller is only spelled otherwise, as the setting `keep_provider` leaves it."""
        if name != names.LLM_PROVIDER or not isinstance(found, str):
            return False
        return self._sellers.canonical(found) == expected.get(name)

    def _together(self, span: Span) -> Reading | None:
        """Return what `llm.*` states, with what only the attributes of the instrumentation tell."""
        found = span.attributes
        source = self._dialects.read(span)
        if names.LLM_CAPTURE in found:
            return source
        # Our own capture writes the words that we write, so its dialect reads them off any span.
        stated = self._dialects.read(span._replace(attributes={**found, names.LLM_CAPTURE: "usage"}))
        if stated is None:
            return source
        if source is None:
            return stated._replace(kind=_kind(span), operation=_operation(span, stated), doubt=_doubt(span))
        return source._replace(
            operation=_operation(span, source),
            provider=stated.provider if names.LLM_PROVIDER in found else source.provider,
            model=stated.model or source.model,
            usage={**source.usage, **{meter: n for meter, n in stated.usage.items() if meter in _METERS.values()}},
            response_id=stated.response_id or source.response_id,
            finish_reason=stated.finish_reason or source.finish_reason,
            service_tier=stated.service_tier or source.service_tier,
        )


def _operation(span: Span, reading: Reading) -> str:
    said = span.attributes.get(names.LLM_OPERATION)
    return said if isinstance(said, str) else reading.operation


def _kind(span: Span) -> str:
    return CONTAINER if span.attributes.get(names.LLM_COST_REASON) == ONLY_CARRIER else CALL


def _doubt(span: Span) -> tuple[str, str] | None:
    """Return the doubt that the span states: without the instrumentation's attributes it cannot be worked out again."""
    said, reason = span.attributes.get(names.LLM_COST_STATUS), span.attributes.get(names.LLM_COST_REASON)
    return (said, reason) if said in _STATED_DOUBTS and isinstance(said, str) and isinstance(reason, str) else None
