# SPDX-License-Identifier: Apache-2.0
"""Recomputes one priced span with the rate card that it names.

`llm.*` attributes take precedence. What they do not report (cache writes by lifetime, audio, facts that change the
price) is read from the attributes of the instrumentation, with the dialect that reads them in process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from spancost.core import call as status
from spancost.core import semconv as names
from spancost.core.call import Quantity
from spancost.core.dialect.identity import NO_IDENTITY
from spancost.core.ledger.classification import ONLY_CARRIER
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions, Reads
from spancost.core.ledger.reading_pricer import Prices
from spancost.core.ledger.writes import Written
from spancost.core.pricing.names import ProviderNames
from spancost.core.reading import CALL, CONTAINER, Reading
from spancost.core.span import AttributeValue, Span
from spancost.diagnose.verify.finding import ALONE, CARD, SOURCE

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
"""The attributes written on the span of a call, in the order of the registry."""
ALWAYS_IN_FULL = (names.LLM_TOTAL_TOKENS, names.LLM_COST_BUCKET)
"""A call that has neither was written with the setting `attributes`."""
SELECTED = frozenset(names.FULL_ATTRIBUTES) - frozenset(names.LEAN_ATTRIBUTES)
"""Attributes that the setting `attributes` may leave out."""
_METERS = {
    names.LLM_INPUT_TOKENS: "input_tokens",
    names.LLM_CACHED_INPUT_TOKENS: "cache_read_tokens",
    names.LLM_CACHE_WRITE_INPUT_TOKENS: "cache_write_tokens",
    names.LLM_OUTPUT_TOKENS: "output_tokens",
    names.LLM_REASONING_OUTPUT_TOKENS: "reasoning_tokens",
}
_FURTHER_METERS = {
    name: name.rpartition(".")[2]
    for key, name in vars(names).items()
    if key.startswith("LLM_METER_") and isinstance(name, str)
}
_FACTS = {
    names.LLM_SPEED: "speed",
    names.LLM_INFERENCE_GEO: "inference_geo",
    names.LLM_VERTEX_LOCATION: "vertex_location",
    names.LLM_SEARCH_CONTEXT: "search_context",
}
_NOTHING_TO_DO = LedgerOptions(roll_up=False)

_STATED_CAVEATS = frozenset((status.PARTIAL, status.ESTIMATED, status.NOT_BILLED))


class Finding(NamedTuple):
    """An attribute of a call that differs from the expected value (see `Difference`)."""

    attribute: str
    found: AttributeValue | None
    expected: AttributeValue | None
    basis: str


class FixedReading:
    """Replaces the dialects: every span has the same *reading*."""

    markers: frozenset[str] = frozenset()
    identity = NO_IDENTITY
    record_keys: Mapping[str, Any] = MappingProxyType({})

    def __init__(self) -> None:
        self.reading: Reading | None = None

    def read(self, span: Span) -> Reading | None:
        """Return the fixed reading."""
        return self.reading

    def may_be_billed(self, span: Span, reading: Reading) -> bool:
        """Return True: recomputed calls were counted."""
        return True


class Recomputing:
    """Recomputes priced spans one by one with *prices*, by the same ledger that priced them."""

    def __init__(self, dialects: Reads, prices: Prices, providers: ProviderNames) -> None:
        self._dialects = dialects
        self._providers = providers
        self._fixed = FixedReading()
        self._ledger = Ledger(self._fixed, prices, _NOTHING_TO_DO)

    def written(self, span: Span) -> Written:
        """Return the call attributes that *span* should have."""
        self._fixed.reading = self._merge_sources(span)
        self._ledger.clear()
        plain = {key: value for key, value in span.attributes.items() if key != names.LLM_COST_STATUS}
        return self._ledger.end(span._replace(attributes=plain, parent_id=None, is_local_root=False)).writes

    def findings(self, span: Span, expected: Written) -> Iterator[Finding]:
        """Yield the differences between *span* and *expected*, then those from its instrumentation's attributes."""
        found, source = span.attributes, self._dialects.read(span)
        may_lack = SELECTED if not any(name in found for name in ALWAYS_IN_FULL) else frozenset()
        for name in OF_A_CALL:
            if name not in found and name in may_lack:
                continue
            if found.get(name) != expected.get(name) and not self._is_same_provider(name, found.get(name), expected):
                yield Finding(name, found.get(name), expected.get(name), CARD if source is not None else ALONE)
        if source is None:
            return
        for name, meter in _METERS.items():
            reported = source.usage.get(meter)
            is_left_out = name not in found and name in may_lack
            if isinstance(reported, int) and reported != found.get(name) and not is_left_out:
                yield Finding(name, found.get(name), reported, SOURCE)

    def _is_same_provider(self, name: str, found: object, expected: Written) -> bool:
        """Whether the provider has another name for the same value, as the setting `keep_provider` allows."""
        if name != names.LLM_PROVIDER or not isinstance(found, str):
            return False
        return self._providers.canonical(found) == expected.get(name)

    def _merge_sources(self, span: Span) -> Reading:
        """Return the reading from `llm.*`, completed from the attributes of the instrumentation."""
        source = self._dialects.read(span)
        if source is None:
            source = _from_llm_attributes(span)
        text = partial(_text, span)
        return source._replace(
            operation=text(names.LLM_OPERATION) or source.operation,
            provider=self._providers.canonical(text(names.LLM_PROVIDER)) or source.provider,
            model=text(names.LLM_MODEL) or source.model,
            usage={**source.usage, **_stated(span, _METERS)},
            response_id=text(names.LLM_REQUEST_ID) or source.response_id,
            finish_reason=text(names.LLM_FINISH_REASON) or source.finish_reason,
            service_tier=text(names.LLM_SERVICE_TIER) or source.service_tier,
        )


def _from_llm_attributes(span: Span) -> Reading:
    """Return the reading from `llm.*` only, without totals. A caveat cannot be recomputed, so it is kept."""
    found, reason = _text(span, names.LLM_COST_STATUS), _text(span, names.LLM_COST_REASON)
    return Reading(
        emitter="",
        kind=CONTAINER if reason == ONLY_CARRIER else CALL,
        operation="chat",
        provider=None,
        model=None,
        usage=_stated(span, _FURTHER_METERS),
        request_model=_text(span, names.LLM_REQUEST_MODEL),
        caveat=(found, reason) if found in _STATED_CAVEATS and found and reason else None,
        context={fact: value for name, fact in _FACTS.items() if (value := _text(span, name))},
    )


def _stated(span: Span, meters: Mapping[str, str]) -> dict[str, Quantity]:
    """Return the span's counts for the attribute names of *meters*."""
    found = ((meter, span.attributes.get(name)) for name, meter in meters.items())
    return {meter: n for meter, n in found if isinstance(n, int) and not isinstance(n, bool)}


def _text(span: Span, name: str) -> str | None:
    value = span.attributes.get(name)
    return value if isinstance(value, str) and value else None
