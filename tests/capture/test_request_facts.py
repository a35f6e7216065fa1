# SPDX-License-Identifier: Apache-2.0
"""Calls that are sold by what the request asks for: rankings by query and document, videos by the second."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from spancost.capture.request import facts_of
from tests.capture.world import World, client

RERANK = "https://bedrock-agent-runtime.us-west-2.amazonaws.com/rerank"
VIDEO = "https://generativelanguage.googleapis.com/v1beta/models/veo-3.1-generate-preview:predictLongRunning"
ARN = "arn:aws:bedrock:us-west-2::foundation-model/cohere.rerank-v3-5:0"
MODEL = {"bedrockRerankingConfiguration": {"modelConfiguration": {"modelArn": ARN}}}


def ranking(documents: int, text: str = "t") -> dict[str, Any]:
    sources = [{"type": "INLINE", "inlineDocumentSource": {"textDocument": {"text": text}}}] * documents
    return {"queries": [{"type": "TEXT"}], "sources": sources, "rerankingConfiguration": MODEL}


def ask(world: World, url: str, body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    with client(httpx2, lambda _: httpx2.Response(200, json=answer)) as http:
        http.post(url, json=body)
    return dict(world.spans[-1].attributes or {})


@pytest.mark.parametrize(("documents", "usd"), [(1, 0.002), (100, 0.002), (101, 0.004)])
def test_a_ranking_of_the_agent_runtime_is_sold_by_a_hundred_documents(
    world: World, documents: int, usd: float
) -> None:
    told = ask(world, RERANK, ranking(documents), {"results": [{"index": 0, "relevanceScore": 0.9}]})
    assert (told["llm.model"], told["llm.request_cost_usd"]) == ("cohere.rerank-v3-5:0", usd)


def test_a_video_is_estimated_by_the_seconds_of_the_request(world: World) -> None:
    asked = {"instances": [{"prompt": "p"}], "parameters": {"durationSeconds": 6, "sampleCount": 2}}
    told = ask(world, VIDEO, asked, {"name": "models/veo-3.1-generate-preview/operations/op"})
    assert (told["llm.cost_status"], told["llm.cost_reason"]) == ("estimated", "video_requested")
    assert told["llm.request_cost_usd"] == 4.8


def test_documents_of_a_long_ranking_are_counted() -> None:
    """Bodies over 64 KiB are searched, not parsed; rankings are parsed, or their documents would count as one query."""
    long = json.dumps({"model": "rerank-v3.5", "documents": ["x" * 1000] * 250}).encode()
    assert facts_of(long)["documents"] == 250
    long = json.dumps(ranking(250, "x" * 1000)).encode()
    assert facts_of(long) == {"documents": 250, "queries": 1, "model": "cohere.rerank-v3-5:0"}
