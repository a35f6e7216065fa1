# SPDX-License-Identifier: Apache-2.0
"""Bedrock: Converse and its stream, and Anthropic bodies through InvokeModel. Converse names neither model nor id."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from spancost.testing.usage import Usage
from spancost.testing.wires.anthropic_messages import AnthropicMessages
from spancost.testing.wires.exchange import Asked, Body, Event, Segment, Served, text_of
from spancost.testing.wires.framing import compact


class BedrockConverse:
    """`/model/{id}/converse` and `/converse-stream`."""

    operation = "chat"

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        tools = (body.get("toolConfig") or {}).get("tools", [])
        blocks = [*tools, *(body.get("system") or [])]
        for message in body.get("messages", ()):
            blocks += message.get("content", ())
        return Asked(
            model=unquote(groups["model"]),
            stream=groups["verb"] == "converse-stream",
            segments=tuple(_segments(blocks)),
            stream_usage=True,
        )

    def document(self, served: Served) -> dict[str, Any]:
        message = {"role": "assistant", "content": _content(served)}
        document: dict[str, Any] = {"output": {"message": message}, "stopReason": _finish(served)}
        document["metrics"] = {"latencyMs": 1}
        if served.reported is not None:
            document["usage"] = _usage(served.reported)
        return document

    def events(self, served: Served) -> Iterator[Event]:
        yield Event({"role": "assistant"}, "messageStart")
        for index, block in enumerate(_content(served)):
            yield from _block_events(served, index, block)
        yield Event({"stopReason": _finish(served)}, "messageStop")
        metadata: dict[str, Any] = {"metrics": {"latencyMs": 1}}
        if served.reported is not None:
            metadata["usage"] = _usage(served.reported)
        yield Event(metadata, "metadata")

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"message": message}


class BedrockInvokeAnthropic:
    """`/model/{id}/invoke` and `/invoke-with-response-stream` with an Anthropic body."""

    operation = "chat"

    def __init__(self) -> None:
        self._inner = AnthropicMessages()

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        asked = self._inner.read(groups, query, body)
        return asked._replace(model=unquote(groups["model"]), stream="stream" in groups["verb"])

    def document(self, served: Served) -> dict[str, Any]:
        return self._inner.document(_plain_model(served))

    def events(self, served: Served) -> Iterator[Event]:
        for event in self._inner.events(_plain_model(served)):
            data = event.data
            if event.name == "message_stop" and served.reported is not None and not isinstance(data, str):
                data = {**data, "amazon-bedrock-invocationMetrics": _metrics(served.reported)}
            yield Event({"bytes": base64.b64encode(compact(data).encode()).decode()}, "chunk")

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"message": message}


def _plain_model(served: Served) -> Served:
    """Return *served* under the name that Anthropic's body says: without region, vendor and version."""
    name = served.model.rsplit("anthropic.", 1)[-1].rsplit("-v", 1)[0]
    return served._replace(model=name)


def _segments(blocks: list[Mapping[str, Any]]) -> Iterator[Segment]:
    """Yield the prompt; a cachePoint block marks the end of what was before it."""
    pending: Segment | None = None
    for block in blocks:
        if "cachePoint" in block:
            if pending is not None:
                pending = pending._replace(ttl=block["cachePoint"].get("ttl", "5m"))
            continue
        if pending is not None:
            yield pending
        pending = Segment(text_of(block))
    if pending is not None:
        yield pending


def _content(served: Served) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = [{"text": served.text}] if served.text else []
    return content + [
        {"toolUse": {"toolUseId": served.call_id(index), "name": call.name, "input": dict(call.arguments)}}
        for index, call in enumerate(served.tool_calls)
    ]


def _finish(served: Served) -> str:
    return "tool_use" if served.tool_calls else "end_turn"


def _block_events(served: Served, index: int, block: dict[str, Any]) -> Iterator[Event]:
    place = {"contentBlockIndex": index}
    if "toolUse" in block:
        tool = block["toolUse"]
        start = {"toolUse": {"toolUseId": tool["toolUseId"], "name": tool["name"]}}
        yield Event({**place, "start": start}, "contentBlockStart")
        yield Event({**place, "delta": {"toolUse": {"input": compact(tool["input"])}}}, "contentBlockDelta")
    else:
        for piece in served.pieces():
            yield Event({**place, "delta": {"text": piece}}, "contentBlockDelta")
    yield Event(place, "contentBlockStop")


def _usage(used: Usage) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "inputTokens": used.plain_input,
        "outputTokens": used.output_tokens,
        "totalTokens": used.input_tokens + used.output_tokens,
        "cacheReadInputTokens": used.cache_read_tokens,
        "cacheReadInputTokenCount": used.cache_read_tokens,
        "cacheWriteInputTokens": used.written,
        "cacheWriteInputTokenCount": used.written,
    }
    details = (("5m", used.cache_write_5m_tokens), ("1h", used.cache_write_1h_tokens))
    if used.written:
        usage["cacheDetails"] = [{"ttl": ttl, "inputTokens": count} for ttl, count in details if count]
    return usage


def _metrics(used: Usage) -> dict[str, int]:
    return {
        "inputTokenCount": used.plain_input,
        "outputTokenCount": used.output_tokens,
        "cacheReadInputTokenCount": used.cache_read_tokens,
        "cacheWriteInputTokenCount": used.written,
        "invocationLatency": 1,
        "firstByteLatency": 1,
    }
