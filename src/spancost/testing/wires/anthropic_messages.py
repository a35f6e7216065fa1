# SPDX-License-Identifier: Apache-2.0
"""Anthropic messages: content blocks, prompt caching by marks, thinking, tools and web search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spancost.testing.usage import Usage
from spancost.testing.wires.exchange import Asked, Body, Event, Segment, Served, text_of, words
from spancost.testing.wires.framing import compact


class AnthropicMessages:
    """`/messages`."""

    operation = "chat"

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        tools = body.get("tools") or []
        system = body.get("system") or []
        blocks = [*tools, *([system] if isinstance(system, str) else system)]
        for message in body.get("messages", ()):
            content = message.get("content", "")
            blocks += [content] if isinstance(content, str) else content
        return Asked(
            model=body.get("model") or groups.get("model", ""),
            stream=bool(body.get("stream")) or "stream" in groups.get("verb", "").lower(),
            segments=tuple(_segment(block) for block in blocks if block),
            stream_usage=True,
            web_search=any(str(tool.get("type", "")).startswith("web_search") for tool in tools),
        )

    def document(self, served: Served) -> dict[str, Any]:
        message = _message(served)
        message |= {"content": _content(served), "stop_reason": _finish(served)}
        if served.reported is not None:
            message["usage"] = _usage(served, served.reported)
        return message

    def events(self, served: Served) -> Iterator[Event]:
        start = _message(served)
        if served.reported is not None:
            start["usage"] = {**_usage(served, served.reported), "output_tokens": 1}
        yield _event("message_start", message=start)
        yield _event("ping")
        for index, block in enumerate(_content(served)):
            yield from _block_events(index, block)
        delta = {"stop_reason": _finish(served), "stop_sequence": None}
        if served.reported is None:
            yield _event("message_delta", delta=delta)
        else:
            yield _event("message_delta", delta=delta, usage=_final_usage(served.reported))
        yield _event("message_stop")

    def error(self, status: int, message: str) -> dict[str, Any]:
        kinds = {404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}
        kind = kinds.get(status, "api_error" if status >= 500 else "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": message}}


def _segment(block: Any) -> Segment:
    if isinstance(block, Mapping) and "cache_control" in block:
        rest = {key: value for key, value in block.items() if key != "cache_control"}
        return Segment(text_of(rest), (block["cache_control"] or {}).get("ttl", "5m"))
    return Segment(text_of(block))


def _message(served: Served) -> dict[str, Any]:
    return {
        "id": served.response_id,
        "type": "message",
        "role": "assistant",
        "model": served.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _content(served: Served) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    if served.thinking:
        content.append({"type": "thinking", "thinking": served.thinking, "signature": "loopback"})
    if served.text:
        content.append({"type": "text", "text": served.text})
    for index, call in enumerate(served.tool_calls):
        content.append(
            {"type": "tool_use", "id": served.call_id(index), "name": call.name, "input": dict(call.arguments)}
        )
    return content


def _finish(served: Served) -> str:
    return "tool_use" if served.tool_calls else "end_turn"


def _usage(served: Served, used: Usage) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "input_tokens": used.plain_input,
        "cache_creation_input_tokens": used.written,
        "cache_read_input_tokens": used.cache_read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": used.cache_write_5m_tokens,
            "ephemeral_1h_input_tokens": used.cache_write_1h_tokens,
        },
        "output_tokens": used.output_tokens,
        "service_tier": served.service_tier or "standard",
    }
    if used.web_searches:
        usage["server_tool_use"] = {"web_search_requests": used.web_searches, "web_fetch_requests": 0}
    return usage


def _final_usage(used: Usage) -> dict[str, Any]:
    """Return the cumulative usage of the last event, which leaves the times to live out."""
    usage: dict[str, Any] = {
        "input_tokens": used.plain_input,
        "cache_creation_input_tokens": used.written,
        "cache_read_input_tokens": used.cache_read_tokens,
        "output_tokens": used.output_tokens,
    }
    if used.web_searches:
        usage["server_tool_use"] = {"web_search_requests": used.web_searches}
    return usage


def _block_events(index: int, block: dict[str, Any]) -> Iterator[Event]:
    field, delta_type, empty, pieces = _BLOCKS[block["type"]]
    yield _event("content_block_start", index=index, content_block={**block, field: empty})
    for piece in pieces(block[field]):
        key = "partial_json" if delta_type == "input_json_delta" else field
        yield _event("content_block_delta", index=index, delta={"type": delta_type, key: piece})
    if block["type"] == "thinking":
        signature = {"type": "signature_delta", "signature": block["signature"]}
        yield _event("content_block_delta", index=index, delta=signature)
    yield _event("content_block_stop", index=index)


_BLOCKS: dict[str, tuple[str, str, Any, Any]] = {
    "text": ("text", "text_delta", "", words),
    "thinking": ("thinking", "thinking_delta", "", words),
    "tool_use": ("input", "input_json_delta", {}, lambda given: [compact(given)]),
}
"""Type of block -> its field, the type of its deltas, what the field holds at the start, and how it is cut."""


def _event(name: str, **data: Any) -> Event:
    return Event({"type": name, **data}, name)
