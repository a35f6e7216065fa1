#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: langchain-anthropic 1.7.10 (langchain-core 1.8.3, anthropic 2.14.0) under
#   opentelemetry-instrumentation-genai-langchain 1.3b0
# Behaviour: Anthropic's stream tells the input at its first event, message_start, and at message_delta the output so far. To
#   repeat the input there is optional, by the client's own type of that event. LangChain takes the usage from message_delta
#   alone. Where the input is not repeated it is 0, and what was read from and written to the cache is gone. The client on
#   which LangChain is built has all counts from the same events, and invoke of the same model has them as well.
# Why it matters: most of an agent's cost is its input. Here 100 of 1,100 tokens are left, on the message and on the span, and
#   0 is a number: nothing says that it was not told. A program that changes invoke to stream seems to save nine tenths.
# Seen on 2026-12-01: input at message_delta: client 1000, stream 1000 (cached 500), span 1000
#   no input at message_delta: client 1000, stream 0 (cached 0), span 0
#   invoke: message 1000 (cached 500), span 1000
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  langchain-anthropic==1.7.10 \
  langchain==1.5.2 \
  langchain-core==1.8.3 \
  anthropic==2.14.0 \
  opentelemetry-instrumentation-genai-langchain==1.3b0 \
  opentelemetry-sdk==1.45.2

cat >"$folder/check.py" <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INPUT = {"input_tokens": 200, "cache_read_input_tokens": 500, "cache_creation_input_tokens": 300}
repeated = True


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = {"id": "msg_01Abc", "type": "message", "role": "assistant", "model": asked["model"], "stop_sequence": None}
        kind, body = stream(message) if asked.get("stream") else plain(message)
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def plain(message):
    content = [{"type": "text", "text": "It was sent."}]
    answer = {**message, "content": content, "stop_reason": "end_turn", "usage": {**INPUT, "output_tokens": 100}}
    return "application/json", json.dumps(answer).encode()


def stream(message):
    start = {**message, "content": [], "stop_reason": None, "usage": {**INPUT, "output_tokens": 1}}
    usage = {**(INPUT if repeated else {}), "output_tokens": 100}
    events = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "It was sent."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    return "text/event-stream", "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events).encode()


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)

import anthropic
from langchain_anthropic import ChatAnthropic
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

LangChainInstrumentor().instrument()
model = ChatAnthropic(model="claude-sonnet-4-5", api_key="none", base_url=address)
client = anthropic.Anthropic(api_key="none", base_url=address)


def streamed():
    chunks = list(model.stream("Where is my order?"))
    return sum(chunks[1:], chunks[0])


def counts(ask):
    """Return input and cached input of LangChain's message, and the input of its span."""
    spans.clear()
    usage = ask().usage_metadata
    named = (span.attributes for span in spans.get_finished_spans())
    (seen,) = (each["gen_ai.usage.input_tokens"] for each in named if "gen_ai.usage.input_tokens" in each)
    return usage["input_tokens"], usage.get("input_token_details", {}).get("cache_read", 0), seen


def client_input():
    messages = [{"role": "user", "content": "Where is my order?"}]
    with client.messages.stream(model="claude-sonnet-4-5", max_tokens=500, messages=messages) as events:
        usage = events.get_final_message().usage
    return usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens


found = {}
for repeated in (True, False):
    found[repeated] = (client_input(), *counts(streamed))
    where = "input at message_delta" if repeated else "no input at message_delta"
    print("{}: client {}, stream {} (cached {}), span {}".format(where, *found[repeated]))
whole = counts(lambda: model.invoke("Where is my order?"))
print("invoke: message {} (cached {}), span {}".format(*whole))
assert found[True] == (1000, 1000, 500, 1000) and whole == (1000, 500, 1000)
assert found[False] == (1000, 0, 0, 0), "the input of the first event counts now"
PYTHON
ANTHROPIC_OPEN_TELEMETRY=false "$folder/env/bin/python" -W ignore "$folder/check.py"
