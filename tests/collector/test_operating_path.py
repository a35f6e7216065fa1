# SPDX-License-Identifier: Apache-2.0
"""The path of docs/operating.md from nothing to a number: every command as the page shows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.collector.collector import ROOT, free_port, need

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("collector-path"),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="found no prometheus server"),
]
BUILT = "make collector\n"
"""The first command, which the lane has run."""
END = "trap 'kill $(jobs -p); wait' EXIT\nset -e\n"


def test_from_nothing_to_a_number(tmp_path: Path) -> None:
    need()
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    commands = "".join(re.findall(r"^```bash path\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    assert commands.startswith(BUILT)
    for shared in ("build", "collector-config"):
        (tmp_path / shared).symlink_to(ROOT / shared)
    ports = ("OTLP_HTTP_LISTEN", "OTLP_GRPC_LISTEN", "SPEND_LISTEN", "PROMETHEUS_LISTEN")
    env = {**os.environ, **{name: f"127.0.0.1:{free_port()}" for name in ports}, "OWN_METRICS_PORT": str(free_port())}
    # What runs in the background writes to its own file, so that the answer is the last line.
    script = END + commands.removeprefix(BUILT).replace(" &\n", " >>background.log 2>&1 &\n")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr + (tmp_path / "background.log").read_text()[-2000:]
    (found,) = json.loads(done.stdout[done.stdout.rindex('{"status"') :])["data"]["result"]
    assert found["metric"] == {"llm_model": "gpt-4o-mini"}
    assert float(found["value"][1]) == pytest.approx(0.15)
