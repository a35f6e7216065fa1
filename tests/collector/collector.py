# SPDX-License-Identifier: Apache-2.0
"""The built Collector on loopback, and spans of services that Python never touched."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BINARY = ROOT / "build" / "otelcol" / "otelcol-spancost"
CONFIGURATIONS = ROOT / "collector-config"
START_SECONDS = 60
STOP_SECONDS = 60


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


def free_port() -> int:
    """Return a port of loopback that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def collector(
    configuration: Path,
    folder: Path,
    env: Mapping[str, str] | None = None,
    binary: Path = BINARY,
    target: str = "collector",
) -> Iterator[Running]:
    """Run the built Collector with *configuration*; it is told to stop, and drains, at the end."""
    command = need(binary, target)
    http, grpc = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    given = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OTEL_")},
        "OTLP_HTTP_LISTEN": http,
        "OTLP_GRPC_LISTEN": grpc,
        "OWN_METRICS_PORT": str(free_port()),
        **(env or {}),
    }
    # Each Collector would listen on the same port for its own metrics.
    quiet = (
        () if "OWN_METRICS_PORT" in configuration.read_text() else ("--set", "service::telemetry::metrics::level=none")
    )
    log = folder / f"collector-{free_port()}.log"
    with log.open("wb") as out:
        process = subprocess.Popen([command, "--config", str(configuration), *quiet], env=given, stdout=out, stderr=out)
    try:
        until(lambda: "Everything is ready" in log.read_text() or process.poll() is not None, START_SECONDS)
        assert process.poll() is None, log.read_text()[-2000:]
        yield Running(f"http://{http}", grpc, process, log)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"it did not drain within {STOP_SECONDS} s: {log.read_text()[-2000:]}") from None


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


START_NS = time.time_ns() - 60 * 10**9
"""When the spans of tests start: lately, so that a backend that asks for what is new finds them."""


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
        "startTimeUnixNano": str(START_NS + (start or number) * 1_000_000),
        "endTimeUnixNano": str(START_NS + (end or 10_000 - number) * 1_000_000),
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
    request = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                "scopeSpans": [{"scope": {"name": "@opentelemetry/instrumentation-openai"}, "spans": list(spans)}],
            }
        ]
    }
    post = Request(f"{to}/v1/traces", json.dumps(request).encode(), {"Content-Type": "application/json"})
    with urlopen(post, timeout=10) as answer:
        assert answer.status == 200
