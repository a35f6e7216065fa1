#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: @arizeai/openinference-instrumentation-openai 4.2.7 (npm; openai 7.59.0, @opentelemetry/sdk-trace-node 2.12.1)
# Behaviour: a program that leaves a stream by break no longer stops the provider. The instrumentation splits the stream and
#   reads its own half to the end, so the connection stays open until the last chunk. Without the instrumentation the client
#   closes the connection at the break. The span then shows a complete call and no sign that the program left it.
# Why it matters: leaving early is how programs save output tokens. Tracing makes the provider produce, and bill, all of
#   them. The span's usage is right; only a bill from before the instrumentation shows that it is more than was needed.
# Seen on 2026-11-30: bare client: chunks sent 2 of 60, connection cut yes
#   instrumented: chunks sent 60 of 60, connection cut no
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts \
  @arizeai/openinference-instrumentation-openai@4.2.7 \
  @opentelemetry/sdk-trace-node@2.12.1 \
  openai@7.59.0

cat >check.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import http from "node:http";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
const { OpenAIInstrumentation } = require("@arizeai/openinference-instrumentation-openai");
const openai = require("openai");

const total = 60;
const model = "gpt-5-mini";
const choices = [{ index: 0, delta: { content: "sent " }, finish_reason: null }];
const chunk = { id: "chatcmpl-Abc123", object: "chat.completion.chunk", created: 1, model, choices };

// Each answer is a promise of the number of chunks written before the connection ended.
const answers = [];
const server = http.createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "text/event-stream" });
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    if (sent === total) {
      clearInterval(timer);
      response.end("data: [DONE]\n\n");
    }
  }, 25);
  answers.push(
    new Promise((resolve) => {
      response.on("close", () => {
        clearInterval(timer);
        resolve(sent);
      });
    }),
  );
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const baseURL = `http://127.0.0.1:${server.address().port}/v1`;

async function leave() {
  const client = new openai.OpenAI({ apiKey: "none", baseURL });
  const messages = [{ role: "user", content: "Where is my order?" }];
  let read = 0;
  for await (const each of await client.chat.completions.create({ model, messages, stream: true })) {
    read += each.choices.length;
    if (read === 2) break;
  }
  return await answers.at(-1);
}

const shown = (sent) => `chunks sent ${sent} of ${total}, connection cut ${sent < total ? "yes" : "no"}`;
const bare = await leave();
console.log(`bare client: ${shown(bare)}`);
new NodeTracerProvider().register();
new OpenAIInstrumentation().manuallyInstrument(openai);
const traced = await leave();
console.log(`instrumented: ${shown(traced)}`);
assert(bare < total, "the client itself reads on after a break now");
assert(traced === total, "the instrumentation lets the connection be closed now");
process.exit(0);
JAVASCRIPT
node check.mjs
