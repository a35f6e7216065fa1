#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: opentelemetry-instrumentation-genai-bedrock 1.3b0 (boto3 1.44.8, opentelemetry-sdk 1.45.2)
# Behaviour: gen_ai.usage.input_tokens is Bedrock's inputTokens as it comes, which leaves out what was read from and written
#   to the cache. The conventions say that the attribute includes both, and genai-anthropic 1.3b0 of the same family adds
#   them for the same model. Converse gives no response id either.
# Why it matters: whoever takes cached tokens out of the input, as is right for the rest of the family, gets a negative
#   rest, or prices a prompt of 3,008 tokens as one of 8.
# Seen on 2026-11-30: provider: input 8, read 3000, total 3026; span: input 8, read 3000
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  opentelemetry-instrumentation-genai-bedrock==1.3b0 \
  boto3==1.44.8 \
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
    usage = {"inputTokens": 8, "outputTokens": 18, "totalTokens": 3026, "cacheReadInputTokens": 3000}
    message = {"role": "assistant", "content": [{"text": "It was sent."}]}
    found = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}
    return "application/json", json.dumps(found).encode()


from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)

import boto3
from opentelemetry.instrumentation.genai.bedrock import BedrockInstrumentor

BedrockInstrumentor().instrument()
client = boto3.client(
    "bedrock-runtime",
    endpoint_url=url,
    region_name="us-east-1",
    aws_access_key_id="none",
    aws_secret_access_key="none",
)
client.converse(
    modelId="global.anthropic.claude-haiku-4-5-20251001-v1:0",
    messages=[{"role": "user", "content": [{"text": "Where is my order?"}]}],
)
(span,) = spans.get_finished_spans()
entered = span.attributes["gen_ai.usage.input_tokens"]
read = span.attributes["gen_ai.usage.cache_read.input_tokens"]
print(f"provider: input 8, read 3000, total 3026; span: input {entered}, read {read}")
assert (entered, read) == (8, 3000), "the input now includes the cached part, or the attributes changed"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
