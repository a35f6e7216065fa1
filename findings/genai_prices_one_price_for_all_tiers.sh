#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: genai-prices 0.2.3, and logfire 5.4.0 (openai 3.57.0), which writes its figure as operation.cost
# Behaviour: extract_usage is given the provider's whole answer, in which service_tier, usage.service_tier or usage.speed
#   tells how the call was served. Neither is read: flex, priority, batch and fast all get the price of the standard tier,
#   and nothing in the result says so. Logfire's span has that price and no attribute with the tier.
# Why it matters: flex and batch cost half of it, priority and fast twice as much or more. The figure is exact to the last
#   digit and looks like a bill; with the tier gone from the span nobody can correct it later.
# Seen on 2026-11-30: openai: default 0.225, flex 0.225, priority 0.225
#   anthropic: standard 1.80, batch 1.80; standard 3.00, fast 3.00
#   logfire: default 0.0011, flex 0.0011, tier on span no
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  genai-prices==0.2.3 \
  logfire==5.4.0 \
  openai==3.57.0

cat >"$folder/check.py" <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from genai_prices import extract_usage

TOKENS = 100_000


def openai_price(tier):
    usage = {"prompt_tokens": TOKENS, "completion_tokens": TOKENS, "total_tokens": 2 * TOKENS}
    answer = {"model": "gpt-5-mini-2025-08-07", "service_tier": tier, "usage": usage}
    return str(extract_usage(answer, provider_id="openai", api_flavor="chat").calc_price().total_price)


def anthropic_price(model, **how):
    answer = {"model": model, "usage": {"input_tokens": TOKENS, "output_tokens": TOKENS, **how}}
    return str(extract_usage(answer, provider_id="anthropic").calc_price().total_price)


openai_prices = {tier: openai_price(tier) for tier in ("default", "flex", "priority")}
tiers = {tier: anthropic_price("claude-sonnet-4-5-20250929", service_tier=tier) for tier in ("standard", "batch")}
speeds = {speed: anthropic_price("claude-opus-4-6", speed=speed) for speed in ("standard", "fast")}


def show(prices):
    return ", ".join(f"{name} {price}" for name, price in prices.items())


print(f"openai: {show(openai_prices)}")
print(f"anthropic: {show(tiers)}; {show(speeds)}")


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        choice = {"index": 0, "message": {"role": "assistant", "content": "It was sent."}, "finish_reason": "stop"}
        answer = {
            "id": "chatcmpl-Abc123",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-5-mini-2025-08-07",
            "service_tier": asked.get("service_tier", "default"),
            "choices": [choice],
            "usage": {"prompt_tokens": 2000, "completion_tokens": 300, "total_tokens": 2300},
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
client.chat.completions.create(**ask)
told = client.chat.completions.create(service_tier="flex", **ask).service_tier
assert told == "flex"
default, flex = (dict(span.attributes) for span in spans.get_finished_spans())
costs = (default["operation.cost"], flex["operation.cost"])
tier = "yes" if '"flex"' in json.dumps(flex).replace("\\", "") else "no"
print(f"logfire: default {costs[0]}, flex {costs[1]}, tier on span {tier}")
assert all(len(set(prices.values())) == 1 for prices in (openai_prices, tiers, speeds)), "the tier has a price now"
assert costs[0] == costs[1] and tier == "no", "Logfire tells the tier or prices it now"
PYTHON
LOGFIRE_IGNORE_NO_CONFIG=1 "$folder/env/bin/python" -W ignore "$folder/check.py"
