# SPDX-License-Identifier: Apache-2.0
"""`ExportTraceServiceRequest` and `ExportLogsServiceRequest` as protobuf: facts of spans, and log records as JSON."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from spancost.core.span import Span
from spancost.store.otlp_fields import RequestError
from spancost.store.otlp_receiver import otlp_json
from spancost.store.span_facts import EVALUATION, SCORE_NAME, SCORE_PREFIX, SCORE_VALUE, Batch, Keys


def facts_in(body: bytes, keys: Keys) -> Batch:
    """Return the spans of a request; RequestError when *body* is none."""
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except Exception as error:  # protobuf's DecodeError differs between its implementations
        raise RequestError(f"found no protobuf message ({error}); expected an ExportTraceServiceRequest") from error
    batch = Batch()
    for resource_spans in request.resource_spans:
        batch.resources.append(_attributes(resource_spans.resource.attributes))
        for scope_spans in resource_spans.scope_spans:
            scope = (scope_spans.scope.name, scope_spans.scope.version)
            for raw in scope_spans.spans:
                batch.add(_span(raw, scope), keys)
    return batch


def logs_in(body: bytes) -> dict[str, Any] | None:
    """Return a request of log records as OTLP JSON, None when *body* holds none."""
    request = ExportLogsServiceRequest()
    try:
        request.ParseFromString(body)
    except Exception:  # protobuf's DecodeError differs between its implementations
        return None
    records = any(scope.log_records for resource in request.resource_logs for scope in resource.scope_logs)
    return otlp_json(request) if records else None


def _span(raw: Any, scope: tuple[str, str]) -> Span:
    attributes = _attributes(raw.attributes)
    is_error = raw.status.code == Status.STATUS_CODE_ERROR
    raised = ""
    for event in raw.events:
        if event.name == "exception" and is_error:
            found = _attributes(event.attributes).get("exception.type")
            raised = found if isinstance(found, str) else ""
        elif event.name == EVALUATION:
            held = _attributes(event.attributes)
            name, value = held.get(SCORE_NAME), held.get(SCORE_VALUE)
            if isinstance(name, str) and isinstance(value, (int, float)):
                attributes.setdefault(SCORE_PREFIX + name, value)
    parent = int.from_bytes(raw.parent_span_id, "big")
    return Span(
        int.from_bytes(raw.trace_id, "big"),
        int.from_bytes(raw.span_id, "big"),
        parent or None,
        not parent,
        raw.start_time_unix_nano,
        raw.end_time_unix_nano,
        scope[0],
        scope[1],
        raw.name,
        attributes,
        is_error,
        None,
        "",
        raised,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        value = _value(pair.value)
        if value is not None:
            found[pair.key] = value
    return found


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(item) for item in value.array_value.values)
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind is None or kind == "bytes_value":
        return None
    return getattr(value, kind)
