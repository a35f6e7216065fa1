# SPDX-License-Identifier: Apache-2.0
"""Keeps what services send in a file of OTLP and answers from tables that follow it."""

from __future__ import annotations

import json
import threading
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from spancost.store.calls import Engine, open_calls
from spancost.store.pricing_choice import PricingChoice

_GZIP = 31
_MOST_BYTES = 1 << 28


class LiveCalls:
    """The calls of the spans received so far. The tables are made anew when a question comes after new spans."""

    def __init__(self, folder: Path, choice: PricingChoice) -> None:
        """Keep spans in *folder*."""
        self._path = folder / "received.jsonl"
        self._path.touch()
        self._choice = choice
        self._lock = threading.Lock()
        self._received = 0
        self._stack = ExitStack()
        self._held: tuple[Engine, int] | None = None
        self.dropped = 0

    def receive(self, path: str, kind: str, content: bytes) -> None:
        """Keep one OTLP request; ValueError when it cannot be read. Metrics are accepted and dropped."""
        if path == "/v1/metrics":
            self.dropped += 1
            return
        line = json.dumps(_document(path, kind, content), separators=(",", ":")) + "\n"
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line)
            self._received += 1

    def engine(self) -> tuple[Engine, int]:
        """Return an engine over what was received, and how many requests that is."""
        with self._lock:
            if self._held is None or self._held[1] != self._received:
                self._stack.close()
                self._stack = ExitStack()
                calls = self._stack.enter_context(open_calls([str(self._path)], self._choice))
                self._held = (calls.engine, self._received)
            return self._held

    def close(self) -> None:
        """Close the tables."""
        self._stack.close()


def _document(path: str, kind: str, content: bytes) -> Any:
    """Return an OTLP request as JSON; ValueError when it is none."""
    if "gzip" in kind:
        packed = zlib.decompressobj(_GZIP)
        try:
            content = packed.decompress(content, _MOST_BYTES)
        except zlib.error as error:
            raise ValueError(f"found a body that is not gzip ({error}); expected OTLP") from error
    if "json" in kind:
        return json.loads(content)
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from spancost.store.otlp_receiver import otlp_json

    request = ExportTraceServiceRequest() if path == "/v1/traces" else ExportLogsServiceRequest()
    try:
        request.ParseFromString(content)
    except DecodeError as error:
        raise ValueError(f"found a body that is not OTLP ({error})") from error
    return otlp_json(request)
