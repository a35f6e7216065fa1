# SPDX-License-Identifier: Apache-2.0
"""Serves the page on 127.0.0.1. Every request needs the token of the address; nothing leaves the machine.

The server is the standard library's: pages and answers are small, one person asks, and a framework would be the largest
dependency of the package.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from spancost.reports.selection import QuestionError
from spancost.store.pricing_choice import SourceError

STATIC = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
Answer = Callable[[str, Mapping[str, list[str]]], Any]
"""(name of the question, its parameters) -> JSON. QuestionError and SourceError are told to the page."""


class PageServer(ThreadingHTTPServer):
    """The page with an answerer of its questions. address: with the token, as a browser takes it."""

    daemon_threads = True

    def __init__(self, answer: Answer, port: int = 0, receive: Callable[[str, str, bytes], None] | None = None) -> None:
        """Listen on 127.0.0.1; OSError when *port* is taken. *receive* takes (path, content type, body) of OTLP."""
        self.answer = answer
        self.receive = receive
        self.token = secrets.token_urlsafe(24)
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a browser that left before its answer; tell any other error as the standard library does."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """Return the address of the page."""
        return f"http://127.0.0.1:{self.server_address[1]}/?token={self.token}"

    @property
    def endpoint(self) -> str:
        """Return the base to which services send OTLP/HTTP."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def is_token(self, given: str) -> bool:
        """Return whether *given* is the token."""
        return hmac.compare_digest(given.encode(), self.token.encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes: the second would wait 40 ms to be acknowledged
    server: PageServer

    def do_GET(self) -> None:
        """Answer a page, a static file or a question."""
        parts = urlsplit(self.path)
        parameters = parse_qs(parts.query, keep_blank_values=True)
        if not self._is_local():
            self._send(HTTPStatus.FORBIDDEN, b"open this page as 127.0.0.1", "text/plain")
        elif parts.path.startswith("/static/"):
            self._static(parts.path.removeprefix("/static/"))
        elif not self.server.is_token((parameters.pop("token", None) or [self.headers.get("x-token") or ""])[0]):
            self._send(HTTPStatus.FORBIDDEN, b"the address needs its token: see the terminal", "text/plain")
        elif parts.path.startswith("/api/"):
            self._question(parts.path.removeprefix("/api/"), parameters)
        elif parts.path in ("/", "/trace", "/call"):
            self._static("index.html")
        else:
            self._send(HTTPStatus.NOT_FOUND, b"no such page", "text/plain")

    def do_POST(self) -> None:
        """Take spans and log records of a service, when the page is live."""
        path = urlsplit(self.path).path
        length = int(self.headers.get("content-length") or 0)
        if self.server.receive is None or path not in ("/v1/traces", "/v1/logs", "/v1/metrics"):
            self._send(HTTPStatus.NOT_FOUND, b"", "text/plain")
            return
        if self.headers.get("origin") or length > 64 << 20:
            self._send(HTTPStatus.FORBIDDEN, b"", "text/plain")
            return
        content = self.rfile.read(length)
        try:
            self.server.receive(path, self._kind(), content)
        except ValueError as error:
            self._send(HTTPStatus.BAD_REQUEST, str(error).encode(), "text/plain")
            return
        answer = b"{}" if "json" in self._kind() else b""
        self._send(HTTPStatus.OK, answer, self.headers.get("content-type") or "application/x-protobuf")

    def _kind(self) -> str:
        return f"{self.headers.get('content-type') or ''};{self.headers.get('content-encoding') or ''}"

    def _is_local(self) -> bool:
        """Return whether the request names this machine: another site cannot reach the page by a name of its own."""
        host = (self.headers.get("host") or "").partition(":")[0]
        return host in ("127.0.0.1", "localhost")

    def _question(self, name: str, parameters: Mapping[str, list[str]]) -> None:
        try:
            body = json.dumps(self.server.answer(name, parameters), separators=(",", ":")).encode()
            status = HTTPStatus.OK
        except (QuestionError, SourceError) as error:
            body, status = json.dumps({"error": str(error)}).encode(), HTTPStatus.BAD_REQUEST
        except LookupError:
            body, status = b'{"error":"no such question"}', HTTPStatus.NOT_FOUND
        except Exception as error:  # the page says so, the terminal says where
            traceback.print_exc()
            sentence = f"this question failed with {type(error).__name__}: the terminal of spancost view shows where"
            body, status = json.dumps({"error": sentence}).encode(), HTTPStatus.INTERNAL_SERVER_ERROR
        self._send(status, body, "application/json")

    def _static(self, name: str) -> None:
        path = STATIC / name
        if path.parent != STATIC or path.suffix not in TYPES or not path.is_file():
            self._send(HTTPStatus.NOT_FOUND, b"no such file", "text/plain")
            return
        self._send(HTTPStatus.OK, path.read_bytes(), TYPES[path.suffix])

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind if "/" in kind and ";" in kind else f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: addresses hold the token."""
