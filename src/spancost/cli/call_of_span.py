# SPDX-License-Identifier: Apache-2.0
"""The call on an enriched span, in the JSON form that `price` reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from fractions import Fraction
from typing import Any

from spancost.cli.call_json import CallError
from spancost.core import semconv
from spancost.store.otlp_fields import RequestError
from spancost.store.otlp_json import attributes_in

_USAGE = {
    semconv.LLM_INPUT_TOKENS: "input_tokens",
    semconv.LLM_CACHED_INPUT_TOKENS: "cache_read_tokens",
    semconv.LLM_CACHE_WRITE_INPUT_TOKENS: "cache_write_tokens",
    semconv.LLM_OUTPUT_TOKENS: "output_tokens",
    semconv.LLM_REASONING_OUTPUT_TOKENS: "reasoning_tokens",
}


def call_row_of(span: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the call on a span, and its cost attributes (`pricing_version`, `contract`, `request_cost_usd`).

    The span has `attributes`, as a mapping or in OTLP form, and `startTimeUnixNano` or `timestamp`.
    """
    attributes = attributes_of(span)
    if semconv.LLM_PRICING_VERSION not in attributes:
        raise CallError(f"found neither usage nor {semconv.LLM_PRICING_VERSION}; expected a call or an enriched span")
    version, _, contract = str(attributes[semconv.LLM_PRICING_VERSION]).partition("+")
    written = {"pricing_version": version}
    if contract:
        written["contract"] = contract
    if semconv.LLM_REQUEST_COST_USD in attributes:
        written["request_cost_usd"] = str(attributes[semconv.LLM_REQUEST_COST_USD])
    row = {
        "provider": attributes.get(semconv.LLM_PROVIDER) or "",
        "model": attributes.get(semconv.LLM_MODEL) or "",
        "service_tier": attributes.get(semconv.LLM_SERVICE_TIER),
        "timestamp": span.get("timestamp") or _time(span.get("startTimeUnixNano")),
        "duration_seconds": _duration(span),
        "usage": {meter: attributes[key] for key, meter in _USAGE.items() if key in attributes},
    }
    return row, written


def attributes_of(span: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a span, given as a mapping or in OTLP form; CallError when there are none."""
    found = span.get("attributes")
    if isinstance(found, dict):
        return found
    if found is None:
        raise CallError("attributes: found none; expected a span with attributes, or a call with usage")
    try:
        return attributes_in(dict(span), "span")
    except RequestError as error:
        raise CallError(str(error)) from error


def _duration(span: Mapping[str, Any]) -> Fraction | None:
    """Return the duration of a span in seconds, None when it is unknown."""
    try:
        nanoseconds = int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])
    except (KeyError, TypeError, ValueError):
        return None
    return Fraction(nanoseconds, 1_000_000_000) if nanoseconds >= 0 else None


def _time(nanoseconds: Any) -> str | None:
    if nanoseconds is None:
        return None
    try:
        at = datetime.fromtimestamp(int(nanoseconds) // 1_000_000_000, timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        raise CallError(f"startTimeUnixNano: found {nanoseconds!r}; expected nanoseconds since 1970") from None
    return at.isoformat()
