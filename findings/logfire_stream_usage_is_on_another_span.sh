#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: logfire 5.4.0 (openai 3.57.0, and genai-prices 0.2.3, with which Logfire writes operation.cost)
# Behaviour: the span of a streamed call (kind CLIENT) ends when the stream opens and has neither usage nor cost nor response
#   id, also where the program asked for usage. These are on a second span of kind INTERNAL and length 0, made when the
#   stream ends: not a child of the first, but beside it. Where no span is open around the call, the second is the root of
#   another trace. Of a stream that was left by break the second span has no usage.
# Why it matters: both spans name the operation chat and the model, so a count of calls is double. A sum over CLIENT spans,
#   or over the trace in which the request was made, leaves out every stream, and no attribute of the first span says so.
# Seen on 2026-12-01: plain: CLIENT usage 2300 cost yes length > 0 trace 1
#   streamed: CLIENT usage None cost no length > 0 trace 1, INTERNAL usage 2300 cost yes length 0 trace 2
#   streamed inside a span: CLIENT usage None cost no length > 0 trace 1, INTERNAL usage 2300 cost yes length 0 trace 1
#   left by break: CLIENT usage None cost no length > 0 trace 1, INTERNAL usage None cost no length 0 trace 2
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check logfire==5.4.0 genai-prices==0.2.3 openai==3.57.0

cat >"$folder/check.py" <<'PYTHON'
import gc
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {"prompt_tokens": 2000, "completion_tokens": 300, "total_tokens": 2300}
HEAD = {"id": "chatcmpl-Abc123", "created": 1, "model": "gpt-5-mini-2025-08-07"}


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        kind, body = stream() if asked.get("stream") else plain()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def plain():
    choice = {"index": 0, "message": {"role": "assistant", "content": "It was sent."}, "finish_reason": "stop"}
    answer = {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    return "application/json", json.dumps(answer).encode()


def stream():
    chunk = {**HEAD, "object": "chat.completion.chunk"}
    words = [{"index": 0, "delta": {"content": word}, "finish_reason": None} for word in ("It ", "was ", "sent.")]
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    chunks = [{**chunk, "choices": [choice]} for choice in (*words, end)] + [{**chunk, "choices": [], "usage": USAGE}]
    return "text/event-stream", "".join(f"data: {json.dumps(each)}\n\n" for each in chunks).encode() + b"data: [DONE]\n\n"


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()

import logfire
import openai
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
logfire.configure(
    send_to_logfire=False, console=False, inspect_arguments=False, additional_span_processors=[SimpleSpanProcessor(spans)]
)
client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1")
logfire.instrument_openai(client)
ask = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Where is my order?"}]}


def read(chunks):
    usage = [chunk.usage for chunk in chunks if chunk.usage]
    assert [each.total_tokens for each in usage] == [2300], "the program itself does not get the usage"


def call_stream():
    return client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **ask)


def call_inside():
    with logfire.span("request"):
        read(call_stream())


def leave():
    for _ in call_stream():
        break
    gc.collect()


def show(way, function):
    """Run one way to call; print and return kind, usage, whether a cost is told, length and trace of its spans of chat."""
    spans.clear()
    function()
    chats = [span for span in spans.get_finished_spans() if span.attributes.get("gen_ai.operation.name") == "chat"]
    traces = list(dict.fromkeys(span.context.trace_id for span in chats))
    found = []
    for span in chats:
        counts = [span.attributes.get(f"gen_ai.usage.{name}_tokens") for name in ("input", "output")]
        usage = None if None in counts else sum(counts)
        cost = "yes" if "operation.cost" in span.attributes else "no"
        length = "0" if span.end_time == span.start_time else "> 0"
        found.append((span.kind.name, usage, cost, length, traces.index(span.context.trace_id) + 1))
    texts = (f"{kind} usage {usage} cost {cost} length {length} trace {trace}" for kind, usage, cost, length, trace in found)
    print(f"{way}: {', '.join(texts)}")
    return found


client_span = ("CLIENT", None, "no", "> 0", 1)
assert show("plain", lambda: client.chat.completions.create(**ask)) == [("CLIENT", 2300, "yes", "> 0", 1)]
streamed = show("streamed", lambda: read(call_stream()))
assert streamed == [client_span, ("INTERNAL", 2300, "yes", "0", 2)], "a stream's usage or cost is elsewhere now"
inside = show("streamed inside a span", call_inside)
assert inside == [client_span, ("INTERNAL", 2300, "yes", "0", 1)], "a stream's usage or cost is elsewhere now"
left = show("left by break", leave)
assert left == [client_span, ("INTERNAL", None, "no", "0", 2)], "a stream that was left is told otherwise now"
PYTHON
LOGFIRE_IGNORE_NO_CONFIG=1 "$folder/env/bin/python" -W ignore "$folder/check.py"
