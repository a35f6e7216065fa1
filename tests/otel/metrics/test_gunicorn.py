# SPDX-License-Identifier: Apache-2.0
"""Two real gunicorn workers, with and without --preload: their metrics add up to their spans (`make test-gunicorn`)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.otel.metrics.gunicorn_rows import AT_IMPORT, costs, last, summed
from tests.repository import ROOT

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEST_GUNICORN"), reason="run by make test-gunicorn"),
    pytest.mark.skipif(find_spec("gunicorn") is None, reason="found no gunicorn"),
]
REQUESTS = 60


def serve(folder: Path, *options: str) -> None:
    """Serve REQUESTS requests, then end the server in the orderly way."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    command = [
        sys.executable,
        "-m",
        "gunicorn.app.wsgiapp",
        "tests.otel.metrics.gunicorn_app",
        "-w",
        "2",
        "-b",
        address,
        *options,
    ]
    log = folder / "log"
    with log.open("w") as errors:
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "FOLDER": str(folder)}, stderr=errors)
    try:
        workers = set()
        deadline = time.monotonic() + 60
        number = 0
        while number < REQUESTS or len(workers) < 2:
            assert time.monotonic() < deadline, log.read_text()
            try:
                with urllib.request.urlopen(f"http://{address}/{number + 1}", timeout=10) as answer:
                    workers.add(answer.read())
                number += 1
            except OSError:
                time.sleep(0.1)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["each worker imports", "preload"])
def test_the_metrics_of_all_processes_add_up_to_their_spans(options: list[str], tmp_path: Path) -> None:
    """In both temporalities: no call is lost at the exit, and none before the fork is counted again by a worker."""
    serve(tmp_path, *options)
    spans = costs(tmp_path)
    processes = 2 if not options else 1
    assert len(spans) >= REQUESTS + processes * AT_IMPORT
    assert last(tmp_path, "llm.requests") == summed(tmp_path, "llm.requests") == len(spans)
    assert round(last(tmp_path, "llm.cost.usd") * 1e9) == sum(spans)
    assert round(summed(tmp_path, "llm.cost.usd") * 1e9) == sum(spans)
