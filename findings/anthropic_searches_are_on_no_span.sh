#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: anthropic 2.14.0 with spans of its own, opentelemetry-instrumentation-genai-anthropic 1.3b0,
#   opentelemetry-instrumentation-anthropic 0.62.4 (OpenLLMetry), openinference-instrumentation-anthropic 3.1.0
# Behaviour: a web search by Anthropic's own tool is done inside the call and counted in the answer's usage, as
#   web_search_requests beside the tokens. The first three write each other count of that usage and not this one; the text of the
#   searches is on no attribute either. OpenInference has it, inside the copy of the whole answer.
# Why it matters: a search costs 0.01 USD, more than the tokens of many calls: here 0.05 of 0.0545 USD. The span looks complete,
#   and equal to one of a call without searches; no rule over spans can tell that the greater part of the cost is missing.
# Seen on 2026-12-01: program: searches 5
#   anthropic's own: tokens 1000 + 100, searches no; genai: tokens 1000 + 100, searches no;
#   openllmetry: tokens 1000 + 100, searches no; openinference: tokens 1000 + 100, searches yes
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  anthropic==2.14.0 \
  opentelemetry-sdk==1.45.2 \
  opentelemetry-instrumentation-genai-anthropic==1.3b0 \
  opentelemetry-instrumentation-anthropic==0.62.4 \
  openinference-instrumentation-anthropic==3.1.0

cat >"$folder/check.py" <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

USAGE = {
    "input_tokens": 1000,
    "output_tokens": 100,
    "cache_read_input_tokens": 0,
    "cache_creation_input_tokens": 0,
    "server_tool_use": {"web_search_requests": 5},
}


class Provider(BaseHTTPRequestHandler):
    """Answers after five searches."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        content = []
        for number in range(5):
            name = f"srvtoolu_{number}"
            search = {"type": "server_tool_use", "id": name, "name": "web_search", "input": {"query": "parcel 7 harbour"}}
            content += [search, {"type": "web_search_tool_result", "tool_use_id": name, "content": []}]
        answer = {
            "id": "msg_01Abc",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": [*content, {"type": "text", "text": "It was sent."}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": USAGE,
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)

import anthropic
from openinference.instrumentation.anthropic import AnthropicInstrumentor as OpenInference
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor as OpenLLMetry
from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor as GenAI

client = anthropic.Anthropic(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}")
EMITTERS = {
    "anthropic's own": ("com.anthropic", None),
    "genai": ("opentelemetry.instrumentation.genai", GenAI),
    "openllmetry": ("opentelemetry.instrumentation.anthropic", OpenLLMetry),
    "openinference": ("openinference", OpenInference),
}


def show(name, scope, instrumentor):
    """Make one call under one emitter; return whether its span has the tokens, and whether it shows searches."""
    spans.clear()
    if instrumentor:
        instrumentor().instrument()
    usage = client.messages.create(
        model="claude-sonnet-4-5",
        max_tokens=500,
        messages=[{"role": "user", "content": "Where is my order?"}],
        tools=[{"type": "web_search_20250305", "name": "web_search", "max_uses": 5}],
    ).usage
    if instrumentor:
        instrumentor().uninstrument()
    assert usage.server_tool_use.web_search_requests == 5
    (span,) = (each for each in spans.get_finished_spans() if each.instrumentation_scope.name.startswith(scope))
    values = list(span.attributes.values())
    assert 1000 in values and 100 in values
    found = any("web_search_requests" in str(item) or "harbour" in str(item) for item in span.attributes.items())
    print(f"{name}: tokens 1000 + 100, searches {'yes' if found else 'no'}")
    return found


print(f"program: searches {USAGE['server_tool_use']['web_search_requests']}")
found = {name: show(name, *emitter) for name, emitter in EMITTERS.items()}
assert [name for name in found if found[name]] == ["openinference"], "searches are told otherwise now"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
