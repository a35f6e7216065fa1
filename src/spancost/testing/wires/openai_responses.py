# SPDX-License-Identifier: Apache-2.0
"""OpenAI responses: one document, or a stream of named events whose last one repeats the whole response."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spancost.testing.wires.exchange import Asked, Body, Event, Served, segments_of
from spancost.testing.wires.framing import compact
from spancost.testing.wires.openai_chat import OpenAIChat


class OpenAIResponses:
    """`/responses`."""

    operation = "chat"

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        given = body.get("input", "")
        parts = given if isinstance(given, list) else [given]
        tools = body.get("tools") or []
        return Asked(
            model=body.get("model", ""),
            stream=bool(body.get("stream")),
            segments=segments_of([tools, body.get("instructions"), *parts]),
            stream_usage=True,
            web_search=any(str(tool.get("type", "")).startswith("web_search") for tool in tools),
        )

    def document(self, served: Served) -> dict[str, Any]:
        return _response(served, "completed", _output(served))

    def events(self, served: Served) -> Iterator[Event]:
        for number, (name, data) in enumerate(_steps(served)):
            yield Event({"type": name, "sequence_number": number, **data}, name)

    def error(self, status: int, message: str) -> dict[str, Any]:
        return OpenAIChat().error(status, message)


def _steps(served: Served) -> Iterator[tuple[str, dict[str, Any]]]:
    started = _response(served, "in_progress", [])
    yield "response.created", {"response": started}
    yield "response.in_progress", {"response": started}
    for index, item in enumerate(_output(served)):
        place = {"output_index": index, "item_id": item["id"]}
        if item["type"] == "message":
            yield from _message_steps(served, item, place)
        else:
            yield "response.output_item.added", {"output_index": index, "item": item}
            yield "response.output_item.done", {"output_index": index, "item": item}
    yield "response.completed", {"response": _response(served, "completed", _output(served))}


def _message_steps(served: Served, item: dict[str, Any], place: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    part = item["content"][0]
    empty = {**item, "status": "in_progress", "content": []}
    inside = {**place, "content_index": 0}
    yield "response.output_item.added", {"output_index": place["output_index"], "item": empty}
    yield "response.content_part.added", {**inside, "part": {**part, "text": ""}}
    for piece in served.pieces():
        yield "response.output_text.delta", {**inside, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {**inside, "text": served.text, "logprobs": []}
    yield "response.content_part.done", {**inside, "part": part}
    yield "response.output_item.done", {"output_index": place["output_index"], "item": item}


def _output(served: Served) -> list[dict[str, Any]]:
    suffix = served.response_id[-16:]
    output: list[dict[str, Any]] = []
    if served.usage.reasoning_tokens:
        output.append({"id": f"rs_{suffix}", "type": "reasoning", "summary": []})
    if served.text:
        part = {"type": "output_text", "text": served.text, "annotations": [], "logprobs": []}
        message = {"id": f"msg_{suffix}", "type": "message", "role": "assistant", "status": "completed"}
        output.append({**message, "content": [part]})
    for index, call in enumerate(served.tool_calls):
        head = {"id": f"fc_{suffix}_{index}", "type": "function_call", "status": "completed"}
        output.append(
            {**head, "call_id": served.call_id(index), "name": call.name, "arguments": compact(call.arguments)}
        )
    return output


def _response(served: Served, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    used = served.reported if status == "completed" else None
    usage = None
    if used is not None:
        details = {"cached_tokens": used.cache_read_tokens, "cache_write_tokens": used.written}
        usage = {
            "input_tokens": used.input_tokens,
            "input_tokens_details": details,
            "output_tokens": used.output_tokens,
            "output_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
            "total_tokens": used.input_tokens + used.output_tokens,
        }
    return {
        "id": served.response_id,
        "object": "response",
        "created_at": served.created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": served.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": served.service_tier or "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tool_usage": {"web_search": {"num_requests": served.usage.web_searches}},
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
    }
