#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: langchain-openai 1.7.4 and langchain 1.5.2 under opentelemetry-instrumentation-genai-langchain 1.3b0
# Behaviour: on the flex and priority tiers LangChain renames the details of the usage: cache_read becomes flex_cache_read,
#   reasoning becomes flex_reasoning. The instrumentation looks for the usual names, so cached and reasoning tokens are
#   gone from the span; the tier itself is on no span at any time.
# Why it matters: flex costs half and priority twice as much, and cached input a tenth. The span of this call looks like a
#   standard one without cache: 0.0011 USD where 0.00034 was billed.
# Seen on 2026-11-30: default: cached 1536, reasoning 64; flex: cached None, reasoning None, tier None
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
    usage = {
        "prompt_tokens": 2000,
        "completion_tokens": 300,
        "total_tokens": 2300,
        "prompt_tokens_details": {"cached_tokens": 1536},
        "completion_tokens_details": {"reasoning_tokens": 64},
    }
    found = completion(usage, service_tier=asked.get("service_tier", "default"))
    return "application/json", json.dumps(found).encode()


from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)

from langchain_openai import ChatOpenAI
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

LangChainInstrumentor().instrument()
ChatOpenAI(model="gpt-5-mini", api_key="none", base_url=f"{url}/v1").invoke("Where is my order?")
ChatOpenAI(model="gpt-5-mini", api_key="none", base_url=f"{url}/v1", service_tier="flex").invoke("Where is my order?")
usual, flex = (dict(span.attributes) for span in spans.get_finished_spans())
cached, reasoning = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.reasoning.output_tokens"
tier = next((value for key, value in flex.items() if "tier" in key), None)
print(f"default: cached {usual.get(cached)}, reasoning {usual.get(reasoning)}; ", end="")
print(f"flex: cached {flex.get(cached)}, reasoning {flex.get(reasoning)}, tier {tier}")
assert (usual.get(cached), usual.get(reasoning)) == (1536, 64), "the details of the default tier changed"
assert (flex.get(cached), flex.get(reasoning), tier) == (None, None, None), "flex is told now"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
