# SPDX-License-Identifier: Apache-2.0
"""`ExportTraceServiceRequest` in OTLP's JSON form: spans out of it, attributes into it.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding (1.9): ids are hex, 64-bit integers are decimal strings
(numbers are accepted), enumerations are numbers. The request object is changed in place and otherwise kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from spancost.core.span import AttributeValue, Span
from spancost.store.otlp_fields import Json, as_list, as_object, id_of, whole

_ERROR = (2, "STATUS_CODE_ERROR")


class Carried(NamedTuple):
    """A span of a request: the object it came from, to be written to, the span, and the service it belongs to."""

    raw: Json
    span: Span
    service: str


def carried_spans(request: object) -> Iterator[Carried]:
    """Yield every span of *request*, with `is_local_root` true when it names no parent.

    Raises RequestError where the request is not of the right form.
    """
    for r, resource_spans in enumerate(as_list(as_object(request, "request"), "resourceSpans", "request")):
        at_resource = f"resourceSpans[{r}]"
        resource = as_object(as_object(resource_spans, at_resource).get("resource") or {}, f"{at_resource}.resource")
        about = attributes_in(resource, f"{at_resource}.resource")
        service = service_of(about)
        for s, scope_spans in enumerate(as_list(resource_spans, "scopeSpans", at_resource)):
            at_scope = f"{at_resource}.scopeSpans[{s}]"
            scope = as_object(as_object(scope_spans, at_scope).get("scope") or {}, f"{at_scope}.scope")
            for n, raw in enumerate(as_list(scope_spans, "spans", at_scope)):
                where = f"{at_scope}.spans[{n}]"
                yield Carried(raw, _span(as_object(raw, where), scope, about, where), service)


def service_of(about: Mapping[str, AttributeValue]) -> str:
    """Return what identifies the service of a resource with these attributes."""
    return "\0".join(str(about.get(f"service.{key}", "")) for key in ("namespace", "name", "instance.id"))


def _span(raw: Json, scope: Json, resource: dict[str, AttributeValue], where: str) -> Span:
    parent = id_of(raw, "parentSpanId", where) if raw.get("parentSpanId") else 0
    status = raw.get("status")
    is_error = isinstance(status, dict) and status.get("code") in _ERROR
    return Span(
        trace_id=id_of(raw, "traceId", where),
        span_id=id_of(raw, "spanId", where),
        parent_id=parent or None,
        is_local_root=not parent,
        start_ns=whole(raw, "startTimeUnixNano", where),
        end_ns=whole(raw, "endTimeUnixNano", where),
        scope_name=str(scope.get("name") or ""),
        scope_version=str(scope.get("version") or ""),
        name=str(raw.get("name") or ""),
        attributes=attributes_in(raw, where),
        is_error=is_error,
        resource=resource,
        language=language if isinstance(language := resource.get("telemetry.sdk.language"), str) else "",
        raised=_raised(raw, where) if is_error else "",
    )


def _raised(raw: Json, where: str) -> str:
    """Return the type of the last exception recorded on a span, "" when none is."""
    for event in reversed(as_list(raw, "events", where)):
        if isinstance(event, dict) and event.get("name") == "exception":
            found = attributes_in(event, where).get("exception.type")
            return found if isinstance(found, str) else ""
    return ""


def put(raw: Json, written: Mapping[str, AttributeValue]) -> None:
    """Set attributes on the span object *raw*: an attribute already there is replaced in its place."""
    attributes = raw.get("attributes")
    if not isinstance(attributes, list):
        attributes = raw["attributes"] = []
    named = ((n, entry.get("key")) for n, entry in enumerate(attributes) if isinstance(entry, dict))
    places = {key: n for n, key in named if isinstance(key, str)}
    for key, value in written.items():
        entry = {"key": key, "value": any_value(value)}
        if key in places:
            attributes[places[key]] = entry
        else:
            attributes.append(entry)


def any_value(value: AttributeValue) -> Json:
    """Return *value* as an OTLP `AnyValue` object."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    return {"arrayValue": {"values": [any_value(item) for item in value]}}


def attributes_in(holder: Json, where: str) -> dict[str, AttributeValue]:
    """Return the attributes of *holder* by key, those without a value left out; RequestError when they are no list."""
    found: dict[str, AttributeValue] = {}
    for n, entry in enumerate(as_list(holder, "attributes", where)):
        key = as_object(entry, f"{where}.attributes[{n}]").get("key")
        value = plain(entry.get("value"))
        if isinstance(key, str) and value is not None:
            found[key] = value
    return found


def plain(value: object) -> Any:
    """Return what an `AnyValue` object holds, None when it is empty or of an unknown kind."""
    if not isinstance(value, dict):
        return None
    for kind, held in value.items():
        if kind == "intValue":
            return _int_or_text(held)
        if kind == "arrayValue":
            return tuple(plain(item) for item in _values(held))
        if kind == "kvlistValue":
            pairs = (item for item in _values(held) if isinstance(item, dict))
            return {key: plain(item.get("value")) for item in pairs if isinstance(key := item.get("key"), str)}
        if kind in ("stringValue", "boolValue", "doubleValue"):
            return held
    return None


def _values(held: object) -> list[Any]:
    values = held.get("values") if isinstance(held, dict) else None
    return values if isinstance(values, list) else []


def _int_or_text(held: object) -> Any:
    try:
        return int(held) if isinstance(held, (str, int)) else held
    except ValueError:
        return held
