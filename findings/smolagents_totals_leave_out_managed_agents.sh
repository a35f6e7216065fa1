#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: smolagents 1.26.0 (openai 3.57.0)
# Behaviour: an agent has two totals, monitor.get_total_token_counts() and RunResult.token_usage of a run. Both leave out what
#   its managed agents used, whose own totals the caller has to find and add. Beside that they differ: the monitor leaves
#   out planning steps, and RunResult counts them. A run with reset=False has a RunResult that counts the runs before it too.
# Why it matters: in a team the managed agents do most of the work, so most of the tokens are in neither total. Who adds up the
#   RunResults of a conversation counts its first turns again with every turn; who adds up the monitor's never sees planning.
# Seen on 2026-12-01: managed agent: billed 3300, result 2200, monitor 2200
#   planning: billed 2200, result 2200, monitor 1100
#   conversation of two runs: billed 2200, results [1100, 2200], monitor 2200
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check "smolagents[openai]==1.26.0" openai==3.57.0

cat >"$folder/check.py" <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from smolagents import OpenAIServerModel, ToolCallingAgent

billed = []


class Provider(BaseHTTPRequestHandler):
    """Asks the managed agent first where there is one; each answer is 1,100 tokens."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        billed.append(1100)
        tools = [tool["function"]["name"] for tool in asked.get("tools", [])]
        delegate = "orders" in tools and len(billed) == 1
        name, arguments = ("orders", {"task": "Find order 7."}) if delegate else ("final_answer", {"answer": "It was sent."})
        message = {"role": "assistant", "content": "First I look it up."}
        if tools:
            function = {"name": name, "arguments": json.dumps(arguments)}
            call = {"id": f"call_{len(billed)}", "type": "function", "function": function}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        answer = {
            "id": f"chatcmpl-Abc{len(billed)}",
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if tools else "stop"}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
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
model = OpenAIServerModel("gpt-5-mini", api_base=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")


def agent(**how):
    return ToolCallingAgent(tools=[], model=model, verbosity_level=0, return_full_result=True, **how)


def totals(asked, **how):
    """Run an agent; return the tokens billed since the list was cleared, those of the result and those of the monitor."""
    result = asked.run("Where is order 7?", **how)
    assert result.output == "It was sent."
    return sum(billed), result.token_usage.total_tokens, asked.monitor.get_total_token_counts().total_tokens


orders = ToolCallingAgent(tools=[], model=model, name="orders", description="Knows all orders.", verbosity_level=0)
managed = totals(agent(managed_agents=[orders]))
assert orders.monitor.get_total_token_counts().total_tokens == 1100, "the managed agent was not asked"
billed.clear()
planned = totals(agent(planning_interval=3))
billed.clear()
talker = agent()
_, first, _ = totals(talker)
talked, second, monitor = totals(talker, reset=False)
print("managed agent: billed {}, result {}, monitor {}".format(*managed))
print("planning: billed {}, result {}, monitor {}".format(*planned))
print(f"conversation of two runs: billed {talked}, results {[first, second]}, monitor {monitor}")
assert managed == (3300, 2200, 2200), "managed agents are counted otherwise now"
assert planned == (2200, 2200, 1100), "planning is counted otherwise now"
assert (talked, first, second, monitor) == (2200, 1100, 2200, 2200), "a conversation is counted otherwise now"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
