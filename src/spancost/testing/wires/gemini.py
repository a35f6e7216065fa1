# SPDX-License-Identifier: Apache-2.0
"""Gemini: generateContent, its stream, and embeddings; thoughts are counted beside the candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spancost.testing.usage import Usage
from spancost.testing.wires.exchange import Asked, Body, Event, Served, segments_of, text_of


def _error(status: int, message: str) -> dict[str, Any]:
    states = {404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
    state = states.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    return {"error": {"code": status, "message": message, "status": state}}


class GeminiContent:
    """`:generateContent` and `:streamGenerateContent`."""

    operation = "chat"

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        parts = [body.get("tools"), body.get("systemInstruction"), *body.get("contents", ())]
        return Asked(
            model=groups["model"],
            stream=groups["verb"].startswith("stream"),
            segments=segments_of(parts),
            stream_usage=True,
            web_search=any("googleSearch" in tool for tool in body.get("tools") or ()),
        )

    def document(self, served: Served) -> dict[str, Any]:
        return _chunk(served, _parts(served), served.reported, "STOP")

    def events(self, served: Served) -> Iterator[Event]:
        begun = served.reported and served.reported._replace(output_tokens=0, reasoning_tokens=0)
        for piece in served.pieces():
            yield Event(_chunk(served, [{"text": piece}], begun, None))
        calls = _parts(served)[1 if served.text else 0 :]
        yield Event(_chunk(served, calls or [{"text": ""}], served.reported, "STOP"))

    def error(self, status: int, message: str) -> dict[str, Any]:
        return _error(status, message)


class GeminiEmbeddings:
    """`:embedContent` and `:batchEmbedContents`."""

    operation = "embeddings"

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        requests = body.get("requests") or [body]
        return Asked(model=groups["model"], inputs=tuple(text_of(request.get("content", "")) for request in requests))

    def document(self, served: Served) -> dict[str, Any]:
        document: dict[str, Any] = {"embeddings": [{"values": list(vector)} for vector in served.vectors]}
        if served.reported is not None:
            document["usageMetadata"] = {"promptTokenCount": served.reported.input_tokens}
        return document

    def events(self, served: Served) -> Iterator[Event]:
        raise NotImplementedError("embeddings do not stream")

    def error(self, status: int, message: str) -> dict[str, Any]:
        return _error(status, message)


def _parts(served: Served) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": served.text}] if served.text else []
    return parts + [{"functionCall": {"name": call.name, "args": dict(call.arguments)}} for call in served.tool_calls]


def _chunk(served: Served, parts: list[dict[str, Any]], used: Usage | None, finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    if finish and served.usage.web_searches:
        candidate["groundingMetadata"] = {"webSearchQueries": ["loopback"] * served.usage.web_searches}
    chunk: dict[str, Any] = {"candidates": [candidate], "modelVersion": served.model, "responseId": served.response_id}
    if used is not None:
        chunk["usageMetadata"] = _usage(used)
    return chunk


def _usage(used: Usage) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "promptTokenCount": used.input_tokens,
        "candidatesTokenCount": used.output_tokens - used.reasoning_tokens,
        "totalTokenCount": used.input_tokens + used.output_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": used.input_tokens}],
    }
    if used.cache_read_tokens:
        counts["cachedContentTokenCount"] = used.cache_read_tokens
    if used.reasoning_tokens:
        counts["thoughtsTokenCount"] = used.reasoning_tokens
    return counts
