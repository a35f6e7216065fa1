#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: dspy 3.4.1 (litellm 1.110.2 with the price list that is part of it)
# Behaviour: DSPy has two counts. (1) lm.history has a cost for each call. An answer from DSPy's cache, on by default, adds an
#   entry with the cost of the call that it repeats, though its usage is empty and no request is made. (2) With track_usage a
#   module's prediction has the usage of all calls inside it; calls that dspy.Parallel makes are in it nowhere, nor are those
#   of the program's own threads. The same calls one after the other, or by asyncio.gather, are all counted.
# Why it matters: the sum of history's costs is the usual way to say what a program spent. Evaluations repeat calls, so it is
#   more than the bill; usage of a module that works in parallel is none, and a program made faster looks as if it were free.
# Seen on 2026-12-01: asked 3 times: requests 1, history 3 entries, cost 3.0 times that of the first, usage of the hits {}
#   four calls: one after the other billed 4400, usage 4400; gather billed 4400, usage 4400;
#   dspy.Parallel billed 4400, usage 0; threads billed 4400, usage 0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check dspy==3.4.1 litellm==1.110.2

cat >"$folder/check.py" <<'PYTHON'
import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dspy

requests = []


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        requests.append(self.path)
        message = {"role": "assistant", "content": "[[ ## answer ## ]]\nIt was sent.\n\n[[ ## completed ## ]]"}
        answer = {
            "id": f"chatcmpl-Abc{len(requests)}",
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
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
address = f"http://127.0.0.1:{server.server_port}/v1"
lm = dspy.LM("openai/gpt-5-mini", api_key="none", api_base=address, temperature=1.0, max_tokens=16000)
dspy.configure(lm=lm, track_usage=True)
answers = dspy.Predict("question -> answer")

for _ in range(3):
    assert answers(question="Where is my order?").answer == "It was sent."
first, *hits = lm.history
ratio = round(sum(entry["cost"] for entry in lm.history) / first["cost"], 6)
print(
    f"asked 3 times: requests {len(requests)}, history {len(lm.history)} entries, "
    f"cost {ratio} times that of the first, usage of the hits {hits[0]['usage']}"
)
assert len(requests) == 1 and first["usage"]["total_tokens"] == 1100
assert ratio == 3.0 and [entry["usage"] for entry in hits] == [{}, {}], "hits have no cost now"


class Work(dspy.Module):
    """Asks four questions in the way that its subclass has."""

    def questions(self):
        return [f"Where is order {number} of {type(self).__name__}?" for number in range(4)]


class OneAfterTheOther(Work):
    def forward(self):
        return [answers(question=question) for question in self.questions()][-1]


class Gather(Work):
    async def aforward(self):
        return (await asyncio.gather(*(answers.acall(question=question) for question in self.questions())))[-1]


class Parallel(Work):
    def forward(self):
        pairs = [(answers, dspy.Example(question=question).with_inputs("question")) for question in self.questions()]
        return dspy.Parallel(num_threads=2, disable_progress_bar=True)(pairs)[-1]


class Threads(Work):
    def forward(self):
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(lambda question: answers(question=question), self.questions()))[-1]


def show(way, function):
    """Run a module; print and return the tokens that were billed and those of its prediction's usage."""
    requests.clear()
    prediction = function()
    billed, usage = 1100 * len(requests), prediction.get_lm_usage() or {}
    counted = sum(each["total_tokens"] for each in usage.values())
    print(f"{way} billed {billed}, usage {counted}")
    return billed, counted


print("four calls:")
assert show("one after the other", lambda: OneAfterTheOther()()) == (4400, 4400)
assert show("gather", lambda: asyncio.run(Gather().acall())) == (4400, 4400)
assert show("dspy.Parallel", lambda: Parallel()()) == (4400, 0), "dspy.Parallel is counted now"
assert show("threads", lambda: Threads()()) == (4400, 0), "threads are counted now"
PYTHON
DSPY_CACHEDIR="$folder/cache" LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/env/bin/python" -W ignore "$folder/check.py"
