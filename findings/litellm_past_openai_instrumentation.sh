#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: litellm 1.110.2 under opentelemetry-instrumentation-genai-openai 1.3b0
# Behaviour: LiteLLM calls OpenAI by the client's low-level post method, not by chat.completions.create. Instrumentations
#   of the OpenAI client patch the latter and see none of its calls; litellm 1.106 was seen.
# Why it matters: an update of LiteLLM makes the spans of all its OpenAI calls vanish, without a warning. Costs by trace
#   fall to zero and the bill stays.
# Seen on 2026-11-30: client itself: 1 request, 1 span; LiteLLM: 1 request, 0 spans
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  opentelemetry-instrumentation-genai-openai==1.3b0 \
  litellm==1.110.2 \
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
    usage = {"prompt_tokens": 13, "completion_tokens": 18, "total_tokens": 31}
    return "application/json", json.dumps(completion(usage)).encode()


from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

OpenAIInstrumentor().instrument()
import litellm
import openai

say = [{"role": "user", "content": "Where is my order?"}]
openai.OpenAI(api_key="none", base_url=f"{url}/v1").chat.completions.create(model="gpt-5-mini", messages=say)
by_client = (len(requests), len(spans.get_finished_spans()))
litellm.completion(model="openai/gpt-5-mini", messages=say, api_key="none", api_base=f"{url}/v1")
by_litellm = (len(requests) - by_client[0], len(spans.get_finished_spans()) - by_client[1])
print(f"client itself: {by_client[0]} request, {by_client[1]} span; ", end="")
print(f"LiteLLM: {by_litellm[0]} request, {by_litellm[1]} spans")
assert (by_client, by_litellm) == ((1, 1), (1, 0)), "LiteLLM's calls are seen again, or the client's are not"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
