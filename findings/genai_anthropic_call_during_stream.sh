#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: opentelemetry-instrumentation-genai-anthropic 1.3b0 (anthropic 2.14.0)
# Behaviour: while a stream is open, its span stays the current model call. A second call that the program makes then (a
#   check of what came so far, a tool that asks a model) is taken for an inner part of the first and has no span at all.
#   genai-bedrock and genai-portkey 1.3b0 do the same; genai-openai 1.3b0 gives the second call its span.
# Why it matters: two answers are billed and one is in the trace; nothing says that one is missing.
# Seen on 2026-11-30: requests 2, spans 1, tokens billed 40, tokens on spans 20
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  opentelemetry-instrumentation-genai-anthropic==1.3b0 \
  anthropic==2.14.0 \
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
        kind, body = answer(asked)
        self.send_response(200)
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
    message = {"id": f"msg_{len(requests)}", "type": "message", "role": "assistant", "model": "claude-haiku-4-5"}
    if not asked.get("stream"):
        content = [{"type": "text", "text": "Yes."}]
        usage = {"input_tokens": 10, "output_tokens": 10}
        found = {**message, "content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
        return "application/json", json.dumps(found).encode()
    start = {**message, "content": [], "stop_reason": None, "usage": {"input_tokens": 10, "output_tokens": 1}}
    delta = {"type": "text_delta", "text": "It was sent."}
    events = (
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 10}},
        {"type": "message_stop"},
    )
    return "text/event-stream", "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()


from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)

import os

os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"  # the client's own spans
import anthropic
from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor

AnthropicInstrumentor().instrument()
client = anthropic.Anthropic(api_key="none", base_url=url, max_retries=0)
ask = {"model": "claude-haiku-4-5", "max_tokens": 99, "messages": [{"role": "user", "content": "Where is my order?"}]}
for number, _ in enumerate(client.messages.create(**ask, stream=True)):
    if number == 2:
        client.messages.create(**ask)
found = spans.get_finished_spans()
told = sum(s.attributes["gen_ai.usage.input_tokens"] + s.attributes["gen_ai.usage.output_tokens"] for s in found)
print(f"requests {len(requests)}, spans {len(found)}, tokens billed 40, tokens on spans {told}")
assert (len(requests), len(found), told) == (2, 1, 20), "the second call has a span now"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
