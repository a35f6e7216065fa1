# SPDX-License-Identifier: Apache-2.0
"""A real Jaeger on loopback, and what its query API shows of a trace."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.collector.collector import ROOT, free_port, need, until

JAEGER = ROOT / "build" / "jaeger"


class Shown(NamedTuple):
    """A trace as people see it: how many spans; what its calls cost and what its root says, in nano-dollars."""

    spans: int
    calls: int
    root: int | None
    is_complete: bool | None


class Jaeger(NamedTuple):
    """A Jaeger that runs: where it takes OTLP over gRPC, and where it answers queries."""

    otlp: str
    query: str

    @property
    def also(self) -> dict[str, str]:
        """Changes of a configuration by which Jaeger is sent a copy of every span."""
        return {
            "exporters::otlp_grpc/jaeger::endpoint": self.otlp,
            "exporters::otlp_grpc/jaeger::tls::insecure": "true",
            "service::pipelines::traces::exporters": "[otlp_http, otlp_grpc/jaeger]",
        }

    def asked(self, path: str) -> list[dict[str, Any]]:
        """Return the traces that a query finds, none where Jaeger knows of none."""
        try:
            with urlopen(f"{self.query}/api/traces{path}", timeout=30) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]
        except HTTPError as error:
            if error.code != 404:
                raise
            return []
        return found

    def of_service(self, service: str, more: str = "") -> list[dict[str, Any]]:
        """Return the traces of a service."""
        return self.asked(f"?service={service}&limit=100&lookback=8760h{more}")

    def shown(self, trace: int, spans: int) -> Shown:
        """Return what is shown of a trace once so many spans of it are."""
        until(lambda: len(self._ids(trace)) >= spans)
        (found,) = self.asked(f"/{trace:032x}")
        told = {each["spanID"]: tags(each) for each in found["spans"]}
        above = {each["spanID"]: each["references"] for each in found["spans"]}
        root: dict[str, Any] = next((told[each] for each in told if not above[each]), {})
        return Shown(
            len(told),
            sum(each.get("llm.request_cost_nanousd", 0) for each in told.values()),
            root.get("llm.trace_cost_nanousd"),
            root.get("llm.trace_cost_complete"),
        )

    def _ids(self, trace: int) -> set[str]:
        return {span["spanID"] for found in self.asked(f"/{trace:032x}") for span in found["spans"]}


@contextmanager
def jaeger(folder: Path) -> Iterator[Jaeger]:
    """Run Jaeger on loopback; it keeps what it is sent in memory."""
    command = need(JAEGER, "jaeger")
    otlp, query = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    ports = [
        "admin.http",
        "collector.grpc-server",
        "collector.http-server",
        "collector.otlp.http",
        "query.grpc-server",
        "http-server",
    ]
    arguments = [f"--{name}.host-port=127.0.0.1:{free_port()}" for name in ports]
    udp = ["jaeger-binary", "jaeger-compact", "zipkin-compact"]
    arguments += [f"--processor.{name}.server-host-port=127.0.0.1:{free_port()}" for name in udp]
    arguments += [f"--collector.otlp.grpc.host-port={otlp}", f"--query.http-server.host-port={query}"]
    with (folder / "jaeger.log").open("wb") as log:
        process = subprocess.Popen([command, *arguments], stdout=log, stderr=log)
        try:
            until(lambda: process.poll() is not None or answers(f"http://{query}/api/services"))
            assert process.poll() is None, (folder / "jaeger.log").read_text()[-2000:]
            yield Jaeger(otlp, f"http://{query}")
        finally:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5):
            return True
    except (URLError, OSError):
        return False


def tags(found: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in found["tags"]}
