# SPDX-License-Identifier: Apache-2.0
"""A provider's API of bills on 127.0.0.1: answers by path and page token, and what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Provider(ThreadingHTTPServer):
    """Answers `/path` with a text or, for an error, a status. A text may depend on the page token or the day asked."""

    daemon_threads = True

    def __init__(self, answers: Mapping[tuple[str, str], str | int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.queries: list[dict[str, list[str]]] = []
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        self.server.queries.append(query)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        which = (query.get("page") or query.get("date") or [""])[0]
        answer = self.server.answers.get((parts.path, which), 404)
        status, text = (200, answer) if isinstance(answer, str) else (answer, self._error())
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("retry-after-ms", "1")
        if 300 <= status < 400:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def _error(self) -> str:
        """Return an error that repeats the key, as careless servers do."""
        key = self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")
        return json.dumps({"type": "error", "error": {"type": "invalid", "message": f"bad query for {key}"}})

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def provider(answers: Mapping[tuple[str, str], str | int]) -> Iterator[Provider]:
    """Give a server with *answers* by (path, page token or day)."""
    with Provider(answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
