#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: openlit 1.45.0 (opentelemetry-sdk 1.45.1) beside opentelemetry-instrumentation-genai-openai 1.3b0 (openai 2.54.0)
# Behaviour: xAI leaves reasoning out of completion_tokens and adds it to total_tokens. OpenLIT writes completion_tokens, no
#   count of reasoning, and a total that it adds up itself, so the difference that would show the reasoning is gone too.
#   Its cost is that of the two counts. OpenTelemetry's instrumentation of the same call has the count of reasoning.
# Why it matters: xAI bills reasoning as output. Where it is most of the answer, most of the cost is on no attribute, and
#   the span agrees with itself. At 3 and 15 USD for a million tokens this call costs 0.00651 USD.
# Seen on 2026-12-01: openlit: input 20, output 30, reasoning None, total 50, cost 0.00051
#   genai-openai: input 20, output 30, reasoning 400, total None, cost None
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
install() {
  python3 -m venv "$folder/$1"
  "$folder/$1/bin/pip" install --quiet --disable-pip-version-check openai==2.54.0 "${@:2}"
}
install openlit openlit==1.45.0 opentelemetry-sdk==1.45.1 opentelemetry-instrumentation==0.66b1
install genai-openai opentelemetry-instrumentation-genai-openai==1.3b0 opentelemetry-sdk==1.45.2

cat >"$folder/check.py" <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

family = sys.argv[1]


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        choice = {"index": 0, "message": {"role": "assistant", "content": "It was sent."}, "finish_reason": "stop"}
        usage = {
            "prompt_tokens": 20,
            "completion_tokens": 30,
            "total_tokens": 450,
            "completion_tokens_details": {"reasoning_tokens": 400},
        }
        answer = {
            "id": "chatcmpl-Abc123",
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
            "choices": [choice],
            "usage": usage,
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

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)

import openai

if family == "openlit":
    import openlit

    openlit.init(disable_metrics=True, disable_events=True, pricing_json=sys.argv[2])
else:
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1")
client.chat.completions.create(model="grok-4", messages=[{"role": "user", "content": "Where is my order?"}])
named = (dict(span.attributes) for span in spans.get_finished_spans())
attributes = next(each for each in named if "gen_ai.usage.input_tokens" in each)
entered, left = (attributes[f"gen_ai.usage.{name}_tokens"] for name in ("input", "output"))
reasoning = next((value for key, value in attributes.items() if "reasoning" in key), None)
total, cost = attributes.get("gen_ai.client.token.usage"), attributes.get("gen_ai.usage.cost")
print(f"{family}: input {entered}, output {left}, reasoning {reasoning}, total {total}, cost {cost}")
expected = {"openlit": (20, 30, None, 50, 0.00051), "genai-openai": (20, 30, 400, None, None)}[family]
assert (entered, left, reasoning, total, cost) == expected, "the counts are told otherwise now"
PYTHON
echo '{"chat": {"grok-4": {"promptPrice": 0.003, "completionPrice": 0.015}}}' >"$folder/prices.json"
for family in openlit genai-openai; do
  "$folder/$family/bin/python" -W ignore "$folder/check.py" "$family" "$folder/prices.json"
done
