#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: opentelemetry-instrumentation-genai-langchain 1.3b0 (langchain 1.5.2, langchain-openai 1.7.4)
# Behaviour: an answer from LangChain's own cache makes a second span that is like the first in everything: model, finish
#   reason, usage and response id. No attribute says that the provider was not asked.
# Why it matters: a sum over spans charges every hit like a call. Only the repeated response id tells, and that is gone
#   where ids are not compared across traces, or where the answer was streamed.
# Seen on 2026-11-30: requests 1, spans 2, the same id and usage: True, input tokens on spans 4000
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  opentelemetry-instrumentation-genai-langchain==1.3b0 \
  langchain==1.5.2 \
  langchain-openai==1.7.4 \
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

from langchain_core.caches import InMemoryCache
from langchain_openai import ChatOpenAI
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

LangChainInstrumentor().instrument()
model = ChatOpenAI(model="gpt-5-mini", api_key="none", base_url=f"{url}/v1", cache=InMemoryCache())
for _ in range(2):
    model.invoke("Where is my order?")
first, second = (dict(span.attributes) for span in spans.get_finished_spans())
entered = sum(attributes["gen_ai.usage.input_tokens"] for attributes in (first, second))
print(f"requests {len(requests)}, spans 2, the same id and usage: {first == second}, input tokens on spans {entered}")
assert (len(requests), first == second, entered) == (1, True, 4000), "a hit is told from a call now"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
