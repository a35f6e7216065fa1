# SPDX-License-Identifier: Apache-2.0
"""An OTLP/HTTP receiver on loopback that keeps spans and log records it is sent: protobuf or JSON, gzip or plain."""

from __future__ import annotations

import base64
import json
import threading
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spancost.store.loopback import Handler, Loopback

_PROTOBUF = "application/x-protobuf"
_HEX_IDS = frozenset({"traceId", "spanId", "parentSpanId"})
_GZIP = 31
_SIGNALS: dict[str, tuple[type[Any], type[Any]]] = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/logs": (ExportLogsServiceRequest, ExportLogsServiceResponse),
}


class ReceivedSpan(NamedTuple):
    """A span as it arrived. Ids are hex, parent_id "" at a root; times are nanoseconds since the Unix epoch."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    scope: str
    start_ns: int
    end_ns: int
    is_error: bool
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]


class OtlpReceiver(Loopback):
    """A receiver on 127.0.0.1 of traces and logs, from construction until `close` (or the end of a `with` block).

    url: the base, as OTEL_EXPORTER_OTLP_ENDPOINT takes it; endpoint: the address of the traces signal. status: what it
    answers, to try an exporter's bad days. refused: bodies it could not read.
    """

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.refused = 0
        self._requests: list[ExportTraceServiceRequest] = []
        self._logs: list[ExportLogsServiceRequest] = []
        self._lock = threading.Lock()
        super().__init__(_Handler, "otlp-receiver")

    @property
    def endpoint(self) -> str:
        """Return the address of the traces signal, as an exporter's `endpoint` takes it."""
        return f"{self.url}/v1/traces"

    @property
    def requests(self) -> tuple[ExportTraceServiceRequest, ...]:
        """Return the requests received so far, in order."""
        with self._lock:
            return tuple(self._requests)

    @property
    def logs(self) -> tuple[ExportLogsServiceRequest, ...]:
        """Return the requests of log records received so far, in order."""
        with self._lock:
            return tuple(self._logs)

    @property
    def spans(self) -> list[ReceivedSpan]:
        """Return the spans received so far, in order."""
        return [span for request in self.requests for span in spans_of(request)]

    def json_lines(self) -> str:
        """Return what was received as OTLP JSON, one request a line, as the Collector's file exporter writes it.

        Log records come after the spans.
        """
        requests: list[ExportTraceServiceRequest | ExportLogsServiceRequest] = [*self.requests, *self.logs]
        return "".join(json.dumps(otlp_json(request), separators=(",", ":")) + "\n" for request in requests)

    def keep(self, request: ExportTraceServiceRequest | ExportLogsServiceRequest) -> None:
        """Add *request* to what was received."""
        with self._lock:
            if isinstance(request, ExportLogsServiceRequest):
                self._logs.append(request)
            else:
                self._requests.append(request)

    def clear(self) -> None:
        """Forget what was received."""
        with self._lock:
            self._requests.clear()
            self._logs.clear()


def spans_of(request: ExportTraceServiceRequest) -> list[ReceivedSpan]:
    """Return the spans of *request* in order."""
    return [
        _received(span, scope.scope.name, _attributes(resource.resource.attributes))
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def otlp_json(request: ExportTraceServiceRequest | ExportLogsServiceRequest) -> dict[str, Any]:
    """Return *request* as OTLP JSON: ids in hex and enumerations as integers, where plain protobuf JSON differs."""
    document: dict[str, Any] = json_format.MessageToDict(request, use_integers_for_enums=True)
    recode_ids(document, to_hex=True)
    return document


def recode_ids(value: Any, *, to_hex: bool) -> None:
    """Turn the ids inside *value* from base64 into hex, or back, in place."""
    if isinstance(value, list):
        for item in value:
            recode_ids(item, to_hex=to_hex)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _HEX_IDS and isinstance(item, str):
                value[key] = base64.b64decode(item).hex() if to_hex else base64.b64encode(bytes.fromhex(item)).decode()
            else:
                recode_ids(item, to_hex=to_hex)


def _received(span: Span, scope: str, resource: Mapping[str, Any]) -> ReceivedSpan:
    return ReceivedSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        scope=scope,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        is_error=span.status.code == Status.STATUS_CODE_ERROR,
        attributes=_attributes(span.attributes),
        resource=resource,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def _parse(kind: type[Any], content_type: str, body: bytes) -> Any:
    """Return the request of *kind* in *body*; ValueError when it is none."""
    if content_type.startswith("application/json"):
        document = json.loads(body)
        recode_ids(document, to_hex=False)
        try:
            return json_format.ParseDict(document, kind(), ignore_unknown_fields=True)
        except json_format.ParseError as error:
            raise ValueError(str(error)) from error
    request = kind()
    try:
        request.ParseFromString(body)
    except Exception as error:  # protobuf's DecodeError differs between its implementations
        raise ValueError(str(error)) from error
    return request


class _Handler(Handler):
    def do_POST(self) -> None:
        body = self.body()
        receiver: OtlpReceiver = self.server.owner
        content_type = self.headers.get("content-type") or _PROTOBUF
        kind, answers = _SIGNALS.get(self.path, _SIGNALS["/v1/traces"])
        status = receiver.status if self.path in _SIGNALS else 404
        if status == 200:
            try:
                plain = zlib.decompress(body, _GZIP) if self.headers.get("content-encoding") == "gzip" else body
                receiver.keep(_parse(kind, content_type, plain))
            except (ValueError, zlib.error):
                receiver.refused += 1
                status = 400
        self.send_response(status)
        answer = b"{}" if content_type.startswith("application/json") else answers().SerializeToString()
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
