# SPDX-License-Identifier: Apache-2.0
"""What watching HTTP costs: a bare client, opentelemetry-instrumentation-httpx alone, capture, and capture above it.

One client object a variant; instrumentation is on only while its variant runs, so that none slows another. The server
is a process of its own, and its answers are the same bytes for all. Told is the CPU time of the client's thread, except
for the time to the first byte of a stream, which is told by the clock on the wall.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import statistics
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from typing import Any

from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

from benchmarks.measure import Timing, Variant, added, interleave, ratio
from benchmarks.spans import ours, pipeline
from spancost.capture.instrumentor import CaptureInstrumentor

CHUNKS = 200
LARGE = 50_000_000
PIECE = b"large " * 10_922
CALL, OTHER = "/v1/chat/completions", "/orders/17"
STREAM = "/stream" + CALL
BIG = "/big" + CALL
ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Where is my parcel?"}]}
_ID = b"chatcmpl-000000000"
_SERIAL = count()
VARIANTS = ("bare client", "otel-httpx", "capture", "capture + otel-httpx")


def _answer(text: str) -> bytes:
    usage = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
    message = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    whole = {"id": _ID.decode(), "model": "gpt-4o-mini-2024-07-18", "choices": [message], "usage": usage}
    return json.dumps(whole).encode()


JSON = _answer("x" * 1_800)


def _events() -> list[bytes]:
    start: dict[str, Any] = {"id": _ID.decode(), "model": "gpt-4o-mini-2024-07-18"}
    bodies = [{**start, "choices": [{"index": 0, "delta": {"content": f"word{n}"}}]} for n in range(CHUNKS - 3)]
    bodies.append({**start, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    bodies.append({**start, "choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 200}})
    return [b"data: " + json.dumps(body).encode() + b"\n\n" for body in bodies] + [b"data: [DONE]\n\n"]


def _serve(port: Any) -> None:
    """Answer over one connection after another, each kept open; what a path is answered with is ready beforehand."""
    head = "HTTP/1.1 200 OK\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n"
    plain = head.format("application/json", len(JSON)).encode() + JSON
    events = b"".join(b"%x\r\n%s\r\n" % (len(e), e) for e in _events()) + b"0\r\n\r\n"
    stream = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + events
    before, after = _answer("@").split(b"@")
    times = LARGE // len(PIECE)
    size = len(before) + times * len(PIECE) + len(after)
    big = [head.format("application/json", size).encode() + before, *[PIECE] * times, after]
    answers = {STREAM.encode(): [stream], BIG.encode(): big}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port.send(listening.getsockname()[1])
        while True:
            connection, _ = listening.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_talk, args=(connection, answers, [plain]), daemon=True).start()


def _talk(connection: socket.socket, answers: dict[bytes, list[bytes]], plain: list[bytes]) -> None:
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return
            data += piece
        start, _, data = data.partition(b"\r\n\r\n")
        length = int(start.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        while len(data) < length:
            data += connection.recv(65536)
        data = data[length:]
        serial = b"chatcmpl-%09d" % next(_SERIAL)  # no two answers have one id
        for part in answers.get(start.split(b" ", 2)[1], plain):
            connection.sendall(part.replace(_ID, serial))


@contextmanager
def _server() -> Iterator[int]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


class _Client:
    """A client of one module under one variant; its instrumentation is on from `prepare` to `settle`."""

    def __init__(self, module: Any, variant: str, port: int) -> None:
        self.variant = variant
        self._url = f"http://127.0.0.1:{port}"
        self._providers = {f"127.0.0.1:{port}": "openai"}
        self._provider = pipeline(ours()) if "capture" in variant else pipeline()
        self._http = module.Client(trust_env=False, timeout=60)
        self._on = ExitStack()
        self.first: list[float] = []

    def prepare(self) -> None:
        """Switch on what the variant has, and fill its caches."""
        if "otel-httpx" in self.variant:
            HTTPXClientInstrumentor().instrument(tracer_provider=self._provider)
            self._on.callback(HTTPXClientInstrumentor().uninstrument)
        if "capture" in self.variant:
            CaptureInstrumentor().instrument(tracer_provider=self._provider, providers=self._providers)
            self._on.callback(CaptureInstrumentor().uninstrument)
        self.json(2)
        self.other(2)
        self.stream(1)

    def settle(self) -> None:
        """Switch it off again and empty the queue of spans."""
        self._on.close()
        self._provider.force_flush()

    def json(self, calls: int) -> None:
        for _ in range(calls):
            self._http.post(self._url + CALL, json=ASK).read()

    def other(self, calls: int) -> None:
        for _ in range(calls):
            self._http.get(self._url + OTHER).read()

    def stream(self, calls: int) -> None:
        for _ in range(calls):
            began = time.perf_counter()
            with self._http.stream("POST", self._url + STREAM, json={**ASK, "stream": True}) as response:
                chunks = response.iter_raw()
                next(chunks)
                self.first.append((time.perf_counter() - began) * 1e6)
                for _ in chunks:
                    pass

    def most_mib(self) -> float:
        """Return the most MiB that are held while a large answer is read and dropped."""
        self.prepare()
        with self._http.stream("POST", self._url + BIG, json=ASK) as response:
            tracemalloc.start()
            for _ in response.iter_raw():
                pass
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        self.settle()
        return most / 2**20


WORK: dict[str, tuple[Callable[[_Client], Callable[[int], object]], int]] = {
    "JSON, 2 KB": (lambda client: client.json, 12),
    "no model call": (lambda client: client.other, 12),
    "stream, 200 events": (lambda client: client.stream, 4),
}
"""What is done, and how often in a batch."""


def measure(rounds: int) -> dict[str, Any]:
    """Return for each client library and kind of work the CPU µs of each variant, and what a stream and memory cost."""
    with _server() as port:
        return {name: _library(name, port, rounds) for name in ("httpx", "httpx2") if find_spec(name)}


def _library(name: str, port: int, rounds: int) -> dict[str, Any]:
    module = import_module(name)
    # opentelemetry-instrumentation-httpx does not know httpx2.
    names = VARIANTS if name == "httpx" else tuple(v for v in VARIANTS if "otel" not in v)
    clients = [_Client(module, variant, port) for variant in names]
    work = {}
    for kind, (does, calls) in WORK.items():
        variants = [Variant(c.variant, does(c), c.settle, calls, c.prepare) for c in clients]
        interleave(variants, rounds=max(3, rounds // 10))  # warm up
        for client in clients:
            client.first.clear()
        work[kind] = _summary(interleave(variants, rounds=rounds))
    bare = clients[0]
    firsts = {c.variant: statistics.median(c.first) for c in clients}
    mib = {c.variant: c.most_mib() for c in clients}
    return {
        "work": work,
        # What a call adds as such is told by the answer in one piece; the events have the rest.
        "chunk_added_us": {
            v: (f["added_us"] - work["JSON, 2 KB"][v]["added_us"]) / CHUNKS
            for v, f in work["stream, 200 events"].items()
        },
        "first_added_us": {v: us - firsts[bare.variant] for v, us in firsts.items()},
        "extra_mib": {v: most - mib[bare.variant] for v, most in mib.items()},
    }


def _summary(timings: dict[str, Timing]) -> dict[str, dict[str, float]]:
    base = timings[VARIANTS[0]]
    return {
        name: {
            "median_us": timing.median,
            "p10_us": timing.p10,
            "added_us": added(timing, base),
            "ratio": ratio(timing, base),
        }
        for name, timing in timings.items()
    }
