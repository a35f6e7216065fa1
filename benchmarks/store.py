# SPDX-License-Identifier: Apache-2.0
"""What loading spans and reporting on them costs, beside DuckDB's own JSON reader and `enrich`, in one run.

Run as `python -m benchmarks.store [--spans 1000000] [--calls 10000000]`. Prints CPU seconds and ratios.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spancost.testing.support_week import any_value

SPANCOST = [sys.executable, "-c", "from spancost.cli import main; main()"]
READ = """
import duckdb, sys
spans = '''SELECT unnest(s.spans) AS span FROM (SELECT unnest(r.scopeSpans) AS s FROM
  (SELECT unnest(resourceSpans) AS r FROM read_json('%s', maximum_object_size=268435456)))''' % sys.argv[1]
duckdb.sql('''CREATE TABLE spans AS SELECT span.traceId, span.spanId, span.startTimeUnixNano, map_from_entries(
  list_transform(span.attributes, lambda a: {'k': a.key, 'v': coalesce(a.value.stringValue, a.value.intValue)}))
  FROM (%s)''' % spans)
"""
MANY = """
import duckdb, sys
part, folder, copies = sys.argv[1:]
calls = duckdb.connect()
calls.execute("SET preserve_insertion_order = false")
calls.execute("SET enable_progress_bar = false")
for number in range(int(copies)):
    calls.execute(f'''COPY (SELECT * REPLACE (md5(trace_id || {number}) AS trace_id,
        substr(md5(span_id || {number}), 1, 16) AS span_id) FROM read_parquet('{part}/calls-*.parquet'))
        TO '{folder}/calls-{number}.parquet' (FORMAT parquet, COMPRESSION zstd)''')
"""
MODELS = ("gpt-4o-mini", "gpt-5-mini", "gpt-4.1-mini")
SPANS_A_LINE = 512
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def lines(count: int) -> Iterator[str]:
    """Yield requests with *count* spans: traces of eight spans with about 15 attributes, half of them calls."""
    rng = random.Random(1)
    resource_of = {"service.name": "support", "service.instance.id": "8f14e45f-ceea-467f-a9d8-0242ac120002"}
    held: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for trace in range(count // 8):
        ids = f"{rng.getrandbits(128):032x}"
        tags = {"app.feature": rng.choice(("search", "reply", "triage")), "app.workspace_id": f"w{rng.randrange(300)}"}
        for number in range(8):
            is_call = number % 2 == 1
            model = rng.choice(MODELS)
            begin = 1_793_880_000 * 10**9 + trace * 10**6 + number * 10**8
            values = {**(call_attributes(rng, model) if is_call else http_attributes()), **tags}
            held[is_call].append(
                {
                    "traceId": ids,
                    "spanId": f"{rng.getrandbits(64):016x}",
                    "parentSpanId": held[False][-1]["spanId"] if is_call else "",
                    "name": f"chat {model}" if is_call else "POST /support",
                    "kind": 3,
                    "startTimeUnixNano": str(begin),
                    "endTimeUnixNano": str(begin + 10**9 // (1 + is_call)),
                    "attributes": [{"key": key, "value": any_value(value)} for key, value in values.items()],
                    "status": {},
                }
            )
        if len(held[True]) * 2 >= SPANS_A_LINE or trace == count // 8 - 1:
            scopes = [
                {
                    "scope": {"name": "opentelemetry.instrumentation.genai.openai", "version": "1.3b0"},
                    "spans": held[True],
                },
                {"scope": {"name": "support"}, "spans": held[False]},
            ]
            attributes = [{"key": key, "value": any_value(value)} for key, value in resource_of.items()]
            yield json.dumps({"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": scopes}]})
            held = {True: [], False: []}


def call_attributes(rng: random.Random, model: str) -> dict[str, Any]:
    """Return the attributes of a call of the official GenAI instrumentation."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.response.id": "chatcmpl-" + "".join(rng.choices(ALPHABET, k=29)),
        "gen_ai.usage.input_tokens": rng.randrange(500, 9000),
        "gen_ai.usage.output_tokens": rng.randrange(10, 900),
        "gen_ai.usage.cache_read.input_tokens": rng.randrange(400),
        "server.address": "api.openai.com",
        "server.port": 443,
        "gen_ai.conversation.id": f"c-{rng.randrange(10_000)}",
    }


def http_attributes() -> dict[str, Any]:
    """Return the attributes of a request."""
    return {
        "http.request.method": "POST",
        "url.full": "https://tools.internal/v1/orders/1042?expand=tracking",
        "server.address": "tools.internal",
        "server.port": 443,
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
    }


def cpu(*command: object) -> float:
    """Run a command and return its CPU seconds, those of its processes included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=10_000_000)
    sizes = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, part, many = folder / "spans.jsonl", folder / "part.jsonl", folder / "many"
        with source.open("w") as all_spans, part.open("w") as some:
            for number, line in enumerate(lines(sizes.spans)):
                print(line, file=all_spans)
                if number % 10 == 0:
                    print(line, file=some)
        loaded = cpu(*SPANCOST, "load", source, "--into", folder / "calls")
        read = cpu(sys.executable, "-c", READ, source)
        enriched = cpu(*SPANCOST, "enrich", part) * 10
        many.mkdir()
        subprocess.run(
            [sys.executable, "-c", MANY, str(folder / "calls"), str(many), str(sizes.calls * 2 // sizes.spans)],
            check=True,
        )
        cpu(*SPANCOST, "report", many, "--by", "feature,model")
        report = cpu(*SPANCOST, "report", many, "--by", "feature,model")
        size = sum(path.stat().st_size for path in many.glob("*.parquet"))
        print(f"load {sizes.spans:,} spans        {loaded:8.1f} CPU s")
        print(f"DuckDB read_json of the file {read:8.1f} CPU s: {loaded / read:.2f} ×")
        print(f"enrich (from a tenth)        {enriched:8.1f} CPU s: {enriched / loaded:.1f} × the load")
        print(f"report over {sizes.calls:,} calls {report:5.2f} CPU s; {size / sizes.calls:.0f} bytes a call on disk")
        print(f"report --help                {cpu(*SPANCOST, 'report', '--help'):8.2f} CPU s")


if __name__ == "__main__":
    main()
