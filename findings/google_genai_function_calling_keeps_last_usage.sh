#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: google-genai 2.34.0 under opentelemetry-instrumentation-google-genai 1.3b0; google-genai 3.6.1 under
#   openinference-instrumentation-google-genai 1.4.14
# Behaviour: generate_content with a Python function as tool asks the provider again with what the function returned. The
#   response's usage_metadata is that of the last request only, and both instrumentations make one span with that usage. For
#   the same dialogue through chats.create().send_message they make two spans, one for each request.
# Why it matters: every request is billed, and each repeats the whole prompt. Of a dialogue with tools only the last step is
#   seen: here 2,106 of 4,521 tokens, and none of the thoughts, which came with the first step.
# Seen on 2026-11-30: opentelemetry: generate_content: requests 2, billed 4521, response 2106, spans [2106]
#   opentelemetry: send_message: requests 2, billed 4521, response 2106, spans [2415, 2106]
#   openinference: generate_content: requests 2, billed 4521, response 2106, spans [2106]
#   openinference: send_message: requests 2, billed 4521, response 2106, spans [2415, 2106]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
install() {
  python3 -m venv "$folder/$1"
  "$folder/$1/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2 "${@:2}"
}
install opentelemetry google-genai==2.34.0 opentelemetry-instrumentation-google-genai==1.3b0
install openinference google-genai==3.6.1 openinference-instrumentation-google-genai==1.4.14

cat >"$folder/check.py" <<'PYTHON'
import importlib
import json
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

family = sys.argv[1]
billed = []


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps(answer(asked)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def answer(asked):
    if len(asked["contents"]) == 1:
        part = {"functionCall": {"name": "status", "args": {"order": "7"}}}
        usage = {"promptTokenCount": 2000, "candidatesTokenCount": 15, "thoughtsTokenCount": 400, "totalTokenCount": 2415}
    else:
        part = {"text": "It was sent."}
        usage = {"promptTokenCount": 2100, "candidatesTokenCount": 6, "totalTokenCount": 2106}
    billed.append(usage["totalTokenCount"])
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": usage,
        "modelVersion": "gemini-2.5-flash",
        "responseId": f"answer{len(billed)}",
    }


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

from google import genai
from google.genai import types

logging.disable(logging.WARNING)
module, name, entered, left = {
    "opentelemetry": (
        "opentelemetry.instrumentation.google_genai",
        "GoogleGenAiSdkInstrumentor",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
    ),
    "openinference": (
        "openinference.instrumentation.google_genai",
        "GoogleGenAIInstrumentor",
        "llm.token_count.prompt",
        "llm.token_count.completion",
    ),
}[family]
getattr(importlib.import_module(module), name)().instrument()


def status(order: str) -> str:
    """Tell where an order is."""
    return "sent"


client = genai.Client(
    api_key="none", http_options=types.HttpOptions(base_url=f"http://127.0.0.1:{server.server_port}")
)
model, question, config = "gemini-2.5-flash", "Where is order 7?", types.GenerateContentConfig(tools=[status])
ways = {
    "generate_content": lambda: client.models.generate_content(model=model, contents=question, config=config),
    "send_message": lambda: client.chats.create(model=model, config=config).send_message(question),
}
found = {}
for way, call in ways.items():
    billed.clear()
    spans.clear()
    response = call().usage_metadata.total_token_count
    attributes = [span.attributes for span in spans.get_finished_spans() if entered in span.attributes]
    found[way] = [each[entered] + each[left] for each in attributes]
    print(f"{family}: {way}: requests {len(billed)}, ", end="")
    print(f"billed {sum(billed)}, response {response}, spans {found[way]}")
    assert (len(billed), response) == (2, 2106), "the client asks otherwise or sums the usage now"
assert found == {"generate_content": [2106], "send_message": [2415, 2106]}, "the spans tell another usage now"
PYTHON
for family in opentelemetry openinference; do
  "$folder/$family/bin/python" -W ignore "$folder/check.py" "$family"
done
