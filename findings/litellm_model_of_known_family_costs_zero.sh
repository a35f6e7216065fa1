#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: litellm 1.110.2 (with the price list that is part of the package)
# Behaviour: a model that the price list does not have raises ModelNotMappedError, or its response_cost is None. But where the
#   name looks like a model of GPT, o, Claude or Gemini, LiteLLM takes a general entry of the family, which has limits and
#   abilities and a price of 0 per token. Then cost_per_token, completion_cost and response_cost are 0.0, without a warning.
# Why it matters: the models that come out next are just those. Until the price list is updated, spend logs, callbacks and
#   budgets of LiteLLM count their calls as free, and no value of None or error makes anyone look.
# Seen on 2026-11-30: openai/gpt-9: response_cost 0.0; openai/acme-9: response_cost None
#   1000000 tokens: openai/gpt-9 0.0, openai/o9 0.0, anthropic/claude-sonnet-9 0.0, gemini/gemini-9-pro 0.0,
#   bedrock/anthropic.claude-sonnet-9-v1:0 0.0, openai/acme-9 ModelNotMappedError
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check litellm==1.110.2

cat >"$folder/check.py" <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import litellm


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        choice = {"index": 0, "message": {"role": "assistant", "content": "It was sent."}, "finish_reason": "stop"}
        answer = {
            "id": "chatcmpl-Abc123",
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
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
url = f"http://127.0.0.1:{server.server_port}/v1"
litellm.suppress_debug_info = True


def cost_of_call(model):
    messages = [{"role": "user", "content": "Where is my order?"}]
    answer = litellm.completion(model=model, messages=messages, api_key="none", api_base=url)
    assert answer.usage.total_tokens == 2300
    return answer._hidden_params["response_cost"]


def cost_of_tokens(model):
    try:
        return litellm.cost_per_token(model=model, prompt_tokens=1_000_000)[0]
    except Exception as error:
        return type(error).__name__


known, unknown = cost_of_call("openai/gpt-9"), cost_of_call("openai/acme-9")
print(f"openai/gpt-9: response_cost {known}; openai/acme-9: response_cost {unknown}")
families = (
    "openai/gpt-9",
    "openai/o9",
    "anthropic/claude-sonnet-9",
    "gemini/gemini-9-pro",
    "bedrock/anthropic.claude-sonnet-9-v1:0",
)
costs = {model: cost_of_tokens(model) for model in (*families, "openai/acme-9")}
print("1000000 tokens: " + ", ".join(f"{model} {cost}" for model, cost in costs.items()))
assert (known, unknown) == (0.0, None), "response_cost of a model without a price changed"
assert all(costs[model] == 0.0 for model in families), "a model of a known family without a price is not free any more"
assert costs["openai/acme-9"] == "ModelNotMappedError", "a model without family is told otherwise now"
PYTHON
LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/env/bin/python" -W ignore "$folder/check.py"
