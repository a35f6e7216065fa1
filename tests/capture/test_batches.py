# SPDX-License-Identifier: Apache-2.0
"""The results of batches: a span a call, at the batch rate, once however often they are fetched."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.capture.world import MODULES, World

FILE = "https://api.openai.com/v1/files/file-1/content"
RESULTS = "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/batches/b1"
COST = (1000 * 0.15e-6 + 10 * 0.6e-6) / 2


def line(number: int, **more: Any) -> bytes:
    """Return a line of an output file: one answer of gpt-4o-mini."""
    body = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": {"content": "planted-answer"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010},
        **more,
    }
    answered = {"status_code": 200, "body": body}
    return json.dumps({"id": f"b{number}", "custom_id": str(number), "response": answered}).encode() + b"\n"


def fetch(module: ModuleType, url: str, body: Any, *, stream: bool = False) -> bytes:
    """Return what a client reads of *url*, whose answer is *body* (bytes, or pieces of them)."""
    headers = {"content-type": "application/octet-stream"}
    transport = module.MockTransport(lambda request: module.Response(200, headers=headers, content=body))
    with module.Client(transport=transport) as client:
        if not stream:
            return bytes(client.get(url).content)
        with client.stream("GET", url) as response:
            return b"".join(response.iter_bytes())


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("stream", [False, True])
def test_each_line_of_a_file_is_a_call(world: World, module: ModuleType, stream: bool) -> None:
    """Each has its own id and cost; the file itself has no span."""
    lines = [line(0), line(1, usage={"prompt_tokens": 2000, "completion_tokens": 20, "total_tokens": 2020})]
    assert fetch(module, FILE, iter(lines) if stream else b"".join(lines), stream=stream) == b"".join(lines)
    told = [dict(span.attributes or {}) for span in world.spans]
    assert [t["llm.request_id"] for t in told] == ["chatcmpl-0", "chatcmpl-1"]
    assert {t["llm.service_tier"] for t in told} == {"batch"} and {t["llm.cost_status"] for t in told} == {"priced"}
    assert [t["llm.request_cost_usd"] for t in told] == [pytest.approx(COST), pytest.approx(2 * COST)]
    assert "planted-answer" not in repr(told)


def test_what_is_fetched_again_is_not_counted_again(world: World) -> None:
    """One process counts a call once; a line that is new is new."""
    fetch(httpx, FILE, line(0))
    fetch(httpx, FILE, line(0) + line(1))
    assert [span.attributes["llm.request_id"] for span in world.spans if span.attributes] == [
        "chatcmpl-0",
        "chatcmpl-1",
    ]
    assert world.capture.stats["batch_calls_read_again"] == 1


def test_other_files_hold_no_calls(world: World) -> None:
    """The requests of a batch, a picture, a table and an error have no span."""
    asked = json.dumps({"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "x"}})
    failed = json.dumps({"id": "b", "response": {"status_code": 400, "body": {"error": {"message": "no"}}}})
    for body in (asked.encode(), b"\x89PNG\r\n\x1a\n" + bytes(100), b"a,b\n1,2\n", failed.encode(), b"", b"[1, 2]"):
        assert fetch(httpx, FILE, body) == body
    assert world.spans == ()


def test_a_request_that_failed_is_not_billed(world: World) -> None:
    """Of a batch of messages, those that succeeded are calls."""
    message = {"id": "msg_1", "model": "claude-haiku-4-5", "usage": {"input_tokens": 10, "output_tokens": 5}}
    rows = [
        {"custom_id": "a", "result": {"type": "succeeded", "message": message}},
        {"custom_id": "b", "result": {"type": "errored", "error": {"type": "error", "error": {"message": "no"}}}},
        {"custom_id": "c", "result": {"type": "expired"}},
    ]
    fetch(httpx, RESULTS, "\n".join(map(json.dumps, rows)).encode())
    (span,) = world.spans
    assert span.attributes is not None and span.attributes["llm.request_id"] == "msg_1"
    assert span.attributes["llm.request_cost_usd"] == pytest.approx((10 * 1e-6 + 5 * 5e-6) / 2)


def test_a_batch_that_is_polled_counts_when_it_has_ended(world: World) -> None:
    """Pending polls tell nothing; later ones repeat what was told."""
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 100, "totalTokenCount": 1100}
    answer = {"usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}
    ended = {"done": True, "response": {"inlinedResponses": {"inlinedResponses": [{"response": answer}]}}}
    for state in ({}, ended, ended):
        fetch(httpx, GEMINI, json.dumps({"name": "batches/b1", **state}).encode())
    (span,) = world.spans
    assert span.attributes is not None
    assert span.attributes["llm.request_cost_usd"] == pytest.approx((1000 * 0.3e-6 + 100 * 2.5e-6) / 2)


def test_a_large_file_is_read_line_by_line(world: World) -> None:
    """Memory does not grow with the file."""
    padding = "x" * 20_000

    def pieces() -> Iterator[bytes]:
        for number in range(1_000):
            yield line(number, choices=[{"finish_reason": "stop", "text": padding}])

    world.exporter.export = lambda spans: None  # type: ignore[method-assign, assignment, return-value]
    headers = {"content-type": "application/octet-stream"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, headers=headers, content=pieces()))
    tracemalloc.start()
    with httpx.Client(transport=transport) as client, client.stream("GET", FILE) as response:
        for _ in response.iter_bytes():
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert world.capture.stats["calls_usage"] == 1_000
    assert peak < 8 << 20


BEDROCK = "https://bedrock.us-east-1.amazonaws.com/model-invocation-job"
ARN = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghij12"
OUTPUT = "https://bucket.s3.us-east-1.amazonaws.com/out/abcdefghij12/in.jsonl.out"
RECORD = {"recordId": "1", "modelOutput": {"usage": {"inputTokens": 1000, "outputTokens": 10}}}


@pytest.mark.parametrize("is_polled", [True, False])
def test_results_of_a_bedrock_job_have_the_model_of_the_job(world: World, is_polled: bool) -> None:
    """A process that made the job or asked for its state knows the model; another one says that it does not."""
    poll = {"jobArn": ARN, "modelId": "amazon.nova-lite-v1:0", "status": "Completed"}
    if is_polled:
        fetch(httpx, f"{BEDROCK}/{ARN.rpartition('/')[2]}", json.dumps(poll).encode())
    assert not world.spans
    fetch(httpx, OUTPUT, json.dumps(RECORD).encode() + b"\n")
    (span,) = world.spans
    found = dict(span.attributes or {})
    if is_polled:
        assert (found["llm.model"], found["llm.service_tier"]) == ("amazon.nova-lite-v1:0", "batch")
        assert found["llm.request_cost_usd"] == pytest.approx((1000 * 0.06e-6 + 10 * 0.24e-6) / 2)
    else:
        assert (found["llm.cost_status"], found["llm.cost_reason"]) == ("unpriced", "no_model")
