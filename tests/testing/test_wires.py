# SPDX-License-Identifier: Apache-2.0
"""Every wire of the provider server, read by the reader that was made from real recordings: both must mean the same."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any, NamedTuple

import pytest

from spancost.cli.extract import read_exchange
from spancost.config import data
from spancost.testing import ProviderServer, Reply, Scenario, ToolCall, Usage

SAY: Any = [{"role": "user", "content": "Where is order 7?"}]
PARTS: Any = [{"role": "user", "parts": [{"text": "Where is order 7?"}]}]
BLOCKS: Any = [{"role": "user", "content": [{"text": "Where is order 7?"}]}]
ASKED: Any = {"stream": True, "stream_options": {"include_usage": True}}
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
CACHED = Usage(2000, cache_read_tokens=1500, output_tokens=90, reasoning_tokens=40)
WRITTEN = Usage(2000, 300, cache_write_5m_tokens=900, cache_write_1h_tokens=500, output_tokens=90)
LUMPED = Usage(2000, 300, cache_write_tokens=900, output_tokens=90, reasoning_tokens=40)
PLAIN = Usage(70, output_tokens=9)
TEXTS = Usage(70)


class Case(NamedTuple):
    """A request and what its answer is to say."""

    host: str
    path: str
    body: dict[str, Any]
    usage: Usage


CASES = [
    Case("api.openai.com", "/v1/chat/completions", {"model": "gpt-5", "messages": SAY}, CACHED),
    Case("api.openai.com", "/v1/chat/completions", {"model": "gpt-5", "messages": SAY, **ASKED}, CACHED),
    Case("api.openai.com", "/v1/chat/completions", {"model": "gpt-5.6-terra", "messages": SAY, **ASKED}, LUMPED),
    Case("api.openai.com", "/v1/responses", {"model": "gpt-5", "input": "hello"}, CACHED),
    Case("api.openai.com", "/v1/responses", {"model": "gpt-5", "input": "hello", "stream": True}, CACHED),
    Case("api.openai.com", "/v1/embeddings", {"model": "text-embedding-3-small", "input": ["a", "b"]}, TEXTS),
    Case("shop.openai.azure.com", "/openai/deployments/x/chat/completions", {"messages": SAY, **ASKED}, CACHED),
    Case("api.anthropic.com", "/v1/messages", {"model": "claude-haiku-4-5", "messages": SAY}, WRITTEN),
    Case("api.anthropic.com", "/v1/messages", {"model": "claude-haiku-4-5", "messages": SAY, "stream": True}, WRITTEN),
    Case(
        "generativelanguage.googleapis.com",
        "/v1beta/models/gemini-2.5-pro:generateContent",
        {"contents": PARTS},
        CACHED,
    ),
    Case(
        "generativelanguage.googleapis.com",
        "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
        {"contents": PARTS},
        CACHED,
    ),
    Case(
        "generativelanguage.googleapis.com",
        "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
        {"contents": PARTS},
        CACHED,
    ),
    Case("api.mistral.ai", "/v1/chat/completions", {"model": "mistral-large-2512", "messages": SAY}, PLAIN),
    Case(
        "api.mistral.ai",
        "/v1/chat/completions",
        {"model": "mistral-large-2512", "messages": SAY, "stream": True},
        PLAIN,
    ),
    Case("api.groq.com", "/openai/v1/chat/completions", {"model": "m", "messages": SAY, "stream": True}, CACHED),
    Case("api.groq.com", "/openai/v1/chat/completions", {"model": "m", "messages": SAY, **ASKED}, CACHED),
    Case("api.deepseek.com", "/chat/completions", {"model": "m", "messages": SAY, "stream": True}, CACHED),
    Case("api.x.ai", "/v1/chat/completions", {"model": "grok-4.6", "messages": SAY, **ASKED}, CACHED),
    Case("openrouter.ai", "/api/v1/chat/completions", {"model": "m", "messages": SAY, "stream": True}, CACHED),
    Case("api.cohere.com", "/v2/chat", {"model": "command-a-03-2025", "messages": SAY}, PLAIN),
    Case("api.cohere.com", "/v2/chat", {"model": "command-a-03-2025", "messages": SAY, "stream": True}, PLAIN),
    Case("bedrock-runtime.us-east-1.amazonaws.com", f"/model/{CLAUDE}/converse", {"messages": BLOCKS}, WRITTEN),
    Case("bedrock-runtime.us-east-1.amazonaws.com", f"/model/{CLAUDE}/converse-stream", {"messages": BLOCKS}, WRITTEN),
    Case("bedrock-runtime.us-east-1.amazonaws.com", f"/model/{CLAUDE}/invoke", {"messages": SAY}, WRITTEN),
    Case(
        "bedrock-runtime.us-east-1.amazonaws.com",
        f"/model/{CLAUDE}/invoke-with-response-stream",
        {"messages": SAY},
        WRITTEN,
    ),
]


def exchange(server: ProviderServer, case: Case) -> dict[str, Any]:
    """Return the exchange as `spancost extract` takes it; the request names the host it means."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request(
        "POST", case.path, json.dumps(case.body), {"host": case.host, "content-type": "application/json"}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    told = {"host": case.host, "path": case.path, "status": answer.status, "headers": headers, "request": case.body}
    return {**told, "body_b64": base64.b64encode(body).decode()}


@pytest.mark.parametrize("tools", [False, True], ids=["text", "tools"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.host}{case.path}{'+' * bool(case.body.get('stream'))}")
def test_what_an_answer_says_is_what_was_billed(case: Case, tools: bool) -> None:
    """Total input and output, the parts of each, in every form; the provider is told from the host."""
    calls = (ToolCall("find_order", {"number": 7}),) if tools else ()
    with ProviderServer(Scenario([Reply(usage=case.usage, text="Let me look.", tool_calls=calls)])) as server:
        reading = read_exchange(data.default_wires(), exchange(server, case))
        (charge,) = server.bill.charges
    wanted = {name: count for name, count in case.usage._asdict().items() if count}
    if case.usage.written:
        wanted["cache_write_tokens"] = case.usage.written
    assert (reading.outcome, reading.complete) == ("usage", True)
    assert {name: count for name, count in reading.usage.items() if count} == wanted
    assert charge.usage == case.usage
    assert reading.provider == charge.provider


def test_a_cost_that_an_answer_says_is_the_amount_billed() -> None:
    """OpenRouter in dollars, xAI in ticks of 1e-10."""
    with ProviderServer() as server:
        for host, path, model in (
            ("openrouter.ai", "/api/v1/chat/completions", "openai/gpt-4o-mini"),
            ("api.x.ai", "/v1/chat/completions", "grok-4.6"),
        ):
            case = Case(host, path, {"model": model, "messages": SAY}, PLAIN)
            reading = read_exchange(data.default_wires(), exchange(server, case))
            amount = server.bill.charges[-1].usd
            assert amount is not None and reading.provider_cost is not None
            assert float(reading.provider_cost) == float(amount) > 0


def test_an_answer_without_usage_says_none() -> None:
    """The usage is billed and in no part of the answer."""
    for case in CASES:
        with ProviderServer(Scenario([Reply(report_usage=False, text="hello")])) as server:
            reading = read_exchange(data.default_wires(), exchange(server, case))
            assert not any(reading.usage.values()), case
            assert len(server.bill.charges) == 1
