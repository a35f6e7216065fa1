#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Package:   @anthropic-ai/claude-code 2.1.197 (npm), its own Linux x64 build
# Behaviour: on Bedrock the span `claude_code.llm_request` names the model by its inference profile
#            (`us.anthropic.claude-sonnet-4-5-20250929-v1:0`); the log event `api_request` of the same call names it
#            `claude-sonnet-4-5-20250929`, as calls of Anthropic's own API do, and carries no request id. Both say of the
#            provider nothing, or the constant `gen_ai.system=anthropic`.
# Why it matters: a regional profile costs 10 % more than the model at Anthropic's list price. Who prices the events (the signal
#            that is on by default) prices every Bedrock call as Anthropic's, and cannot tell the two apart.
# Seen on 2026-11-30: span us.anthropic.claude-sonnet-4-5-20250929-v1:0
#            event claude-sonnet-4-5-20250929
# Exit:      0 while it is so, 1 when it changes, 77 where npm, python3 or the package cannot be had.
set -euo pipefail

command -v npm >/dev/null && command -v python3 >/dev/null || { echo "found no npm or python3" >&2; exit 77; }
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$folder" @anthropic-ai/claude-code@2.1.197 \
  || { echo "the package cannot be had here" >&2; exit 77; }

cat >server.py <<'PY'
import base64, binascii, http.server, json, struct, sys

def frame(event):
    body = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}).encode()
    heads = b""
    for name, text in ((":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")):
        heads += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()
    start = struct.pack(">II", 16 + len(heads) + len(body), len(heads))
    start += struct.pack(">I", binascii.crc32(start))
    whole = start + heads + body
    return whole + struct.pack(">I", binascii.crc32(whole))

MODEL = "claude-sonnet-4-5-20250929"
USAGE = {"input_tokens": 10, "output_tokens": 1}
MESSAGE = {"id": "msg_bdrk_01", "type": "message", "role": "assistant", "model": MODEL, "content": [],
           "stop_reason": None, "stop_sequence": None, "usage": USAGE}
EVENTS = (
    {"type": "message_start", "message": MESSAGE},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
)

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_POST(self):
        body = b"" if self.headers.get("transfer-encoding") else self.rfile.read(int(self.headers["content-length"] or 0))
        while self.headers.get("transfer-encoding"):
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                break
        answer, kind = b"{}", "application/json"
        if self.path.startswith("/v1/"):
            with open("told.jsonl", "ab") as told:
                told.write(body + b"\n")
        elif "invoke-with-response-stream" in self.path:
            answer, kind = b"".join(map(frame, EVENTS)), "application/vnd.amazon.eventstream"
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.send_header("x-amzn-requestid", "0b6a4f2e-5d3c-4b1a-9f8e-7d6c5b4a3f2e")
        self.end_headers()
        self.wfile.write(answer)

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
python3 server.py >port & server=$!
for _ in $(seq 50); do [ -s port ] && break; sleep 0.1; done
here="http://127.0.0.1:$(cat port)"

mkdir home
env -i PATH="$PATH" HOME="$folder/home" \
  CLAUDE_CODE_USE_BEDROCK=1 AWS_REGION=us-east-1 AWS_BEARER_TOKEN_BEDROCK=none ANTHROPIC_BEDROCK_BASE_URL="$here" \
  CLAUDE_CODE_ENABLE_TELEMETRY=1 CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1 OTEL_LOGS_EXPORTER=otlp OTEL_TRACES_EXPORTER=otlp \
  OTEL_EXPORTER_OTLP_PROTOCOL=http/json OTEL_EXPORTER_OTLP_ENDPOINT="$here" \
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_AUTOUPDATER=1 \
  timeout 90 node_modules/@anthropic-ai/claude-code-linux-x64/claude \
  -p "Say hello." --model us.anthropic.claude-sonnet-4-5-20250929-v1:0 </dev/null >/dev/null

python3 - <<'PY'
import json, sys

def attributes(holder):
    return {one["key"]: next(iter(one["value"].values()), None) for one in holder["attributes"]}

spans, events = [], []
for line in open("told.jsonl"):
    request = json.loads(line)
    for resource in request.get("resourceSpans", []):
        for scope in resource["scopeSpans"]:
            spans += [attributes(one) for one in scope["spans"] if one["name"] == "claude_code.llm_request"]
    for resource in request.get("resourceLogs", []):
        for scope in resource["scopeLogs"]:
            events += [found for one in scope["logRecords"] if (found := attributes(one)).get("event.name") == "api_request"]
for found in spans:
    print("span", found["model"], found.get("gen_ai.system"))
for found in events:
    print("event", found["model"], found.get("request_id"))
same = (
    [one["model"] for one in spans] == ["us.anthropic.claude-sonnet-4-5-20250929-v1:0"]
    and [(one["model"], one.get("request_id")) for one in events] == [("claude-sonnet-4-5-20250929", None)]
)
sys.exit(0 if same else 1)
PY
