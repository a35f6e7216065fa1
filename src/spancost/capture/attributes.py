# SPDX-License-Identifier: Apache-2.0
"""A reading of an answer as span attributes, from which the cost can be worked out again."""

from __future__ import annotations

from collections.abc import Mapping

from spancost.core import semconv
from spancost.core.call import Quantity
from spancost.core.span import AttributeValue
from spancost.core.wire import reading as outcomes
from spancost.core.wire.reading import AdditionalUsage, WireReading

SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
Attributes = dict[str, AttributeValue]

_METERS = {
    value.rpartition(".")[2]: value
    for name, value in vars(semconv).items()
    if name.startswith("LLM_METER_") and isinstance(value, str)
}
_SAID_WHEN_ZERO = frozenset(
    {"input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"}
    | {"output_audio_tokens", "output_image_tokens"}  # parts that leave a total in doubt when they are not reported
)
_SOLD_BY_TIME = frozenset({"audio_seconds", "video_seconds"})  # doubles always: backends fix a type at first sight
_CONTEXT = {
    "speed": semconv.LLM_SPEED,
    "inference_geo": semconv.LLM_INFERENCE_GEO,
    "vertex_location": semconv.LLM_VERTEX_LOCATION,
    "search_context": semconv.LLM_SEARCH_CONTEXT,
}


_SUM_OF_PASSES = "invoke_agent"
"""The operation of an answer whose totals are the sum of its passes, each of which is a call (a compound system)."""
_NOT_READ = {outcomes.LISTS_NOT_READ: "lists", outcomes.ENDPOINT_UNKNOWN: "endpoint"}


def of_reading(reading: WireReading) -> Attributes:
    """Return the attributes of a call.

    Work that goes on (`admin`) is no call yet, and what only has a call's path is none: no id and no operation.
    """
    found: Attributes = {semconv.LLM_CAPTURE: reading.outcome}
    _put(found, semconv.LLM_PROVIDER, reading.provider)
    _put(found, semconv.LLM_REQUEST_MODEL, reading.request_model)
    if reading.outcome == outcomes.ADMIN or is_unidentified(reading):
        return found
    is_sum = any(further.inside for further in reading.additional_usage)
    _put(found, semconv.LLM_OPERATION, _SUM_OF_PASSES if is_sum else reading.operation or "chat")
    _put(found, semconv.LLM_MODEL, model_of(reading))
    _put(found, semconv.LLM_REQUEST_ID, reading.response_id)
    _put(found, semconv.LLM_FINISH_REASON, reading.finish_reason)
    _put(found, semconv.LLM_SERVICE_TIER, reading.sold_tier or reading.service_tier)
    _put(found, semconv.LLM_GATEWAY, reading.gateway)
    _put(found, semconv.LLM_UPSTREAM_PROVIDER, reading.upstream)
    for fact, key in _CONTEXT.items():
        _put(found, key, (reading.context or {}).get(fact))
    _put(found, semconv.LLM_ESTIMATE, reading.estimate)
    for caveat in reading.caveats:
        _put(found, semconv.LLM_NOT_READ, _NOT_READ.get(caveat))
    found.update(of_usage(sold(reading)))
    if reading.provider_cost and not reading.cost_is_estimate and reading.outcome == outcomes.USAGE:
        found[semconv.LLM_PROVIDER_COST_USD] = float(reading.provider_cost)
    return found


def of_host(host: str) -> Attributes:
    """Return the attributes of the server that a request goes to; *host* may have a port, and brackets around IPv6."""
    name, colon, port = host.rpartition(":")
    if not (colon and port.isdecimal()) or (":" in name and not name.endswith("]")):
        return {SERVER_ADDRESS: host.strip("[]")}
    return {SERVER_ADDRESS: name.strip("[]"), SERVER_PORT: int(port)}


def is_unidentified(reading: WireReading) -> bool:
    """Tell whether only the path looked like a model call, at a host nobody listed (`/api/chat` of one's own)."""
    named = reading.provider or reading.gateway or reading.request_model or reading.response_model
    return not named and not any(reading.usage.values())


def model_of(reading: WireReading) -> str | None:
    """Return the model as billed, as far as it is known."""
    return reading.sold_as or reading.response_model or reading.request_model


def of_additional(further: AdditionalUsage, reading: WireReading) -> Attributes:
    """Return the attributes of a model pass that is billed beside *reading*'s call."""
    found: Attributes = {semconv.LLM_CAPTURE: outcomes.USAGE, semconv.LLM_OPERATION: further.kind}
    _put(found, semconv.LLM_PROVIDER, reading.provider)
    _put(found, semconv.LLM_MODEL, model_of(reading) if further.model is None else further.model)
    _put(found, semconv.LLM_SERVICE_TIER, reading.sold_tier or reading.service_tier)
    found.update(of_usage(further.usage))
    return found


def of_usage(usage: Mapping[str, Quantity]) -> Attributes:
    """Return the counts of *usage*; meters that no attribute is defined for are left out, and most that are 0."""
    found: Attributes = {}
    for meter, quantity in usage.items():
        key = _METERS.get(meter)
        if key is not None and (quantity or meter in _SAID_WHEN_ZERO):
            whole = isinstance(quantity, int) and meter not in _SOLD_BY_TIME
            found[key] = int(quantity) if whole else float(quantity)
    return found


def sold(reading: WireReading) -> dict[str, Quantity]:
    """Return the usage as it is sold: where that differs from what was processed, the parts no longer fit and go."""
    usage = dict(reading.usage)
    if reading.billed and any(usage.get(meter) != quantity for meter, quantity in reading.billed.items()):
        return {**{m: n for m, n in usage.items() if not m.endswith("_tokens")}, **reading.billed}
    return usage


def _put(found: Attributes, key: str, value: str | None) -> None:
    if value:
        found[key] = value
