#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: openai 3.57.0 under opentelemetry-instrumentation-genai-openai 1.3b0
# Behaviour: the client repeats a request that timed out (twice by default). The provider gets and works on each attempt,
#   and the span, which tells of success and of one usage, mentions none but the last.
# Why it matters: a model that answers slower than the timeout is billed up to three times for one span whose status is
#   unset and whose usage looks complete. Only counting requests on the wire shows it.
# Seen on 2026-11-30: requests answered by the provider 2, spans 1, status UNSET, attributes about repetition: none
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
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

requests, answered = [], []


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        requests.append(asked)
        kind, body = answer(asked)
        if len(requests) == 1:
            time.sleep(1)
        answered.append(asked)
        try:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            pass  # the client has gone

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"

def completion(usage, **more):
    message = {"role": "assistant", "content": "It was sent."}
    return {
        "id": "chatcmpl-Abc123",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5-mini-2025-08-07",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
        **more,
    }


def answer(asked):
    usage = {"prompt_tokens": 2000, "completion_tokens": 300, "total_tokens": 2300}
    return "application/json", json.dumps(completion(usage)).encode()


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
client = openai.OpenAI(api_key="none", base_url=f"{url}/v1", timeout=0.5)
client.chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": "Where is my order?"}])
while len(answered) < 2:
    time.sleep(0.05)
(span,) = spans.get_finished_spans()
words = ("retry", "retries", "resend", "attempt")
told = [key for key in span.attributes if any(word in key for word in words)]
print(f"requests answered by the provider {len(answered)}, spans 1, status {span.status.status_code.name}, ", end="")
print(f"attributes about repetition: {', '.join(told) or 'none'}")
assert (len(answered), span.status.status_code.name, told) == (2, "UNSET", []), "the repetition is told now"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
