# SPDX-License-Identifier: Apache-2.0
"""A Phoenix server of its own on loopback, and the questions the tests ask it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

START_SECONDS = 180
"""The first start makes the database with all its migrations: about 30 s on two quiet cores."""
INSERT_SECONDS = 60


class Phoenix:
    """A running server: where it takes OTLP over HTTP, and what its API says of a project's spans."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.traces = f"{self.url}/v1/traces"

    def is_up(self) -> bool:
        try:
            with urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def otlp_spans(self, project: str) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the typed OTLP attribute values of each span of *project*, by span name: {"double_value": 0.1}."""
        spans = self._get(f"/v1/projects/{project}/spans/otlpv1?limit=100")["data"]
        return {span["name"]: {a["key"]: _one(a["value"]) for a in span["attributes"]} for span in spans}

    def own_costs(self, project: str) -> dict[str, tuple[float | None, float | None]]:
        """Return Phoenix's own cost of each span of *project*, and of the trace it is in, by span name."""
        query = """query ($name: String!) { getProjectByName(name: $name) { spans(first: 100) { edges { node {
            name costSummary { total { cost } } trace { costSummary { total { cost } } } } } } } }"""
        edges = self.graphql(query, name=project)["getProjectByName"]["spans"]["edges"]
        return {
            edge["node"]["name"]: (_total(edge["node"]["costSummary"]), _total(edge["node"]["trace"]["costSummary"]))
            for edge in edges
        }

    def names_where(self, project: str, condition: str) -> set[str]:
        """Return the names of the spans of *project* for which Phoenix's filter language says yes."""
        query = """query ($name: String!, $condition: String!) { getProjectByName(name: $name) {
            spans(first: 100, filterCondition: $condition) { edges { node { name } } } } }"""
        answer = self.graphql(query, name=project, condition=condition)
        return {edge["node"]["name"] for edge in answer["getProjectByName"]["spans"]["edges"]}

    def graphql(self, query: str, **variables: str) -> dict[str, Any]:
        answer = self._ask(
            Request(
                f"{self.url}/graphql",
                json.dumps({"query": query, "variables": variables}).encode(),
                {"Content-Type": "application/json"},
            )
        )
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]
        return found

    def _get(self, path: str) -> dict[str, Any]:
        return self._ask(Request(self.url + path))

    def _ask(self, request: Request) -> dict[str, Any]:
        with urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until *condition* holds; an AssertionError says *what* did not happen in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.25)


@contextmanager
def running(folder: Path) -> Iterator[Phoenix]:
    """Run a server that keeps its database in *folder*; it is stopped at the end."""
    port, grpc_port = _free_ports(2)
    environment = {
        **os.environ,
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc_port),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    log = folder / "phoenix.log"
    command = [str(Path(sys.executable).with_name("phoenix")), "serve"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        server = Phoenix(port)
        try:
            until(lambda: process.poll() is not None or server.is_up(), START_SECONDS, "the start of Phoenix")
            assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-2000:]
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def _total(summary: dict[str, Any] | None) -> float | None:
    """Return the total of a cost summary, None where Phoenix has no cost."""
    return summary["total"]["cost"] if summary else None


def _one(value: dict[str, Any]) -> dict[str, Any]:
    """Return an OTLP AnyValue without the fields that are null."""
    return {kind: found for kind, found in value.items() if found is not None}
