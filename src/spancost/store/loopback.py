# SPDX-License-Identifier: Apache-2.0
"""A server on 127.0.0.1 in a thread of its own, for as long as an object lives: what both test servers are made on."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

_Self = TypeVar("_Self", bound="Loopback")


class Loopback:
    """Listens on a free port of 127.0.0.1 from construction until `close` (or the end of a `with` block).

    A handler reaches its Loopback as `self.server.owner`.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler], name: str) -> None:
        self._server = Server(handler, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name=name, daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Return the base, `http://127.0.0.1:{port}`, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def failed(self) -> bool:
        """Take note of an exception while a request was handled; return whether it was foreseen."""
        return False

    def close(self) -> None:
        """Stop listening; answers being sent are given up."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class Server(ThreadingHTTPServer):
    """The server behind a `Loopback`, its owner."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[BaseHTTPRequestHandler], owner: Loopback) -> None:
        self.owner: Any = owner
        super().__init__(("127.0.0.1", 0), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show a fault that the owner did not foresee."""
        if not self.owner.failed():
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """What both servers' handlers share: connections stay open, and nothing is logged."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def body(self) -> bytes:
        """Return the body of the request, sent as a whole or in chunks (as Node does); ValueError for bad ones."""
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # what may follow the last chunk: trailers, then an empty line
            pass
        return b"".join(pieces)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
