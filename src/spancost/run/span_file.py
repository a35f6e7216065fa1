# SPDX-License-Identifier: Apache-2.0
"""Writes spans to a file as they end, and reads them back.

Unlike an exporter, a file needs no thread, no connection and no flush. It survives `os._exit`, a fork and a kill, and
does not affect the program's exporters. A record is a length (4 bytes, big-endian) and an OTLP request.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

_LENGTH = struct.Struct(">I")
SUFFIX = ".spans"


class SpanFile(SpanProcessor):
    """Appends every sampled span that ends to a file of this process in *folder*; `lost` counts failures."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pid = 0
        self._descriptor = -1
        self.lost = 0

    def on_end(self, span: ReadableSpan) -> None:
        """Append *span*."""
        try:
            if span.context is None or not span.context.trace_flags.sampled:
                return
            body: bytes = encode_spans((span,)).SerializeToString()
            os.write(self._opened(), _LENGTH.pack(len(body)) + body)
        except Exception:  # the program continues; the parent process reports the count
            self.lost += 1

    def _opened(self) -> int:
        """Return the descriptor of this process's file; a forked child opens a new file."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            path = self._folder / f"{self._pid}{SUFFIX}"
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
        return self._descriptor


def requests_in(folder: Path) -> Iterator[ExportTraceServiceRequest]:
    """Yield the recorded spans in *folder*, one request per process; a record truncated by a kill is skipped."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        request = ExportTraceServiceRequest()
        for body in _records(path.read_bytes()):
            _join(request, ExportTraceServiceRequest.FromString(body))
        if request.resource_spans:
            yield request


def _records(content: bytes) -> Iterator[bytes]:
    at = 0
    while at + _LENGTH.size <= len(content):
        (length,) = _LENGTH.unpack_from(content, at)
        body = content[at + _LENGTH.size : at + _LENGTH.size + length]
        if len(body) < length:
            return
        yield body
        at += _LENGTH.size + length


def _join(request: ExportTraceServiceRequest, one: ExportTraceServiceRequest) -> None:
    """Add the spans of *one* to *request*; equal resources and scopes are merged."""
    for resource in one.resource_spans:
        existing = next((each for each in request.resource_spans if each.resource == resource.resource), None)
        if existing is None:
            request.resource_spans.append(resource)
            continue
        for scope in resource.scope_spans:
            same_scope = next((each for each in existing.scope_spans if each.scope == scope.scope), None)
            if same_scope is None:
                existing.scope_spans.append(scope)
            else:
                same_scope.spans.extend(scope.spans)
