#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: opentelemetry-instrumentation-genai-openai 1.3b0 (openai 3.57.0)
# Behaviour: a stream that the program leaves by break has status ERROR, error.type _OTHER and no usage; the same stream left
#   by close() has no error and no usage. A call that the provider refuses with 400 has status ERROR and no usage as well.
# Why it matters: dashboards and cost counters take a failed call without usage for one that cost nothing. The first two
#   were sent whole and are billed; only the third is free, and the status does not tell them apart.
# Seen on 2026-11-30: break: ERROR _OTHER usage no; close: UNSET None usage no; refused: ERROR openai.BadRequestError usage no
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  opentelemetry-instrumentation-genai-openai==1.3b0 \
  openai==3.57.0 \
  opentelemetry-sdk==1.45.2

cat >"$folder/check.py" <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

requests = []


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        requests.append(asked)
        status, kind, body = answer(asked)
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"


def answer(asked):
    if asked["model"] == "none":
        return 400, "application/json", b'{"error": {"message": "no such model", "type": "invalid_request_error"}}'
    chunk = {"id": "chatcmpl-Abc123", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5-mini"}
    choices = [{"index": 0, "delta": {"content": "sent "}, "finish_reason": None}]
    usage = {"prompt_tokens": 2000, "completion_tokens": 300, "total_tokens": 2300}
    chunks = [{**chunk, "choices": choices}] * 300 + [{**chunk, "choices": [], "usage": usage}]
    text = "".join(f"data: {json.dumps(each)}\n\n" for each in chunks) + "data: [DONE]\n\n"
    return 200, "text/event-stream", text.encode()


from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)

import openai
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

OpenAIInstrumentor().instrument()
client = openai.OpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0)
ask = {"messages": [{"role": "user", "content": "Where is my order?"}], "stream": True}


def leave():
    for _ in client.chat.completions.create(model="gpt-5-mini", **ask):
        break


leave()
stream = client.chat.completions.create(model="gpt-5-mini", **ask)
next(iter(stream))
stream.close()
try:
    client.chat.completions.create(model="none", **ask)
except openai.BadRequestError:
    pass
found = [
    (
        span.status.status_code.name,
        span.attributes.get("error.type"),
        "yes" if "gen_ai.usage.input_tokens" in span.attributes else "no",
    )
    for span in spans.get_finished_spans()
]
ways = ("break", "close", "refused")
print("; ".join(f"{way}: {status} {kind} usage {usage}" for way, (status, kind, usage) in zip(ways, found, strict=True)))
expected = [("ERROR", "_OTHER", "no"), ("UNSET", None, "no"), ("ERROR", "openai.BadRequestError", "no")]
assert found == expected, "a stream that was left is told otherwise now"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
