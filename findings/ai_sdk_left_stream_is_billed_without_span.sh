#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: ai 7.0.173 (npm; @ai-sdk/openai 4.0.118, @ai-sdk/otel 1.0.173, @opentelemetry/sdk-trace-node 2.12.1)
# Behaviour: a program leaves the textStream of streamText by break. The library keeps its other branch of the stream, so the
#   connection stays open and the provider writes the whole answer. Nobody reads that branch to its end: none of the spans
#   of the call ends, and neither onFinish nor onAbort is called. The same call read to its end has three spans.
# Why it matters: the call is billed in full and is in no trace, no log of a callback and no sum of usage. Only an abort
#   signal, which the program has to pass itself, stops the provider.
# Seen on 2026-11-30: read to the end: chunks sent 60 of 60, finish called yes, spans 3
#   left by break: chunks sent 60 of 60, finish called no, spans 0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts \
  ai@7.0.173 \
  @ai-sdk/openai@4.0.118 \
  @ai-sdk/otel@1.0.173 \
  @opentelemetry/sdk-trace-node@2.12.1

cat >check.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import http from "node:http";
import { createOpenAI } from "@ai-sdk/openai";
import { OpenTelemetry } from "@ai-sdk/otel";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { registerTelemetry, streamText } from "ai";

const total = 60;
const head = { id: "chatcmpl-Abc123", object: "chat.completion.chunk", created: 1, model: "gpt-5-mini" };
const text = { ...head, choices: [{ index: 0, delta: { content: "sent " }, finish_reason: null }] };
const end = { ...head, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
const usage = { ...head, choices: [], usage: { prompt_tokens: 20, completion_tokens: 60, total_tokens: 80 } };

// Each answer is a promise of the number of chunks written before the connection ended.
const answers = [];
const server = http.createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "text/event-stream" });
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    response.write(`data: ${JSON.stringify(text)}\n\n`);
    if (sent === total) {
      clearInterval(timer);
      response.end(`data: ${JSON.stringify(end)}\n\ndata: ${JSON.stringify(usage)}\n\ndata: [DONE]\n\n`);
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

const spans = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).register();
registerTelemetry(new OpenTelemetry());
const provider = createOpenAI({ apiKey: "none", baseURL: `http://127.0.0.1:${server.address().port}/v1` });

async function ask(leave) {
  spans.reset();
  let finished = false;
  const told = () => {
    finished = true;
  };
  const result = streamText({
    model: provider.chat("gpt-5-mini"),
    prompt: "Where is my order?",
    telemetry: { isEnabled: true },
    onFinish: told,
    onAbort: told,
  });
  let read = 0;
  for await (const _ of result.textStream) {
    read += 1;
    if (leave && read === 2) break;
  }
  const sent = await answers.at(-1);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return { sent, finished, spans: spans.getFinishedSpans().length };
}

function show(way, found) {
  const finished = found.finished ? "yes" : "no";
  console.log(`${way}: chunks sent ${found.sent} of ${total}, finish called ${finished}, spans ${found.spans}`);
}

const whole = await ask(false);
show("read to the end", whole);
const left = await ask(true);
show("left by break", left);
assert(whole.finished && whole.spans > 0, "a stream that is read to its end has no span");
assert.deepStrictEqual(left, { sent: total, finished: false, spans: 0 }, "a stream that was left is told or stopped now");
process.exit(0);
JAVASCRIPT
node check.mjs
