#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: xai-sdk 1.21.0 (opentelemetry-sdk 1.45.2)
# Behaviour: xAI's client makes spans of its own, which hold the texts of prompts and answers. Its variable against that,
#   XAI_SDK_DISABLE_SENSITIVE_TELEMETRY_ATTRIBUTES, takes every count, the cost, the answering model and the response id with
#   the texts, and leaves the span. With the counts on, gen_ai.usage.output_tokens leaves reasoning out, which the conventions
#   count in; cached tokens have a name of this client's own; the cost is an integer in units of 0.0000000001 USD.
# Why it matters: companies that must not store prompts set the variable, and their calls of Grok then have neither price nor
#   tokens, and no id by which they could be found on another span or on the bill. Without it, a reader of the conventions
#   misses 400 of 430 output tokens, and prices cached input as new.
# Seen on 2026-12-01: sample: input 1000, output 30, total 1430, reasoning 400, cached 800, cost 72000000, id yes, texts yes
#   stream: input 1000, output 30, total 1430, reasoning 400, cached 800, cost 72000000, id yes, texts yes
#   sample, no texts: input None, output None, total None, reasoning None, cached None, cost None, id no, texts no
#   stream, no texts: input None, output None, total None, reasoning None, cached None, cost None, id no, texts no
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check xai-sdk==1.21.0 opentelemetry-sdk==1.45.2

cat >"$folder/check.py" <<'PYTHON'
import os
from concurrent.futures import ThreadPoolExecutor

import grpc
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from xai_sdk import Client
from xai_sdk.chat import user
from xai_sdk.proto import chat_pb2, chat_pb2_grpc, sample_pb2, usage_pb2

ASSISTANT = chat_pb2.MessageRole.ROLE_ASSISTANT
STOP = sample_pb2.FinishReason.REASON_STOP
USAGE = usage_pb2.SamplingUsage(
    prompt_tokens=1000,
    prompt_text_tokens=1000,
    cached_prompt_text_tokens=800,
    completion_tokens=30,
    reasoning_tokens=400,
    total_tokens=1430,
    cost_in_usd_ticks=72_000_000,
)


class Provider(chat_pb2_grpc.ChatServicer):
    def GetCompletion(self, request, context):
        message = chat_pb2.CompletionMessage(content="It was sent.", role=ASSISTANT)
        output = chat_pb2.CompletionOutput(index=0, finish_reason=STOP, message=message)
        return chat_pb2.GetChatCompletionResponse(id="answer-1", model=request.model, usage=USAGE, outputs=[output])

    def GetCompletionChunk(self, request, context):
        for word in ("It ", "was ", "sent."):
            output = chat_pb2.CompletionOutputChunk(index=0, delta=chat_pb2.Delta(content=word, role=ASSISTANT))
            yield chat_pb2.GetChatCompletionChunk(id="answer-1", model=request.model, outputs=[output])
        output = chat_pb2.CompletionOutputChunk(index=0, finish_reason=STOP, delta=chat_pb2.Delta())
        yield chat_pb2.GetChatCompletionChunk(id="answer-1", model=request.model, usage=USAGE, outputs=[output])


server = grpc.server(ThreadPoolExecutor(2))
chat_pb2_grpc.add_ChatServicer_to_server(Provider(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
spans = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)
client = Client(api_key="none", api_host=f"127.0.0.1:{port}", use_insecure_channel=True)
NAMES = {
    "input": "input_tokens",
    "output": "output_tokens",
    "total": "total_tokens",
    "reasoning": "reasoning_tokens",
    "cached": "cached_prompt_text_tokens",
    "cost": "cost_in_usd_ticks",
}


def show(way, call):
    """Make one call; print and return what its span has, and check that the program itself got the usage."""
    spans.clear()
    dialogue = client.chat.create(model="grok-4")
    dialogue.append(user("Where is my order?"))
    assert call(dialogue).usage.total_tokens == 1430
    (span,) = spans.get_finished_spans()
    found = {name: span.attributes.get(f"gen_ai.usage.{key}") for name, key in NAMES.items()}
    found["id"] = "yes" if "gen_ai.response.id" in span.attributes else "no"
    found["texts"] = "yes" if any("Where is my order?" in str(value) for value in span.attributes.values()) else "no"
    print(f"{way}: {', '.join(f'{name} {value}' for name, value in found.items())}")
    return tuple(found.values())


def sample(dialogue):
    return dialogue.sample()


def stream(dialogue):
    return [response for response, _ in dialogue.stream()][-1]


whole = (1000, 30, 1430, 400, 800, 72_000_000, "yes", "yes")
nothing = (*[None] * len(NAMES), "no", "no")
assert show("sample", sample) == show("stream", stream) == whole, "the usage is told otherwise now"
os.environ["XAI_SDK_DISABLE_SENSITIVE_TELEMETRY_ATTRIBUTES"] = "1"
assert show("sample, no texts", sample) == show("stream, no texts", stream) == nothing, "usage is kept without texts now"
server.stop(None)
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
