#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: opentelemetry-instrumentation-anthropic 0.62.4 (OpenLLMetry; anthropic 2.14.0)
# Behaviour: Anthropic's stream tells the output count twice: what is there at the first event, and the running total at the
#   last. The instrumentation adds the two, and its total_tokens too. The client's own usage and its own span say the total.
# Why it matters: output has the highest price, and the excess is not constant: it is what the provider happened to have
#   produced when it opened the stream. The same call without stream is right, so a check on plain calls finds nothing.
# Seen on 2026-11-30: client: output 12; create(stream=True): output 20, total 40; stream(): output 20, total 40
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  opentelemetry-instrumentation-anthropic==0.62.4 \
  anthropic==2.14.0 \
  opentelemetry-sdk==1.45.2

cat >"$folder/check.py" <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = "".join(f"event: {kind}\ndata: {json.dumps({'type': kind, **event})}\n\n" for kind, event in events())
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


def events():
    message = {
        "id": "msg_01AbcDefGhiJkl",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 20, "output_tokens": 8},
    }
    yield "message_start", {"message": message}
    yield "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
    yield "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Yes, it was sent."}}
    yield "content_block_stop", {"index": 0}
    yield "message_delta", {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 12}}
    yield "message_stop", {}


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)

import anthropic
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

AnthropicInstrumentor().instrument()
client = anthropic.Anthropic(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}")
ask = {
    "model": "claude-haiku-4-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Where is my order?"}],
}
for _ in client.messages.create(stream=True, **ask):
    pass
with client.messages.stream(**ask) as stream:
    told = stream.get_final_message().usage.output_tokens
found = [
    (span.attributes["gen_ai.usage.output_tokens"], span.attributes["gen_ai.usage.total_tokens"])
    for span in spans.get_finished_spans()
    if span.instrumentation_scope.name == "opentelemetry.instrumentation.anthropic"
]
ways = ("create(stream=True)", "stream()")
shown = (f"{way}: output {output}, total {total}" for way, (output, total) in zip(ways, found, strict=True))
print(f"client: output {told}; " + "; ".join(shown))
assert told == 12, "the client adds the counts now"
assert found == [(20, 40), (20, 40)], "the instrumentation does not add the counts any more"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
