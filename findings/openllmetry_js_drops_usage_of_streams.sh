#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: @traceloop/instrumentation-openai 0.27.0 beside @opentelemetry/instrumentation-openai 0.21.0 (npm; openai 6.49.0,
#   @opentelemetry/sdk-trace-node 2.12.1)
# Behaviour: with stream_options.include_usage the provider ends a stream with its usage, which the program gets. OpenLLMetry
#   for JavaScript reads each chunk of the stream and passes over the usage: the span of a stream read to its end has no count
#   at all. Its option enrichTokens does not read it either, but counts the words of the texts itself and writes that number
#   under the name of the provider's. Calls without stream, and the other instrumentation, have the provider's count.
# Why it matters: a program that already pays for exact counts of its streams has none, and chat programs stream nearly all
#   calls. With the option the counts look reported and leave out reasoning, tools and images: here 96 of 100 output tokens.
# Seen on 2026-12-01: traceloop: plain 1000 + 100; streamed undefined + undefined, told to the program 1000 + 100;
#   streamed with enrichTokens 5 + 4
#   opentelemetry: plain 1000 + 100; streamed 1000 + 100, told to the program 1000 + 100
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts \
  openai@6.49.0 \
  @traceloop/instrumentation-openai@0.27.0 \
  @opentelemetry/instrumentation-openai@0.21.0 \
  @opentelemetry/instrumentation@0.223.0 \
  @opentelemetry/sdk-trace-node@2.12.1

cat >check.cjs <<'JAVASCRIPT'
const assert = require("node:assert");
const http = require("node:http");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-node");

const family = process.argv[2];
const { OpenAIInstrumentation } = require(`@${family}/instrumentation-openai`);
const spans = new InMemorySpanExporter();
const tracers = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
const instrumentation = new OpenAIInstrumentation();
registerInstrumentations({ instrumentations: [instrumentation], tracerProvider: tracers });
const { OpenAI } = require("openai");

const usage = {
  prompt_tokens: 1000,
  completion_tokens: 100,
  total_tokens: 1100,
  completion_tokens_details: { reasoning_tokens: 96 },
};
const head = { id: "chatcmpl-Abc123", created: 1, model: "gpt-4o-2024-08-06" };

function stream(response) {
  const choices = ["It ", "was ", "sent."].map((word) => ({ index: 0, delta: { content: word }, finish_reason: null }));
  choices.push({ index: 0, delta: {}, finish_reason: "stop" });
  const chunks = [...choices.map((choice) => ({ choices: [choice] })), { choices: [], usage }];
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const chunk of chunks) {
    response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...chunk })}\n\n`);
  }
  response.end("data: [DONE]\n\n");
}

function plain(response) {
  const message = { role: "assistant", content: "It was sent." };
  response.writeHead(200, { "content-type": "application/json" });
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  response.end(JSON.stringify({ ...head, object: "chat.completion", choices, usage }));
}

const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => {
    body += part;
  });
  request.on("end", () => (JSON.parse(body).stream ? stream(response) : plain(response)));
});

server.listen(0, "127.0.0.1", async () => {
  const client = new OpenAI({ apiKey: "none", baseURL: `http://127.0.0.1:${server.address().port}/v1` });
  const ask = { model: "gpt-4o", messages: [{ role: "user", content: "Where is my order?" }] };
  let told;

  async function streamed() {
    for await (const chunk of await client.chat.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    })) {
      if (chunk.usage) told = `${chunk.usage.prompt_tokens} + ${chunk.usage.completion_tokens}`;
    }
  }

  async function counts(call) {
    spans.reset();
    await call();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const finished = spans.getFinishedSpans();
    assert.strictEqual(finished.length, 1);
    const { "gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": output } = finished[0].attributes;
    return `${input} + ${output}`;
  }

  const whole = await counts(() => client.chat.completions.create(ask));
  const parts = await counts(streamed);
  let line = `${family}: plain ${whole}; streamed ${parts}, told to the program ${told}`;
  assert.strictEqual(whole, "1000 + 100");
  assert.strictEqual(told, "1000 + 100");
  if (family === "traceloop") {
    instrumentation.setConfig({ enrichTokens: true });
    const enriched = await counts(streamed);
    line += `; streamed with enrichTokens ${enriched}`;
    console.log(line);
    assert.strictEqual(parts, "undefined + undefined", "a stream has a count now");
    assert.strictEqual(enriched, "5 + 4", "enrichTokens counts otherwise now");
  } else {
    console.log(line);
    assert.strictEqual(parts, "1000 + 100");
  }
  process.exit(0);
});
JAVASCRIPT
for family in traceloop opentelemetry; do
  node check.cjs "$family"
done
