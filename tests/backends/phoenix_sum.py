# SPDX-License-Identifier: Apache-2.0
"""Spend by feature of a week of traces: from Phoenix through its client's export, and by `spancost report`.

Run as `make bench-phoenix`. Prints the sums and what each took.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spancost.store.otlp_receiver import recode_ids
from spancost.testing.support_week import json_lines
from tests.backends.phoenix import Phoenix, running, until

SPANCOST = [sys.executable, "-c", "from spancost.cli import main; main()"]
PROJECT = "default"
EXPORT = """
import json, sys
from phoenix.client import Client
spans = Client(base_url=sys.argv[1]).spans.get_spans_dataframe(
    project_identifier="default", limit=1_000_000, timeout=600)
held = lambda column, name: spans[column].map(lambda found: found.get(name) if isinstance(found, dict) else None)
cost, feature = held("attributes.llm", "request_cost_usd"), held("attributes.app", "feature")
print(json.dumps({"spans": len(spans), "by": cost.astype(float).groupby(feature).sum().to_dict()}))
"""


def send(server: Phoenix, line: str) -> None:
    """Post a request of OTLP JSON as protobuf."""
    request = ExportTraceServiceRequest()
    document = json.loads(line)
    recode_ids(document, to_hex=False)
    json_format.ParseDict(document, request, ignore_unknown_fields=True)
    headers = {"Content-Type": "application/x-protobuf"}
    urlopen(Request(server.traces, request.SerializeToString(), headers), timeout=60).close()


def timed(*command: object) -> tuple[str, float, float]:
    """Run a command; return what it printed, its seconds, and its CPU seconds."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, time.monotonic() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def server_cpu() -> float:
    """Return the CPU seconds of running child processes."""
    found = 0.0
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        for child in (task / "children").read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def main() -> None:
    """Send, export, sum, compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain, priced = folder / "plain.jsonl", folder / "priced.jsonl"
        plain.write_text(json_lines(), encoding="utf-8")
        priced.write_text(timed(*SPANCOST, "enrich", plain)[0], encoding="utf-8")
        lines = priced.read_text(encoding="utf-8").splitlines()
        number = sum(
            len(s["spans"]) for line in lines for r in json.loads(line)["resourceSpans"] for s in r["scopeSpans"]
        )
        with running(folder) as server:
            for line in lines:
                send(server, line)
            query = "query ($name: String!) { getProjectByName(name: $name) { recordCount } }"
            count = lambda: server.graphql(query, name=PROJECT)["getProjectByName"]["recordCount"]  # noqa: E731
            until(lambda: count() >= number, 600, f"{number} spans in Phoenix")
            used = server_cpu()
            text, seconds, cpu = timed(sys.executable, "-c", EXPORT, server.url)
            used = server_cpu() - used
            exported = json.loads(text)
        report, ours_seconds, ours_cpu = timed(*SPANCOST, "report", priced, "--by", "feature", "--format", "json")
        rows = {row["feature"]: row["cost_usd"] for row in map(json.loads, report.splitlines())}
        print(f"spans sent {number:,}, exported by Phoenix {exported['spans']:,}")
        print(f"Phoenix, export and sum: {seconds:.1f} s, CPU {cpu:.1f} s of the client and {used:.1f} s of the server")
        print(f"spancost report:         {ours_seconds:.1f} s, CPU {ours_cpu:.1f} s")
        for feature, usd in sorted(rows.items(), key=str):
            print(f"{feature}: {usd} by spancost, {exported['by'].get(feature)!r} from Phoenix")


if __name__ == "__main__":
    main()
