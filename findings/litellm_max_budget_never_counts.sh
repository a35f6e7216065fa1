#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: litellm 1.110.2 (with the price list that is part of the package)
# Behaviour: litellm.max_budget is the library's setting for a limit in USD on what a program spends through it. Each answer has
#   its response_cost, but the sum that is compared with the limit stays 0.0, for plain and for streamed calls, so that no
#   call is ever refused. With a sum above the limit BudgetExceededError is raised as described: only the counting is gone.
# Why it matters: a limit that was tested in an earlier version, or by its error alone, is trusted to stop a loop of agents.
#   It stops nothing, and there is no sign of it before the bill.
# Seen on 2026-11-30: limit 0.03; plain: answered 5 of 5, cost 0.125, counted 0.0; streamed: answered 5 of 5, counted 0.0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check litellm==1.110.2

cat >"$folder/check.py" <<'PYTHON'
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import litellm

USAGE = {"prompt_tokens": 20_000, "completion_tokens": 10_000, "total_tokens": 30_000}


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


HEAD = {"id": "chatcmpl-Abc123", "created": 1, "model": "gpt-5-mini-2025-08-07"}


def plain():
    choice = {"index": 0, "message": {"role": "assistant", "content": "It was sent."}, "finish_reason": "stop"}
    answer = {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    return "application/json", json.dumps(answer).encode()


def stream():
    chunk = {**HEAD, "object": "chat.completion.chunk"}
    choice = {"index": 0, "delta": {"role": "assistant", "content": "It was sent."}, "finish_reason": "stop"}
    chunks = [{**chunk, "choices": [choice]}, {**chunk, "choices": [], "usage": USAGE}]
    return "text/event-stream", "".join(f"data: {json.dumps(each)}\n\n" for each in chunks).encode() + b"data: [DONE]\n\n"


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
litellm.suppress_debug_info = True
litellm.max_budget = 0.03
ask = {
    "model": "openai/gpt-5-mini",
    "messages": [{"role": "user", "content": "Where is my order?"}],
    "api_key": "none",
    "api_base": f"http://127.0.0.1:{server.server_port}/v1",
}


def call():
    return litellm.completion(**ask)._hidden_params["response_cost"]


def call_streamed():
    chunks = litellm.completion(stream=True, stream_options={"include_usage": True}, **ask)
    usage = [getattr(chunk, "usage", None) for chunk in chunks]
    assert any(each and each.total_tokens == 30_000 for each in usage)
    return 0


def repeat(function):
    """Return the number of answers of five calls and their cost; leave the callbacks time to count."""
    costs = []
    for _ in range(5):
        try:
            costs.append(function())
        except litellm.BudgetExceededError:
            pass
        time.sleep(0.5)
    return len(costs), round(sum(costs), 6), litellm._current_cost


answered, cost, counted = repeat(call)
streamed, _, counted_streamed = repeat(call_streamed)
print(f"limit {litellm.max_budget}; plain: answered {answered} of 5, cost {cost}, counted {counted}; ", end="")
print(f"streamed: answered {streamed} of 5, counted {counted_streamed}")
assert cost > litellm.max_budget, "the calls are not above the limit"
assert (answered, counted) == (5, 0.0), "plain calls count now"
assert (streamed, counted_streamed) == (5, 0.0), "streamed calls count now"
litellm._current_cost = 1.0
assert repeat(call)[0] == 0, "a sum above the limit is not refused any more"
PYTHON
LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/env/bin/python" -W ignore "$folder/check.py"
