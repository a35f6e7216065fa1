# SPDX-License-Identifier: Apache-2.0
"""A server on loopback that misbehaves: it stalls, resets connections, redirects."""

from __future__ import annotations

import json
import socket
import struct
import threading
from types import TracebackType

from tests.capture.world import EVENTS

_RESET = struct.pack("ii", 1, 0)  # linger on, for no time: closing sends RST
CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "planted-answer"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1000, "output_tokens": 10},
}
MANNERS = ("answers", "stalls", "resets at once", "resets midway", "redirects")


class RudeServer:
    """Answers every request in one manner (of MANNERS): a stream of chat events, or Bedrock's JSON under /model/."""

    def __init__(self, manner: str) -> None:
        self._manner = manner
        self._classify_ancestor = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> RudeServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._classify_ancestor.set()
        self._socket.close()

    def _accept(self) -> None:
        while not self._classify_ancestor.is_set():
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                path = self._read_request(client)
                if path is not None:
                    self._answer(client, path)
            except OSError:  # the client went away, which is what some tests are about
                return

    def _read_request(self, client: socket.socket) -> str | None:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = client.recv(65536)
            if not piece:
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(fields.get("content-length", 0))
        while len(body) < length:
            body += client.recv(65536)
        return lines[0].split()[1]

    def _answer(self, client: socket.socket, path: str) -> None:
        if self._manner == "resets at once":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return
        if self._manner == "redirects" and not path.startswith("/moved"):
            head = f"HTTP/1.1 307 Moved\r\nlocation: /moved{path}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            client.sendall(head.encode())
            return
        is_json = "/model/" in path
        body = json.dumps(CLAUDE).encode() if is_json else b"".join(EVENTS)
        kind = "application/json" if is_json else "text/event-stream"
        client.sendall(
            f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nx-planted: planted-header\r\ncontent-length: {len(body)}\r\n"
            "connection: close\r\n\r\n".encode()
        )
        if self._manner in ("answers", "redirects"):
            client.sendall(body)
            return
        client.sendall(body[: len(body) // 2 if is_json else len(EVENTS[0])])
        if self._manner == "stalls":
            self._classify_ancestor.wait(10)
        else:
            self._classify_ancestor.wait(0.2)  # so that what was sent is read before the reset throws it away
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
