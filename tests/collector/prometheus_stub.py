# SPDX-License-Identifier: Apache-2.0
"""Takes metrics over OTLP/HTTP as Prometheus does, and keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


class _Prometheus(BaseHTTPRequestHandler):
    """Keeps the metrics that are posted to it, as Prometheus' OTLP endpoint takes them."""

    def do_POST(self) -> None:
        """Keep the body and answer with nothing."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.kept.append(ExportMetricsServiceRequest.FromString(body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def prometheus() -> Iterator[tuple[str, list[ExportMetricsServiceRequest]]]:
    """Take metrics on loopback; yield where, and what came."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Prometheus)
    server.kept = []  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/metrics", server.kept  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
