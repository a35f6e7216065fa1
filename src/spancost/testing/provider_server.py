# SPDX-License-Identifier: Apache-2.0
"""One HTTP server on loopback that answers as the providers do, in their own wires, and bills each call it serves."""

from __future__ import annotations

import itertools
import json
import secrets
import socket
import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from spancost.store.loopback import Handler, Loopback
from spancost.testing import model as thinking
from spancost.testing import routes
from spancost.testing.bill import Bill, Charge, PriceList
from spancost.testing.reply import Reply, Scenario
from spancost.testing.wires.exchange import Asked, Served
from spancost.testing.wires.framing import compact

_SECRET_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"})


class Exchange(NamedTuple):
    """One request the server had: where it was meant for, and the status it got. Bodies and keys are not kept."""

    method: str
    host: str
    path: str
    status: int
    headers: Mapping[str, str]


class ProviderServer(Loopback):
    """A provider on 127.0.0.1, from construction until `close` (or the end of a `with` block).

    url: where it listens. bill: what it charged. exchanges: the requests it had. aborted: answers the client did not
    wait for. The provider is told from the Host header, or from a first path segment that is a provider's host
    (`{url}/api.groq.com/openai/v1`), or from the path alone. A request is on the bill before its answer is sent, whole,
    also when the answer breaks off or nobody reads it.
    """

    def __init__(self, scenario: Scenario | None = None, prices: PriceList | None = None) -> None:
        self.scenario = scenario or Scenario()
        self.bill = Bill()
        self.exchanges: list[Exchange] = []
        self.aborted = 0
        self._prices = prices or PriceList.published()
        self._cache = thinking.PromptCache()
        self._ids = itertools.count(1)
        self._nonce = secrets.token_hex(6)
        super().__init__(_Handler, "provider-server")

    def url_for(self, host: str) -> str:
        """Return a base address that stands for the provider at *host*, for clients that take only an address."""
        if not routes.is_provider_host(host):
            raise ValueError(f"found {host!r}; expected the host of a provider among the routes")
        return f"{self.url}/{host}"

    def failed(self) -> bool:
        """Count a client that went away; anything else is a fault of ours."""
        is_gone = isinstance(sys.exc_info()[1], (ConnectionError, socket.timeout))
        self.aborted += is_gone
        return is_gone

    def serve(self, match: routes.Match, asked: Asked, reply: Reply) -> Served:
        """Answer *asked* as *reply* says, and put it on the bill."""
        provider = match.route.provider
        price = self._prices.find(provider, reply.model or asked.model)
        text = "" if asked.inputs else reply.text
        if text is None:
            text = "" if reply.tool_calls else thinking.answer(asked)
        usage = reply.usage or thinking.usage_of(asked, reply, text, price, self._cache)
        name = reply.model or (price.model if price else asked.model)
        amount = self._prices.amount(provider, name, usage, reply.service_tier)
        response_id = f"{match.route.id_prefix}{self._nonce}{next(self._ids):08d}"
        self.bill.add(Charge(provider, name, match.route.wire.operation, response_id, usage, amount))
        return Served(
            asked=asked,
            provider=provider,
            response_id=response_id,
            created=int(time.time()),
            model=name,
            text=text,
            thinking=reply.thinking or "",
            tool_calls=reply.tool_calls,
            vectors=tuple(map(thinking.embedding, asked.inputs)),
            usage=usage,
            reported=usage if reply.report_usage else None,
            usd=None if amount is None else float(amount),
            service_tier=reply.service_tier or "",
        )


class _Handler(Handler):
    def do_POST(self) -> None:
        body = self.body()
        host, path, query = self._target()
        match = routes.find(host, path, query)
        if match is None:
            self._exchange(host, path, 404)
            self._send_json(
                404, {"error": {"message": f"no provider answers at {host}{path}", "type": "not_found"}}, {}
            )
            return
        wire = match.route.wire
        asked = wire.read(match.groups, query, json.loads(body))
        provider: ProviderServer = self.server.owner
        facts = {"provider": match.route.provider, "operation": wire.operation, "model": asked.model}
        reply = provider.scenario.take(facts)
        self._exchange(host, path, reply.status)
        if reply.delay_seconds:
            time.sleep(reply.delay_seconds)
        if reply.status != 200:
            after = {} if reply.retry_after is None else {"retry-after": f"{reply.retry_after:g}"}
            self._send_json(reply.status, wire.error(reply.status, reply.error or "the scenario says so"), after)
            return
        served = provider.serve(match, asked, reply)
        headers = {"x-request-id": f"req_{served.response_id}"}
        if asked.stream:
            frames = match.framing.frames(wire.events(served))
            self._send_stream(match.framing.content_type, frames, reply, headers)
        else:
            if reply.compressed:
                headers["content-encoding"] = "gzip"
            self._send_json(200, wire.document(served), headers)

    def _target(self) -> tuple[str, str, str]:
        """Return the host the request is meant for, its path and its query."""
        host = (self.headers.get("host") or "").rsplit(":", 1)[0]
        parts = urlsplit(self.path)
        first, slash, rest = parts.path[1:].partition("/")
        if routes.is_provider_host(first):
            return first, slash + rest, parts.query
        return host, parts.path, parts.query

    def _exchange(self, host: str, path: str, status: int) -> None:
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() not in _SECRET_HEADERS}
        self.server.owner.exchanges.append(Exchange(self.command, host, path, status, headers))

    def _send_json(self, status: int, document: dict[str, Any], headers: Mapping[str, str]) -> None:
        payload = compact(document).encode()
        if headers.get("content-encoding") == "gzip":
            gzip = zlib.compressobj(wbits=31)
            payload = gzip.compress(payload) + gzip.flush()
        self.send_response(status)
        self._send_headers({"content-type": "application/json", "content-length": str(len(payload)), **headers})
        self.wfile.write(payload)

    def _send_stream(
        self, content_type: str, frames: Iterator[bytes], reply: Reply, headers: Mapping[str, str]
    ) -> None:
        gzip = zlib.compressobj(wbits=31) if reply.compressed else None
        encoding = {"content-encoding": "gzip"} if gzip else {}
        self.send_response(200)
        self._send_headers({"content-type": content_type, "transfer-encoding": "chunked", **encoding, **headers})
        for count, frame in enumerate(frames):
            if count == reply.cut_after_events:
                self.close_connection = True
                return
            if reply.pause_seconds:
                time.sleep(reply.pause_seconds)
            self._chunk(gzip.compress(frame) + gzip.flush(zlib.Z_SYNC_FLUSH) if gzip else frame)
        if gzip:
            self._chunk(gzip.flush())
        self.wfile.write(b"0\r\n\r\n")

    def _send_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
