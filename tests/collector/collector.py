# SPDX-License-Identifier: Apache-2.0
"""The built Collector on loopback, and spans of services that Python never touched."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BINARY = ROOT / "build" / "otelcol" / "otelcol-spancost"
CONFIGURATIONS = ROOT / "collector-config"
START_SECONDS = 60
STOP_SECONDS = 60
BELOW_EPHEMERAL = range(20_000, 32_000)
PARTS = 8
SIGINT_BIT = 1 << (signal.SIGINT - 1)


def need(binary: Path = BINARY, target: str = "collector") -> str:
    """Return the path of a built Collector; without it the test is skipped, and with CI set it fails."""
    if binary.exists():
        return str(binary)
    if os.environ.get("CI"):
        pytest.fail(f"found no {binary}; `make {target}` builds it")
    pytest.skip(f"found no {binary.relative_to(ROOT)}; `make {target}` builds it")


class Running(NamedTuple):
    """A Collector that runs: where it takes OTLP over HTTP and gRPC, its process, and the file with what it logs."""

    http: str
    grpc: str
    process: subprocess.Popen[bytes]
    log: Path


def _ports() -> Iterator[int]:
    """Yield ports of this test process, in turn: tests that run beside it have another part of the range."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % PARTS
    mine = BELOW_EPHEMERAL[worker::PARTS]
    at = random.randrange(len(mine))
    while True:
        yield mine[at]
        at = (at + 1) % len(mine)


_PORTS = _ports()


def free_port() -> int:
    """Return a port of loopback that is free, from a range out of which no connection takes its own end."""
    for port in _PORTS:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            try:
                stream.bind(("127.0.0.1", port))
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("the ports come round again")


@contextmanager
def collector(
    configuration: Path,
    folder: Path,
    env: Mapping[str, str] | None = None,
    binary: Path = BINARY,
    target: str = "collector",
    also: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Run the built Collector with *configuration*, and *also* what its `--set` takes; at the end it is told to stop,
    and drains.
    """
    command = need(binary, target)
    given = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OTEL_")},
        "OTLP_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
        "OTLP_GRPC_LISTEN": f"127.0.0.1:{free_port()}",
        "OWN_METRICS_PORT": str(free_port()),
        **(env or {}),
    }
    # Each Collector would listen on the same port for its own metrics.
    quiet = {} if "OWN_METRICS_PORT" in configuration.read_text() else {"service::telemetry::metrics::level": "none"}
    changes = [word for key, value in {**quiet, **(also or {})}.items() for word in ("--set", f"{key}={value}")]
    log = folder / f"collector-{free_port()}.log"
    with log.open("wb") as out:
        # Go leaves SIGINT alone where it was ignored at the start, until somebody asks for it: see `takes_signals`.
        words = ["sh", "-c", 'trap "" INT; exec "$0" "$@"', command, "--config", str(configuration), *changes]
        process = subprocess.Popen(words, env=given, stdout=out, stderr=out)
    try:
        until(lambda: process.poll() is not None or is_ready(log, process), START_SECONDS)
        assert process.poll() is None, log.read_text()[-2000:]
        _START_NS[0] = time.time_ns()
        yield Running(f"http://{given['OTLP_HTTP_LISTEN']}", given["OTLP_GRPC_LISTEN"], process, log)
    finally:
        stop(process, log)


def is_ready(log: Path, process: subprocess.Popen[bytes]) -> bool:
    return "Everything is ready" in log.read_text() and takes_signals(process)


def takes_signals(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a Collector that was started with SIGINT ignored drains when it is told to stop.

    It says that everything is ready, and takes spans, a moment before it asks for signals; in that moment SIGTERM kills
    it with all it has (go.opentelemetry.io/collector/otelcol v0.159.0, `Collector.Run`).
    """
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return True
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) & SIGINT_BIT)


def stop(process: subprocess.Popen[bytes], log: Path) -> None:
    """Tell a Collector to stop, and wait until it has drained; AssertionError when it dies or hangs instead.

    One that was killed by the test has nothing to drain.
    """
    if process.poll() == -signal.SIGKILL:
        return
    process.send_signal(signal.SIGINT)
    try:
        status = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"it did not drain within {STOP_SECONDS} s: {log.read_text()[-2000:]}") from None
    assert status == 0, f"it ended with {status}, and lost what it had: {log.read_text()[-2000:]}"


def refused(configuration: str, folder: Path) -> str:
    """Return what the Collector says of a configuration that it does not start with."""
    file = folder / "bad.yaml"
    file.write_text(configuration)
    done = subprocess.run([need(), "--config", str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0, "the Collector started"
    return done.stdout + done.stderr


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait until *holds* is true; AssertionError after *seconds*."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


def own(port: str, name: str) -> int:
    """Return one of the Collector's own counters, summed over its labels; 0 when it was never counted."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith(name))


SERVER = 2
"""The kind of a span that a request from elsewhere begins."""

_START_NS = [time.time_ns()]
"""When the spans of tests start: when the last Collector was ready, because it doubts the totals of earlier traces."""


def span(
    trace: int, number: int, parent: int = 0, kind: int = 1, start: int = 0, end: int = 0, **attributes: Any
) -> dict[str, Any]:
    """Return a span in OTLP's JSON form; `__` in a keyword stands for a dot. Children lie inside their parents."""
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": f"span {number}",
        "kind": kind,
        "startTimeUnixNano": str(_START_NS[0] + (start or number) * 1_000_000),
        "endTimeUnixNano": str(_START_NS[0] + (end or 10_000 - number) * 1_000_000),
        "attributes": [{"key": key.replace("__", "."), "value": _value(value)} for key, value in attributes.items()],
    }


def call(trace: int, number: int, parent: int, tokens: int = 1000, model: str = "gpt-4o-mini") -> dict[str, Any]:
    """Return the span of a model call as an instrumentation in another language makes it, never priced."""
    return span(
        trace,
        number,
        parent,
        3,
        gen_ai__operation__name="chat",
        gen_ai__provider__name="openai",
        gen_ai__request__model=model,
        gen_ai__response__model=model,
        gen_ai__response__id=f"resp-{trace}-{number}",
        gen_ai__usage__input_tokens=tokens,
        gen_ai__usage__output_tokens=100,
    )


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value}


def send(to: str, *spans: dict[str, Any], service: str = "rag") -> None:
    """Post spans of a service that Python never touched."""
    assert post(to, *spans, service=service) == 200


def send_until_taken(to: str, *spans: dict[str, Any], seconds: float = 60) -> int:
    """Post spans again, as an SDK does, until they are taken; return how often they were refused."""
    refused_times, end = 0, time.monotonic() + seconds
    while (status := post(to, *spans)) != 200:
        assert status in (429, 502, 503, 504), f"{status} tells a client not to try again: the spans are lost"
        assert time.monotonic() < end, f"refused for {seconds} s"
        refused_times += 1
        time.sleep(0.05)
    return refused_times


def post(to: str, *spans: dict[str, Any], service: str = "rag") -> int:
    """Post spans once, and return the status of the answer."""
    request = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                "scopeSpans": [{"scope": {"name": "app.llm"}, "spans": list(spans)}],
            }
        ]
    }
    to_post = Request(f"{to}/v1/traces", json.dumps(request).encode(), {"Content-Type": "application/json"})
    try:
        with urlopen(to_post, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
